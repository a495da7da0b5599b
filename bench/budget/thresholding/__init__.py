"""Thresholdings, one a file: who leaves where, once it is known how many may."""
