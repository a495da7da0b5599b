"""Figures: what each kind shows, and how all of them are drawn, placed and saved."""
