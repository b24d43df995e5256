"""What plugins are made of: the base classes of the four kinds of component."""
