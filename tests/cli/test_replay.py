"""`tracker replay`: rebuild, verify, as of an instant, and what if."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import lease, log, rebuild
from store.engine import Database
from tests.cli.support import (
    ALEX,
    DAY,
    GUILD,
    JISOO,
    MINJUN,
    ROLE,
    VOICE,
    community,
    tracker,
    written,
)  # fmt: skip
from tests.cli.test_care import spoil
from tests.store.living import tables
from tracker.clock import SystemClock
from tracker.events.rule import SettingsChanged
from tracker.ids import GuildId

OTHER = "11"
MIDNIGHT = "2026-02-19T00:00+09:00"  # Minjun is in voice from 15:16:52 of the 18th to 01:16:52 of the 19th
RICH = """
timezone = "Asia/Seoul"
locale = "ko"
[voice.default]
every_s = 300
exp = 2
[levels]
kind = "linear"
exp_per_level = 50
[[tiers.list]]
name = "=Gold"
role_id = "41"
min_exp = 100
"""


def address(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def url(database: Database, tmp_path: Path) -> str:
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", address(database))
    return address(database)


@pytest.fixture
def bot(database: Database, url: str) -> Iterator[lease.Lease]:
    """Somebody else who writes to the database: a process that lives, and is not this one."""
    other = lease.Process(host="elsewhere", machine="m", pid=4711, start="")
    held = lease.acquire(database, now=SystemClock().now(), holder=other)
    yield held
    lease.release(database, held)


def rules(tmp_path: Path, text: str = RICH) -> Path:
    file = tmp_path / "study.toml"
    file.write_text(text, encoding="utf-8")
    return file


def two_guilds(url: str, tmp_path: Path) -> None:
    lines = [
        json.dumps({**json.loads(line), "guild_id": OTHER, "id": f"other-{json.loads(line)['id']}"})
        for line in community()
        if '"message:' not in line
    ]
    assert tracker("import", written(tmp_path / "other.jsonl", lines), "--database", url).code == 0


# --- rebuild ---------------------------------------------------------------------------------------------------------


def test_a_replay_of_one_server_leaves_the_others_alone(database: Database, url: str, tmp_path: Path) -> None:
    two_guilds(url, tmp_path)
    spoil(database, "UPDATE totals SET exp = exp + 1")
    done = tracker("replay", "--guild", GUILD, "--database", url)
    assert (done.code, done.out) == (0, "13 events replayed\n")
    assert {row[0] for row in tables(database)["totals"]} == {int(GUILD), int(OTHER)}
    assert tracker("replay", "--verify", "--guild", GUILD, "--database", url).code == 0
    assert tracker("replay", "--verify", "--guild", OTHER, "--database", url).code == 1


def test_beside_a_running_bot_a_replay_is_refused_naming_it_and_the_rest_works(
    url: str, bot: lease.Lease, tmp_path: Path
) -> None:
    for refused in (("replay",), ("replay", "--what-if", rules(tmp_path), "--apply", "--yes")):
        result = tracker(*refused, "--database", url)
        assert (result.code, result.out) == (2, "")
        assert "is being written to by process 4711 on elsewhere" in result.err
    for allowed in (("--verify",), ("--until", MIDNIGHT), ("--what-if", rules(tmp_path))):
        assert tracker("replay", *allowed, "--database", url).code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--verify", "--until", MIDNIGHT), "--verify and --until cannot be combined"),
        (("--apply",), "belong to --what-if FILE"),
        (("--csv", "x.csv"), "belong to --what-if FILE"),
        (("--jobs", "2", "--verify"), "--jobs is for making all figures anew"),
        (("--jobs", "2", "--guild", "10"), "--jobs is for making all figures anew"),
        (("--guild", "x"), "--guild: 'x' is not an id"),
        (
            ("--until", "2026-02-18T00:00"),
            "does not say in which time zone; add its offset, such as 2026-02-18T00:00+",
        ),
        (("--until", "yesterday"), "--until: 'yesterday' is not an instant such as 2026-02-18T00:00+09:00"),
        (("--until", "0001-01-01T00:00+09:00", "--guild", "99"), "nothing was known of server 99 at 0001-01-01"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    sqlite: Database, arguments: tuple[str, ...], problem: str
) -> None:
    result = tracker("replay", *arguments, "--database", address(sqlite))
    assert (result.code, result.out) == (2, "") or "nothing was known" in problem
    assert problem in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("option", [(), ("--verify",)])
def test_a_server_that_nobody_knows_is_refused(sqlite: Database, option: tuple[str, ...]) -> None:
    result = tracker("replay", *option, "--guild", "99", "--database", address(sqlite))
    assert result.code != 0
    assert result.err == "tracker: guild 99 is not in the database\n"


# --- verify ----------------------------------------------------------------------------------------------------------


def test_verifying_says_in_one_line_that_all_is_well_and_changes_nothing(database: Database, url: str) -> None:
    before = (tables(database), log.head(database))
    result = tracker("replay", "--verify", "--database", url)
    assert (result.code, result.out, result.err) == (0, "13 events replayed: live figures = replay\n", "")
    assert (tables(database), log.head(database)) == before


def test_the_first_differences_are_shown_with_server_member_day_column_and_both_values(
    database: Database, url: str
) -> None:
    spoil(
        database,
        f"UPDATE daily SET voice_ms = voice_ms + 1 WHERE day = 20260218 AND user_id = {MINJUN}",
        )  # fmt: skip
    spoil(database, f"DELETE FROM sessions WHERE user_id = {MINJUN}")
    result = tracker("replay", "--verify", "--database", url)
    assert result.code == 1
    lines = [line for line in result.out.splitlines() if "│" in line]
    daily, session = ([cell.strip() for cell in line.split("│")[1:-1]] for line in lines)
    assert daily == [
        "daily", GUILD, MINJUN, "2026-02-18", f"channel_id={VOICE}", "voice_ms", "31388001", "31388000",
    ]  # fmt: skip
    assert session[:4] == ["sessions", GUILD, MINJUN, "2026-02-18"]
    assert session[5:] == ["the whole row", "no such row", "there"]
    assert result.err == (
        "tracker: the figures are not what the log says (the first 2 differences are above); "
        "`tracker replay` makes them anew\n"
    )


def test_what_is_noted_of_a_member_is_verified_too(database: Database, url: str, tmp_path: Path) -> None:
    assert tracker("settings", "apply", rules(tmp_path), "--guild", GUILD, "--database", url).code == 0
    spoil(database, f"UPDATE member_sync SET tier_roles = '77' WHERE user_id = {MINJUN}")
    result = tracker("replay", "--verify", "--database", url)
    assert result.code == 1
    assert [c.strip() for c in result.out.splitlines()[-2].split("│")[1:-1]] == [
        "member_sync", GUILD, MINJUN, "–", "–", "tier_roles", "77", "41",
    ]  # fmt: skip


def test_a_server_that_awaits_its_rebuild_is_left_out_and_said_to_be(database: Database, url: str) -> None:
    rebuild.mark_for_rebuild(database, [GuildId(int(GUILD))])
    spoil(database, "UPDATE totals SET exp = exp + 1")
    result = tracker("replay", "--verify", "--database", url)
    assert result.code == 0
    assert result.err.startswith("left out: 1 guilds whose history was added to")


# --- until -----------------------------------------------------------------------------------------------------------


def test_the_totals_are_shown_as_of_an_instant(url: str) -> None:
    result = tracker("replay", "--until", MIDNIGHT, "--database", url)
    assert (result.code, result.err) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.out.splitlines() if "│" in line]
    assert rows == [
        ["1", "민준", "", "1", "104", "8시간 43분", "0", "0"],
        ["2", "지수", "", "0", "51", "0분", "1", "0"],
        ["3", "[bold]Alex", "", "0", "0", "0분", "0", "0"],
    ]
    assert f"서버 {GUILD}, 2026-02-19T00:00:00+09:00 기준" in result.out


def test_only_so_many_members_of_one_server_are_shown(url: str, tmp_path: Path) -> None:
    two_guilds(url, tmp_path)
    both = tracker("replay", "--until", MIDNIGHT, "--database", url).out
    one = tracker("replay", "--until", MIDNIGHT, "--guild", OTHER, "--show", "1", "--database", url).out
    assert (both.count("민준"), one.count("민준"), one.count("지수")) == (2, 1, 0)
    assert f"서버 {GUILD}" not in one


def test_beyond_the_end_of_the_log_figures_are_as_of_its_end_and_that_is_said(url: str) -> None:
    result = tracker("replay", "--until", "2030-01-01T00:00Z", "--database", url)
    assert result.err == "the log ends at 2026-02-18T16:16:52Z: figures are as of then\n"
    assert "10시간" in result.out


def test_a_report_as_of_then_knows_nothing_of_what_came_later(url: str) -> None:
    asked = ("report", "--guild", GUILD, "--role", ROLE, "--json", "--database", url)
    then = json.loads(tracker(*asked, "--until", "2026-02-18T16:16:52+09:00").out)
    assert (then["from"], then["complete"], then["total_voice_ms"]) == (DAY, False, 3_600_000)
    assert [e["user_id"] for e in then["top"]] == [MINJUN, JISOO]
    now = json.loads(tracker(*asked, "--date", DAY).out)
    assert now["total_voice_ms"] == 31_388_000


def test_activity_as_of_then_knows_nothing_of_what_came_later(url: str) -> None:
    asked = ("activity", "--guild", GUILD, "--from", DAY, "--to", "2026-02-19", "--json", "--database", url)
    then = json.loads(tracker(*asked, "--until", "2026-02-18T15:19:00+09:00").out)
    assert [(r["user_id"], r["voice_ms"]) for r in then] == [(MINJUN, 128_000)]
    assert len(json.loads(tracker(*asked).out)) == 4


@pytest.mark.parametrize("command", [("report",), ("activity", "--from", DAY, "--to", DAY)])
def test_before_a_server_was_known_there_is_nothing_to_show(url: str, command: tuple[str, ...]) -> None:
    result = tracker(*command, "--guild", GUILD, "--until", "2025-01-01T00:00+09:00", "--database", url)
    assert (result.code != 0, result.out) == (True, "")
    assert result.err == f"tracker: nothing was known of server {GUILD} at 2025-01-01T00:00+09:00\n"


# --- what if ---------------------------------------------------------------------------------------------------------


def test_what_other_rules_would_have_made_of_the_history_is_shown_and_nothing_is_changed(
    database: Database, url: str, tmp_path: Path
) -> None:
    before = (tables(database), log.head(database))
    result = tracker("replay", "--what-if", rules(tmp_path), "--database", url)
    assert result.code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.out.splitlines() if "│" in line]
    assert rows == [
        ["EXP of all members", "171", "291", "+120"],
        ["Members with tier =Gold", "0", "1", "+1"],
        ["Members whose level rises", "", "", "2"],
        ["Members whose level falls", "", "", "0"],
        ["Members who gain a tier role", "", "", "1"],
        ["Members who lose a tier role", "", "", "0"],
        ["민준", "120", "240", "+120", "1 → 4", "=Gold", ""],
        ["지수", "51", "51", "±0", "0 → 1", "", ""],
    ]
    assert (tables(database), log.head(database)) == before


def test_the_greatest_changes_come_first_and_the_others_are_counted(url: str, tmp_path: Path) -> None:
    shown = tracker("replay", "--what-if", rules(tmp_path), "--show", "1", "--database", url).out
    assert ("민준" in shown, "지수" in shown) == (True, False)
    assert "… and 1 more members; --csv FILE has them all" in shown


def test_everybody_is_written_to_a_table_that_a_spreadsheet_opens(url: str, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    assert tracker("replay", "--what-if", rules(tmp_path), "--csv", file, "--database", url).code == 0
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [line["user_id"].strip() for line in lines] == [MINJUN, JISOO, ALEX]
    first = lines[0]
    assert (first["member"], first["exp_before"], first["exp_after"], first["exp_change"]) == (
        "민준",
        "120",
        "240",
        "120",
    )
    assert (first["level_before"], first["level_after"], first["gained"], first["lost"]) == ("1", "4", "'=Gold", "")


def test_rules_that_change_nothing_are_said_to(url: str, tmp_path: Path) -> None:
    same = rules(tmp_path, 'timezone = "Asia/Seoul"\nlocale = "ko"\n')
    assert "Nothing would be different for anybody." in tracker("replay", "--what-if", same, "--database", url).out


def test_of_several_servers_one_must_be_named(url: str, tmp_path: Path) -> None:
    two_guilds(url, tmp_path)
    result = tracker("replay", "--what-if", rules(tmp_path), "--database", url)
    assert (result.code, result.out) == (2, "")
    assert result.err == ("tracker: --what-if is about one server, and 2 are in the database: give --guild (10, 11)\n")
    assert tracker("replay", "--what-if", rules(tmp_path), "--guild", OTHER, "--database", url).code == 0


def test_a_wrong_document_and_an_unknown_server_are_refused(url: str, tmp_path: Path) -> None:
    wrong = tracker("replay", "--what-if", rules(tmp_path, 'tiemzone = "UTC"'), "--database", url)
    assert (wrong.code, wrong.err) == (2, "tracker: settings: tiemzone: there is no such key\n")
    unknown = tracker("replay", "--what-if", rules(tmp_path), "--guild", "99", "--database", url)
    assert (unknown.code != 0, unknown.err) == (True, "tracker: guild 99 is not in the database\n")
    alone = tracker("replay", "--what-if", rules(tmp_path), "--retroactive", "--database", url)
    assert (alone.code, alone.err.count("--retroactive says how to apply")) == (2, 1)


def changes(database: Database) -> list[SettingsChanged]:
    """All settings changes of the log, in its order."""
    recorded = (r for p in database.all_partitions for r in log.read(database, p))
    return [r.event.data for r in recorded if isinstance(r.event.data, SettingsChanged)]


def test_applied_rules_are_in_force_from_now_on_and_the_past_stays(
    database: Database, url: str, tmp_path: Path
) -> None:
    result = tracker("replay", "--what-if", rules(tmp_path), "--apply", "--yes", "--database", url)
    assert result.code == 0
    assert "voice.default.exp: 1 -> 2" in result.out
    assert result.err.endswith("settings changed, from now on\n")
    assert [c.retroactive for c in changes(database)] == [False, False]
    assert {row[1]: row[2] for row in tables(database)["totals"]} == {int(MINJUN): 120, int(JISOO): 51}
    assert tracker("check", "--database", url).code == 0
    again = tracker("replay", "--what-if", rules(tmp_path), "--apply", "--yes", "--database", url)
    assert again.err.endswith("these settings are in force already\n")
    assert len(changes(database)) == 2


def test_nothing_is_applied_unless_it_is_confirmed(database: Database, url: str, tmp_path: Path) -> None:
    before = (tables(database), log.head(database))
    asked = ("replay", "--what-if", rules(tmp_path), "--apply", "--database", url)
    refused = tracker(*asked, given="n\n")
    assert refused.code == 1
    assert f"Put these settings in force for server {GUILD}, from now on? [y/N]" in refused.err
    assert refused.err.endswith("nothing was changed\n")
    assert tracker(*asked).code == 1  # nobody answers
    assert (tables(database), log.head(database)) == before
    assert tracker(*asked, given="y\n").code == 0
    assert len(changes(database)) == 2


def test_retroactive_rules_are_a_fact_and_the_server_is_counted_anew_under_them(
    database: Database, url: str, tmp_path: Path
) -> None:
    asked = ("replay", "--what-if", rules(tmp_path), "--apply", "--retroactive", "--yes", "--database", url)
    result = tracker(*asked)
    assert (result.code, result.err.endswith("for its whole history, which is counted anew\n")) == (0, True)
    assert [c.retroactive for c in changes(database)] == [False, True]
    assert rebuild.marked(database) == set()
    assert tracker("check", "--database", url).code == 0


def test_a_retroactive_change_whose_rebuild_was_cut_off_is_made_up_for_later(
    database: Database, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rebuild, "rebuild", killed)
        asked = ("replay", "--what-if", rules(tmp_path), "--apply", "--retroactive", "--yes", "--database", url)
        assert tracker(*asked).code == 130
    assert rebuild.marked(database) == {GuildId(int(GUILD))}
    assert tracker("replay", "--database", url).code == 0
    assert rebuild.marked(database) == set()
    assert tracker("check", "--database", url).code == 0
