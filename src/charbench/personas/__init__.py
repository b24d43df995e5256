"""Persona files: library, schema, parsing, faults, lint, prompt sets, style features."""
