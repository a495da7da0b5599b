"""Pages of prose whose numbers are references to cells of tables and records, put in by program."""
