"""Datasets: the value type, one reader a file, the rendered default, the image store, augmentation and sampling."""
