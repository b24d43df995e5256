"""Fuzzing of everything that charbench reads and did not write: ``python -m tools.fuzz --help``."""
