"""Alembic migrations, numbered `0001_…`; `Database.migrate()` runs them."""
