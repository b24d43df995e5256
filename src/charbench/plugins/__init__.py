"""Hooks, and the manager that loads plugins and makes their components."""
