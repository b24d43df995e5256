"""Training data on disk: reading its forms, and judging its health."""
