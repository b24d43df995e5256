"""Built-in checkpoint sources."""
