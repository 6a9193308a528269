"""The bench runs, and says what it found in a form that can be kept. What it finds is never asserted here."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from scripts.bench import MEASUREMENTS, main
from scripts.benchlib import commands, machine, replay_runs
from scripts.benchlib.figures import Figure, from_plain, percentile, print_table, to_plain
from scripts.benchlib.place import Place
from store.engine import open_database

_KEYS = {"name", "what", "unit", "min", "median", "max", "runs", "aim", "better", "reached", "note"}


def test_a_quick_run_prints_json_with_aims_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--json", "-", "--no-postgres", "--here", "--only", "handler", "--only", "flush"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"machine", "figures"}
    assert all(set(figure) == _KEYS for figure in found["figures"])
    names = {figure["name"] for figure in found["figures"]}
    assert {"handler.voice.p99", "handler.message.p99", "flush.sqlite.write", "flush.sqlite.statements"} <= names
    assert all(value > 0 for figure in found["figures"] for value in figure["runs"])


def test_figures_over_the_wire_come_from_the_real_bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(target), "--no-postgres", "--here", "--only", "burst"]) == 0
    assert [figure["name"] for figure in json.loads(target.read_text())["figures"]] == ["burst.100", "burst.200"]
    assert "simultaneous voice changes" in capsys.readouterr().out


@pytest.mark.slow
def test_commands_are_asked_in_a_database_that_the_next_bench_finds_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = commands.fill_history

    def counted(url: str, events: int, members: int) -> None:
        made.append(url)
        make(url, events, members)

    monkeypatch.setattr(commands, "fill_history", counted)
    arguments = ["--quick", "--json", "-", "--no-postgres", "--here", "--only", "commands", "--cache", str(tmp_path)]
    for _ in range(2):
        assert main(arguments) == 0
        names = {figure["name"] for figure in json.loads(capsys.readouterr().out)["figures"]}
        for command in ("leaderboard season", "leaderboard all", "rank", "studyroom", "report everyone daily"):
            assert {f"commands.sqlite.{command}.{part}" for part in ("first", "p50", "p95", "max")} <= names
    assert len(made) == 1


@pytest.mark.slow
def test_a_database_whose_making_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, runs=1, cache=tmp_path)
    runs: list[str] = []

    def fails(url: str) -> None:
        open_database(url).close()
        (tmp_path / "big.db.archive").mkdir()
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"), place.lasting("sqlite", "big", fails):
        pass
    for _ in range(2):
        with place.lasting("sqlite", "big", runs.append) as url:
            assert url == f"sqlite:///{tmp_path / 'big'}.db"
    assert len(runs) == 1, "made once, from nothing"
    assert not list(tmp_path.glob("big.db*"))


@pytest.mark.slow
def test_a_server_of_the_cache_is_told_otherwise_for_one_measurement_only() -> None:
    cache = Path(tempfile.mkdtemp(prefix="bench-"))  # a socket's path may have 107 bytes only
    place = Place(folder=cache, runs=1, postgres="another one", cache=cache)
    found: list[str] = []
    little_log = {"wal_level": "minimal", "max_wal_senders": "0"}
    whenever: tuple[dict[str, str], ...] = ({}, little_log, {})
    try:
        for settings in whenever:
            with place.lasting("postgresql", "big", lambda url: open_database(url).close(), settings) as url:
                database = open_database(url, create=False)
                with database.read() as connection:
                    found.append(connection.exec_driver_sql("SHOW wal_level").scalar_one())
                database.close()
    finally:
        shutil.rmtree(cache)
    assert found == ["replica", "minimal", "replica"]


@pytest.mark.slow
def test_a_whole_guild_is_brought_in_line_by_the_real_bot(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--json", "-", "--no-postgres", "--here", "--only", "members"]) == 0
    found = {f["name"]: f["median"] for f in json.loads(capsys.readouterr().out)["figures"]}
    assert set(found) == {f"members.{c}.{f}" for c in ("wide", "discord") for f in ("seconds", "rate", "calls", "cpu")}
    assert all(value > 0 for value in found.values())


@pytest.mark.slow
def test_reports_of_one_midnight_are_all_owed_and_posted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--json", "-", "--no-postgres", "--here", "--only", "midnight"]) == 0
    found = {f["name"]: f["median"] for f in json.loads(capsys.readouterr().out)["figures"]}
    parts = ("p50", "p99", "max", "seconds")
    assert set(found) == {f"midnight.{w}.{p}" for w in ("quiet", "owing", "posting", "start") for p in parts}
    assert all(value >= 0 for value in found.values())


def test_a_measurement_that_fails_is_named_and_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> list[Figure]:
        raise RuntimeError("nothing answered")

    monkeypatch.setitem(MEASUREMENTS, "flush", broken)
    monkeypatch.setitem(MEASUREMENTS, "handler", lambda _: [Figure(name="x", what="x", unit="ms", runs=(1.0,))])
    assert main(["--quick", "--json", "-", "--no-postgres", "--here", "--only", "flush", "--only", "handler"]) == 1
    printed = capsys.readouterr()
    assert "flush failed: nothing answered" in printed.err
    assert [figure["name"] for figure in json.loads(printed.out)["figures"]] == ["x"]


def test_so_many_events_are_replayed_as_is_said_and_the_aim_is_in_proportion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Place] = []

    def seen(place: Place) -> list[Figure]:
        given.append(place)
        run = replay_runs.Run(s=1.0, processor_s=1.0, peak_mib=0.0, once_mib=0.0, load=0.0)
        return list(replay_runs.of_runs("sqlite", "rebuild", "rebuild", place.events or 0, [run], 10.0))

    monkeypatch.setitem(MEASUREMENTS, "replay", seen)
    arguments = ["--json", "-", "--no-postgres", "--here", "--only", "replay", "--cache", str(tmp_path)]
    assert main([*arguments, "--events", "50000000"]) == 0
    assert [place.events for place in given] == [50_000_000]
    found = json.loads(capsys.readouterr().out)["figures"]
    assert (found[0]["aim"], found[0]["reached"], found[1]["aim"]) == (50.0, True, None)
    for wrong in (["--cache", str(tmp_path), "--events", "999"], ["--events", "50000000"]):
        with pytest.raises(SystemExit) as stopped:
            main(["--only", "replay", *wrong])
        assert stopped.value.code == 2
        assert "--events: a whole number from 1000 on, and --cache with it" in capsys.readouterr().err


def test_an_unknown_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--only", "luck"])
    assert stopped.value.code == 2
    assert "luck" in capsys.readouterr().err


def test_the_median_decides_whether_an_aim_is_reached() -> None:
    low = Figure(name="a", what="a", unit="ms", runs=(1.0, 2.0, 90.0), aim=2.0)
    high = Figure(name="b", what="b", unit="1/s", runs=(1.0, 2.0, 90.0), aim=3.0, better="higher")
    assert (low.reached, high.reached) == (True, False)
    assert Figure(name="c", what="c", unit="", runs=(1.0,)).reached is None


def test_a_figure_survives_json() -> None:
    figure = Figure(name="a", what="b", unit="ms", runs=(1.5, 2.5), aim=2.0, better="higher", note="n")
    assert from_plain(json.loads(json.dumps(to_plain(figure)))) == figure


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 5.0), (1.0, 5.0)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([5.0, 4.0, 3.0, 2.0, 1.0], share) == value


def test_the_table_shows_aims_that_were_missed(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        [Figure(name="a", what="how long", unit="ms", runs=(1200.0,), aim=2.5)], machine.sentence(machine.describe())
    )
    shown = capsys.readouterr().out
    assert "how long" in shown
    assert "1,200" in shown
    assert "no" in shown
