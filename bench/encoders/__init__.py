"""Encoders in four stages, which methods add exits to, and their pretrained weights."""
