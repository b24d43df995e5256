"""What the store holds, as tables: terminal, CSV, Markdown, JSON."""
