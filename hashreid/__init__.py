"""HashReID: a multi-exit network with binary codes (Nikhal et al., arXiv 2308.11900, 2023)."""
