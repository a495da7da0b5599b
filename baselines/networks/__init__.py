"""The networks of the baselines, and the parts that they share."""
