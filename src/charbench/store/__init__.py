"""The store: tables, queries, migrations (SQLAlchemy; SQLite and PostgreSQL)."""
