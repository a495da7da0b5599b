"""Whether what is kept is still what was written: runs, the cache, and all that lies beside them."""
