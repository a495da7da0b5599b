"""Costs: multiply-adds of every exit, and what matching adds to them."""
