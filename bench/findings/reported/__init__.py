"""What the papers report, as data with their sources: a row of a CSV file for each printed row."""
