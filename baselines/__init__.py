"""Published multi-exit networks that HashReID is compared with, one file a method."""
