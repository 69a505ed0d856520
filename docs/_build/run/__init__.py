"""Code in, results out: sessions, their processes and their stored results. Imports `sources`; sessions, `draw`."""
