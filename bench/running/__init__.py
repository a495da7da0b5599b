"""A run from options to kept files: request, plan, stages, fitting, store."""
