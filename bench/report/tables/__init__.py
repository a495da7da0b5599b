"""Tables: what each kind holds, and how all of them are written."""
