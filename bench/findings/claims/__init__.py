"""Sentences of the papers that can be tested, and what this suite found."""
