"""Exit policies, one a file."""
