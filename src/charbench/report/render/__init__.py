"""How figures and tables are written: cells, terminal, plain text."""
