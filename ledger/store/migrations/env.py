"""Run by Alembic. `Database` hands the connection over and owns the transaction."""

import pkgutil
from importlib import import_module

from alembic import context
from sqlalchemy import Connection

import ledger.store
import ledger.store.index
from ledger.store.columns import Table

for package in (ledger.store, ledger.store.index):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not module.ispkg:
            import_module(module.name)

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Table.metadata, render_as_batch=True, transactional_ddl=True
)
context.run_migrations()
if connection.dialect.name == "sqlite":
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"the migration leaves rows that point nowhere: {broken[:5]}")
