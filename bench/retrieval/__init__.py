"""Retrieval: codes, matching, metrics, and the exit table that every policy is judged on."""
