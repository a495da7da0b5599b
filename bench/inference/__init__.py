"""Early exit for real: what the exit table simulates, run image by image or batch by batch."""
