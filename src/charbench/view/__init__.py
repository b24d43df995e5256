"""``charbench view``: the pages of a store, served on this machine to whoever started it."""
