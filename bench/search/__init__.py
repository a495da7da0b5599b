"""Search: what codes of a length cost to compare, to store and to search with, beside what they find."""
