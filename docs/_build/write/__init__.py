"""A page and its results as plain Markdown, notebooks and scripts. Imports `sources`, `run.store`."""
