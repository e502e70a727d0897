"""Derives features from the rows of other datasets: so far the arithmetic alone."""
