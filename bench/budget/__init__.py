"""Budgets: how many queries may leave where, which ones do, and what that gains."""
