"""The configuration: its model, how it is put together, and YAML with positions."""
