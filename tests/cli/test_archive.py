"""`tracker archive`: what it says and refuses; and that the other commands do not notice."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from store import lease as leases
from store.engine import Database
from tests.cli.support import GUILD, ROLE, community, event, tracker, written
from tests.databases import only_postgresql
from tracker.clock import SystemClock

OTHER = leases.Process(host="elsewhere", machine="another", pid=4321, start="")


@pytest.fixture
def url(database: Database, tmp_path: Path) -> str:
    url = database.engine.url.render_as_string(hide_password=False)
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    return url


@pytest.fixture
def run(url: str) -> Callable[..., tuple[int, str, str]]:
    """A command on that database: exit code, stdout, stderr."""

    def running(*arguments: object) -> tuple[int, str, str]:
        result = tracker(*arguments, "--database", url)
        return result.code, result.out, result.err

    return running


Run = Callable[..., tuple[int, str, str]]


def exported(run: Run, path: Path) -> str:
    run("export", path)
    return path.read_text(encoding="utf-8")


def test_old_events_go_into_files_and_no_other_command_notices(run: Run, tmp_path: Path) -> None:
    before = exported(run, tmp_path / "before.jsonl")
    report = run("report", "--guild", GUILD, "--role", ROLE, "--period", "daily", "--date", "2026-02-18")
    code, out, _ = run("archive", "--before", "2026-02-18", "--dir", tmp_path / "archive")
    assert code == 0
    assert out.startswith(f"9 events are in 1 new file in {tmp_path / 'archive'} (0.0 MB, ")
    assert run("archive")[1] == (
        f"9 events from 2026-02-17 to 2026-02-17 are in 1 file in {tmp_path / 'archive'} (0.0 MB)\n"
    )
    assert exported(run, tmp_path / "after.jsonl") == before
    assert run("check") == (0, "13 events without a gap; live figures = replay\n", "")
    assert run("replay", "--verify")[0] == 0
    assert run("report", "--guild", GUILD, "--role", ROLE, "--period", "daily", "--date", "2026-02-18") == report
    assert run("import", tmp_path / "before.jsonl")[1].startswith("0 new, 13 already there")
    assert run("doctor")[2] == ""


@only_postgresql
def test_within_postgresql_no_directory_is_asked_for(run: Run, tmp_path: Path) -> None:
    before = exported(run, tmp_path / "before.jsonl")
    code, out, _ = run("archive", "--before", "2026-02-18")
    assert (code, out[:52]) == (0, "9 events are in 1 new file in the database (0.0 MB, ")
    assert run("archive") == (0, "9 events from 2026-02-17 to 2026-02-17 are in 1 file in the database (0.0 MB)\n", "")
    assert exported(run, tmp_path / "after.jsonl") == before
    assert run("check") == (0, "13 events without a gap; live figures = replay\n", "")
    code, _, err = run("archive", "--dir", tmp_path / "archive")
    assert (code, "tracker archive --restore" in err) == (2, True)
    assert run("archive", "--restore")[1] == "9 events are back in the database, out of 1 file in the database\n"
    assert run("archive") == (0, "nothing is archived\n", "")


def test_what_is_archived_can_be_put_back(run: Run, tmp_path: Path) -> None:
    before = exported(run, tmp_path / "before.jsonl")
    run("archive", "--before", "2026-02-19", "--dir", tmp_path / "archive")
    code, out, _ = run("archive", "--restore")
    assert (code, out) == (0, f"13 events are back in the database, out of 1 file in {tmp_path / 'archive'}\n")
    assert list((tmp_path / "archive").iterdir()) == []
    assert exported(run, tmp_path / "after.jsonl") == before
    assert run("archive", "--restore") == (0, "nothing is archived\n", "")
    assert run("archive") == (0, "nothing is archived\n", "")


@pytest.mark.parametrize("alone", [False, True])
def test_the_database_can_be_made_smaller_after_archiving_or_later(
    run: Run, database: Database, tmp_path: Path, alone: bool
) -> None:
    before = exported(run, tmp_path / "before.jsonl")
    with database.write() as connection:
        if database.dialect == "sqlite":
            connection.exec_driver_sql("CREATE TABLE much (text TEXT)")
            connection.exec_driver_sql(f"INSERT INTO much VALUES ('{'x' * 900_000}')")
            connection.exec_driver_sql("DROP TABLE much")
        else:
            connection.exec_driver_sql(
                "INSERT INTO events SELECT 15, n, 'x' || n, 'x', 1, 1, NULL, NULL, 1, 1, repeat('x', 900) "
                "FROM generate_series(1, 1000) n"
            )
            connection.exec_driver_sql("DELETE FROM events WHERE type = 'x'")
    if alone:
        code, out, _ = run("archive", "--shrink")
    else:
        code, _, out = run("archive", "--before", "2026-02-18", "--dir", tmp_path / "archive", "--shrink")
    assert code == 0
    found = re.fullmatch(r"the database is (\d\.\d) MB smaller\n", out)
    assert found is not None
    assert float(found[1]) >= 0.8
    assert exported(run, tmp_path / "after.jsonl") == before
    assert run("check")[0] == 0


def test_there_may_be_nothing_to_archive(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("archive", "--before", "2020-01-01", "--dir", tmp_path / "archive")
    assert (code, out[:18]) == (0, "nothing to archive")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--before", "yesterday"], "is not a date such as 2026-01-31"),
        (["--before", "2999-01-01"], "has not come yet"),
        (["--restore", "--before", "2026-01-01"], "--restore goes with neither"),
        (["--restore", "--dir", "somewhere"], "--restore goes with neither"),
        (["--shrink", "--restore"], "--shrink goes with neither --restore"),
        (["--shrink", "--dir", "somewhere"], "--shrink goes with neither --restore nor --dir"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(run: Run, arguments: list[str], said: str) -> None:
    code, out, err = run("archive", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_beside_the_bot_the_wish_is_left_to_it_and_kept_until_it_is_done(
    run: Run, database: Database, tmp_path: Path
) -> None:
    place, day = tmp_path / "archive", "2026-02-18"
    bot = leases.acquire(database, now=SystemClock().now(), holder=OTHER)
    code, out, err = run("archive", "--before", day, "--dir", place)
    assert (code, err) == (0, "`tracker archive` says how far that is\n")
    assert out == (
        "the bot (process 4321 on elsewhere) is running and does it: within a minute it begins to move what happened "
        f"before {day} into {place}, and goes on counting meanwhile\n"
    )
    still = f"tracker: the bot is still to archive what happened before {day}, while it runs\n"
    assert run("archive") == (0, "nothing is archived\n", still)
    code, out, err = run("archive", "--before", day, "--shrink")
    assert (code, out) == (2, "")
    assert "--shrink writes what is left anew, and the bot (process 4321 on elsewhere) is running" in err
    assert "is being written to by process 4321 on elsewhere" in run("archive", "--shrink")[2]
    leases.release(database, bot)
    assert run("archive", "--before", day)[1].startswith("9 events are in 1 new file")
    assert run("archive")[2] == ""


def test_who_writes_to_the_database_is_named(run: Run, database: Database, tmp_path: Path) -> None:
    leases.acquire(database, now=SystemClock().now(), holder=OTHER, command=True)
    for arguments in (["--before", "2026-02-19", "--dir", tmp_path / "archive"], ["--restore"]):
        code, _, err = run("archive", *arguments)
        assert code == 2
        assert "is being written to by process 4321 on elsewhere" in err
    assert run("archive")[0] == 0


def test_while_the_files_are_away_that_is_said_and_carrying_them_is_too(run: Run, tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "archive", tmp_path / "elsewhere"
    run("archive", "--before", "2026-02-18", "--dir", place)
    place.rename(elsewhere)
    for command in (["check"], ["replay"], ["export", tmp_path / "out.jsonl"]):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert f"{place}/p00" in err
        assert "tracker archive --dir" in err
    assert not (tmp_path / "out.jsonl").exists()
    code, _, err = run("archive")
    assert code == 1
    assert "is not there" in err
    later = written(tmp_path / "later.jsonl", [event("z1", "exp.adjusted", "20T00:00:00", user="20", amount=5)])
    refused = run("archive", "--dir", tmp_path)
    assert refused[0] == 1
    assert run("archive", "--dir", elsewhere)[1] == (
        f"the archive is in {elsewhere} from now on: 1 file, each as it was written\n"
    )
    assert run("import", later)[1].startswith("1 new")
    assert run("check")[0] == 0
