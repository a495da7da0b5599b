"""Costs that budgets can be in, one a file."""
