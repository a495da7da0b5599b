"""Search: the cost of comparing, storing and searching codes of a length, beside their accuracy."""
