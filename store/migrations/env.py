"""Alembic's entry: runs on the connection that `store.migrate` hands over, inside its transaction and its lock."""

from __future__ import annotations

from alembic import context

from store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
