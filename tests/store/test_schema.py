"""The migrations, the schema and the read models' tables say the same."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from store.engine import Database
from store.schema import READ_MODELS, metadata
from tracker.projections.rows import TABLES


def test_the_migrations_make_exactly_the_schema(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("name", TABLES)
def test_a_read_model_has_its_columns_behind_the_partition(name: str) -> None:
    table, model = READ_MODELS[name], TABLES[name]
    assert tuple(c.name for c in table.columns) == ("partition", *model.columns)
    assert tuple(c.name for c in table.primary_key) == ("partition", *model.key)


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda t: t.name)
def test_the_partition_leads_every_key(table) -> None:  # type: ignore[no-untyped-def]
    if table.name == "tracker_info":
        return
    keys = [table.primary_key, *(c for c in table.constraints if c.__visit_name__ == "unique_constraint")]
    assert {next(iter(key.columns)).name for key in keys} == {"partition"}
