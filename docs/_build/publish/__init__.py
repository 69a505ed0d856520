"""What is left to do around HTML: kept pages, search, formulas, cards, offline. Imports `run`, `sources`, `write`."""
