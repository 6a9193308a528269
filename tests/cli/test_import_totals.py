"""`tracker import --format mee6|lurkr|polaris`: what members had come to with another bot."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from store import rebuild
from store.engine import Database, open_database
from tests.cli.support import Result, tracker
from tests.cli.test_import_chats import events, fact, file
from tests.imports.samples import ALEX, GUILD, JISOO, MINJUN, START, lurkr, mee6, polaris
from tracker.events.member import MemberForgotten, MemberJoined, MemberOptedOut
from tracker.events.rule import ExpAdjusted

HOUR = 3_600_000


def taken(url: object, *files: Path, form: str = "mee6", more: tuple[str, ...] = ("--yes",)) -> Result:
    return tracker("import", "--format", form, *files, *more, "--database", url)


def known(url: object, folder: Path, *lines: str) -> None:
    """Bring facts of our own in."""
    assert tracker("import", file(folder, "own.jsonl", "\n".join(lines).encode()), "--database", url).code == 0


def exp(url: str) -> dict[int, int]:
    db = open_database(url, create=False)
    with db.read() as connection:
        rows = connection.exec_driver_sql("SELECT user_id, exp FROM totals").all()
    assert rebuild.verify(db) == []
    assert not rebuild.marked(db)
    db.close()
    return {int(user): int(total) for user, total in rows}


def adjustments(url: str) -> list[tuple[int, str]]:
    return [(e.data.amount, e.data.reason) for e in events(url) if isinstance(e.data, ExpAdjusted)]


@pytest.mark.parametrize(("form", "made"), [("mee6", mee6), ("lurkr", lurkr), ("polaris", polaris)])
def test_totals_are_taken_over_once_and_then_only_what_has_changed(
    database_url: str, tmp_path: Path, form: str, made: Any
) -> None:
    more = ("--yes", "--guild", str(GUILD))
    first = taken(database_url, file(tmp_path, "1.json", made({MINJUN: 500, JISOO: 20, ALEX: 0})), form=form, more=more)
    assert (first.code, first.err) == (0, "")
    assert first.out.splitlines()[-1] == "2 new, 1 already there, 0 passed over, 0 refused, 1 guild rebuilt"
    assert exp(database_url) == {MINJUN: 500, JISOO: 20}
    again = taken(database_url, tmp_path / "1.json", form=form, more=more)
    assert again.out.splitlines()[-1] == "0 new, 3 already there, 0 passed over, 0 refused, 0 guilds rebuilt"
    for total in (700, 100, 700):  # up and down and back again
        taken(database_url, file(tmp_path, "2.json", made({MINJUN: total, JISOO: 20})), form=form, more=more)
        assert exp(database_url) == {MINJUN: total, JISOO: 20}
    assert len(adjustments(database_url)) == 5
    assert {reason for _, reason in adjustments(database_url)} == {
        {"mee6": "MEE6", "lurkr": "Lurkr", "polaris": "Polaris"}[form] + ": EXP taken over"
    }


def test_what_would_change_is_shown_before_anything_is_done(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    known(
        url,
        tmp_path,
        fact(MINJUN, START, MemberJoined(name="[bold]민준"), "j1"),
        fact(MINJUN, START + HOUR, ExpAdjusted(amount=40), "x1"),
    )
    exported = file(tmp_path, "1.json", mee6({MINJUN: 12_500, JISOO: 20}))
    before = events(url)
    refused = tracker("import", "--format", "mee6", exported, "--database", url, given="n\n")
    assert refused.code == 1
    assert "Take over the EXP of 2 members into server" in refused.err
    assert refused.err.endswith("nothing was changed\n")
    assert events(url) == before
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in refused.out.splitlines() if "│" in line]
    assert cells == [
        ["[bold]민준", str(MINJUN), "40", "12,500", "+12,500", "12,540", "0", "125"],
        ["user21", str(JISOO), "0", "20", "+20", "20", "0", "0"],
    ]
    assert refused.out.splitlines()[-5:-1] == [  # behind them is what was answered
        "2 members in the file; 2 change, by +12,520 EXP, as of 2026-02-18 06:16 UTC, before all that is counted",
        "0 were taken over already with the same total",
        "1 are unknown to the tracker: they get the EXP too, and have it if they come back",
        "Levels follow this server's own curve; levels = { kind = \"mee6\" } in its settings keeps MEE6's.",
    ]
    assert tracker("import", "--format", "mee6", exported, "--database", url, given="y\n").code == 0
    assert exp(url) == {MINJUN: 12_540, JISOO: 20}


def test_it_lies_before_all_that_the_tracker_counted_itself(database_url: str, tmp_path: Path) -> None:
    known(database_url, tmp_path, fact(MINJUN, START, MemberJoined(name="민준"), "j1"))
    taken(database_url, file(tmp_path, "1.json", mee6({MINJUN: 500})))
    assert [e.occurred_at for e in events(database_url) if e.type == "exp.adjusted"] == [START - 1]
    taken(database_url, file(tmp_path, "1.json", mee6({MINJUN: 600})))
    assert [e.occurred_at for e in events(database_url) if e.type == "exp.adjusted"] == [START - 1] * 2


def test_formats_are_kept_apart(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    taken(url, file(tmp_path, "1.json", mee6({MINJUN: 500})))
    taken(url, file(tmp_path, "2.json", lurkr({MINJUN: 30})), form="lurkr")
    assert exp(url) == {MINJUN: 530}


def test_pages_in_many_files_and_folders_are_read_together(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    file(tmp_path, "in/0.json", mee6({MINJUN: 500, JISOO: 20}))
    file(tmp_path, "in/1.json.gz", gzip.compress(json.dumps(mee6({JISOO: 20, ALEX: 3})).encode()))
    assert "3 new, 0 already there" in taken(url, tmp_path / "in").out
    assert exp(url) == {MINJUN: 500, JISOO: 20, ALEX: 3}


def test_members_are_named_where_nobody_knew_them(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    known(url, tmp_path, fact(MINJUN, START, MemberJoined(name="민준"), "j1"))
    taken(url, file(tmp_path, "1.json", mee6({MINJUN: 500, JISOO: 20})))
    db = open_database(url, create=False)
    with db.read() as connection:
        names = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT user_id, name FROM members")}
    db.close()
    assert names == {MINJUN: "민준", JISOO: "user21"}


def test_who_opted_out_or_is_a_bot_or_was_forgotten_is_left_out(database_url: str, tmp_path: Path) -> None:
    exported = file(tmp_path, "1.json", mee6({MINJUN: 500, JISOO: 20, ALEX: 3}))
    known(database_url, tmp_path, fact(MINJUN, START - HOUR, MemberJoined(name="민준"), "j1"))
    taken(database_url, exported)
    known(
        database_url,
        tmp_path,
        fact(MINJUN, START, MemberForgotten(), "f1"),
        fact(JISOO, START, MemberOptedOut(), "o1"),
        fact(ALEX, START, MemberJoined(name="Alex", bot=True), "b1"),
    )
    raised = file(tmp_path, "2.json", mee6({MINJUN: 900, JISOO: 90, ALEX: 90}))
    result = taken(database_url, raised)
    assert "1 are left out: they were taken over before and asked to be forgotten since" in result.out
    assert result.out.splitlines()[-1] == "0 new, 0 already there, 3 passed over, 0 refused, 0 guilds rebuilt"
    assert MINJUN not in exp(database_url)
    assert MINJUN not in {e.user_id for e in events(database_url)}


def test_no_id_in_the_log_tells_whose_total_it_was(tmp_path: Path) -> None:
    url, user = str(tmp_path / "t.db"), 987_654_321_987_654_321
    taken(url, file(tmp_path, "1.json", mee6({user: 500})))
    assert len(events(url)) == 2
    assert all(str(user) not in e.id for e in events(url))


@pytest.mark.parametrize(
    ("plain", "more", "problem"),
    [
        (mee6({MINJUN: 1}, guild=None), (), "of no server: give --guild"),
        ([mee6({MINJUN: 1}), mee6({JISOO: 1}, guild=5)], (), "of 2 servers: import one after the other"),
        (mee6({MINJUN: 1}), ("--guild", "5"), f"--guild is 5, but what was given is of server {GUILD}"),
        (mee6({MINJUN: 1}), ("--guild", "x"), "--guild: 'x' is not an id"),
        ({"players": 5}, (), "not a file of MEE6"),
        ({"players": [{"id": "1"}]}, ("--guild", "5"), "player 1: xp is missing; nothing was imported"),
        ([{"id": "1", "xp": 1}, {"id": "1", "xp": 2}], ("--guild", "5"), "member 1 has 2 EXP here, and 1 before"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, plain: object, more: tuple[str, ...], problem: str) -> None:
    result = taken(tmp_path / "t.db", file(tmp_path, "1.json", plain), more=("--yes", *more))
    assert result.code == 2
    assert problem in result.err
    assert not (tmp_path / "t.db").exists()


def test_bad_entries_can_be_skipped_and_are_listed(tmp_path: Path) -> None:
    plain = mee6({MINJUN: 500})
    plain["players"].insert(0, {"id": "5"})
    result = taken(tmp_path / "t.db", file(tmp_path, "1.json", plain), more=("--yes", "--skip-bad"))
    assert (result.code, result.err) == (0, "refused: player 1: xp is missing\n")
    assert result.out.splitlines()[-1] == "1 new, 0 already there, 0 passed over, 1 refused, 1 guild rebuilt"


def test_a_takeover_that_was_killed_half_way_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, url = rebuild.append_history, str(tmp_path / "t.db")
    exported = file(tmp_path, "1.json", mee6(dict.fromkeys(range(1000, 3600), 7)))

    def append(db: Database, part: list[Any], **named: Any) -> Any:
        if len(part) < 2_000 or part[0].type == "exp.adjusted":
            raise KeyboardInterrupt
        return plain(db, part, **named)

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "append_history", append)
        assert taken(url, exported).code == 130
    assert taken(url, exported).code == 0
    assert exp(url) == dict.fromkeys(range(1000, 3600), 7)
    assert len(events(url)) == 2 * 2600


def test_a_takeover_after_which_the_database_changed_is_not_done_blindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    url, exported = str(tmp_path / "t.db"), file(tmp_path, "1.json", mee6({MINJUN: 500}))

    def meanwhile(*_: object, **__: object) -> bool:
        assert taken(url, file(tmp_path, "2.json", mee6({MINJUN: 400}))).code == 0
        return True

    monkeypatch.setattr(typer, "confirm", meanwhile)
    result = taken(url, exported, more=())
    assert result.code == 2
    assert "the database has changed since this was shown" in result.err
    assert exp(url) == {MINJUN: 400}
