"""Comparisons: sides, tests, tables, words."""
