"""What runs the steps of a multi-exit network: one file a backend, found through the registry."""
