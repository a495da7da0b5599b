"""Reports: tables, figures and one HTML page, drawn from records alone."""
