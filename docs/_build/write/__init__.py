"""A page and its results as Markdown and files. Imports `sources` and `run.store`."""
