"""The parts of the bench that make something up, or look at another process, do what the figures take for granted."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import store.state
from scripts.benchlib import memory, replay, replay_apart, replay_runs, restart
from scripts.benchlib.commands import fill_history
from scripts.benchlib.place import Place
from scripts.simulate import fill
from store import archive
from store.engine import Database, open_database
from store.harvest import Harvest, Rows
from store.shadow_rows import Sorted
from tests.servers import PostgresServer
from tracker.ids import GuildId, Partition, UserId


def test_members_for_the_memory_figure_are_known_with_a_role_each_in_guilds_of_a_size(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_GUILD", 40)
    fill(database, memory._members(100))
    states = store.state.recover_all(database)
    rosters = [guild.roster for state in states.values() for guild in state.guilds.values()]
    assert sorted(len(list(roster.present())) for roster in rosters) == [20, 40, 40]
    roles = Counter(roster.roles(user) for roster in rosters for user in roster.present())
    assert all(len(held) == 1 for held in roles)
    assert max(roles.values()) <= 2, "twenty roles in each guild, dealt out evenly"


def test_a_recovery_is_timed_in_a_process_that_really_recovers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    fill_history(url, 600, 20)
    assert 0 < restart._recover(url) < 60
    (tmp_path / "b.db").write_text("no database at all, but some text that is long enough")
    with pytest.raises(subprocess.CalledProcessError):
        restart._recover(f"sqlite:///{tmp_path / 'b.db'}")


def test_the_guild_that_commands_are_asked_in_is_the_biggest_and_has_a_season_and_members_in_voice(
    tmp_path: Path,
) -> None:
    fill_history(f"sqlite:///{tmp_path / 'a.db'}", 40_000, 900)
    database = open_database(str(tmp_path / "a.db"))
    state, _ = store.state.recover(database, Partition(0))
    database.close()
    sizes = {GuildId(g): len(list(map(UserId, guild.roster.present()))) for g, guild in state.guilds.items()}
    biggest = max(sizes, key=lambda guild: sizes[guild])
    assert sorted(sizes.values()) == [300] * 9 + [900]
    assert state.guilds[biggest].season is not None
    assert any(guild.voice.open for guild in state.guilds.values())


def test_what_is_only_folded_is_all_there_though_no_rows_are_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    fill_history(f"sqlite:///{tmp_path / 'a.db'}", 5_000, 60)
    database = open_database(str(tmp_path / "a.db"))
    made, left = Counter[str](), Counter[str]()
    all_rows = Harvest.all

    def taken(harvest: Harvest) -> Iterator[Rows | Sorted]:
        for rows in all_rows(harvest):
            made[rows.name] += len(rows.columns[0]) if isinstance(rows, Rows) else len(rows.rows)
            yield rows

    def looked_at(harvest: Harvest) -> Iterator[Rows | Sorted]:
        for rows in all_rows(harvest):
            left[rows.name] += len(rows.columns[0]) if isinstance(rows, Rows) else len(rows.rows)
        return iter(())

    monkeypatch.setattr(Harvest, "all", taken)
    replay_apart._fold(database, 0)
    monkeypatch.setattr(replay_apart._Left, "all", looked_at)
    replay_apart._only_fold(database, 0)
    database.close()
    assert left == made
    assert left["daily"] > 100
    assert left["sessions"] > 100


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_an_archived_log_is_rebuilt_beside_the_one_of_which_it_is_a_copy_and_so_is_one_as_the_bot_leaves_it(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    pytest.importorskip("numba")
    place = Place(folder=tmp_path, runs=1, postgres=postgres.url("postgres"))
    url = place.new_url(dialect)
    rebuilt: list[tuple[str, int, int]] = []
    replay.fill_log(url, 1_000)

    def looked_at(what: str, of: str, *, watched: bool = False) -> replay_runs.Run:
        database = open_database(of, create=False)
        with database.read() as connection:
            archived = sum(segment.events for segment in archive.all_segments(connection))
            left = connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
        database.close()
        rebuilt.append((what, archived, left))
        return replay_runs.Run(s=1.0, processor_s=1.0, peak_mib=0.0, once_mib=0.0, load=0.0)

    try:
        monkeypatch.setattr(replay_runs, "apart", looked_at)
        names = [figure.name for figure in replay._archived(place, dialect, url, 1_000)]
        assert names[0] == f"replay.{dialect}.rebuild_archived"
        assert {(archived, left) for _, archived, left in rebuilt} == {(1_000, 0)}
        assert [what for what, _, _ in rebuilt] == ["rebuild", *(["fold", "loaded", "folded"] * (dialect == "sqlite"))]
        if dialect == "postgresql":
            names = [figure.name for figure in replay._sealed(place, url, 1_000)]
            assert names[0] == "replay.postgresql.rebuild_sealed"
            assert {(archived + left, archived % 10) for _, archived, left in rebuilt[1:]} == {(1_000, 0)}
            assert 500 < rebuilt[-1][1] < 1_000
        looked_at("as before", url)
        assert rebuilt[-1] == ("as before", 0, 1_000)
    finally:
        if dialect == "postgresql":
            for made in (one for one in postgres.databases() if one.startswith("bench_")):
                postgres.drop(made)
