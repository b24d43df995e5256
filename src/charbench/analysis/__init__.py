"""Rates and comparisons: pure functions, each with the source of its formula."""
