"""`tracker import` and `tracker export`."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from store import lease, log, rebuild
from store.engine import Database, open_database
from tests.cli.support import ALEX, DAY, GUILD, JISOO, MINJUN, TEXT, VOICE, community, event, tracker, written
from tracker.cli import intake
from tracker.clock import SystemClock, to_ms
from tracker.errors import DatabaseError
from tracker.events.exchange import from_line, to_line
from tracker.events.ticks import tick
from tracker.ids import Partition


def rows(url: str) -> list[dict[str, object]]:
    result = tracker(
        "activity", "--guild", GUILD, "--from", "2026-02-01", "--to", "2026-02-28", "--json", "--database", url
    )
    loaded: list[dict[str, object]] = json.loads(result.out)
    return loaded


def exported(url: str, *options: str) -> list[str]:
    result = tracker("export", *options, "--database", url)
    assert result.code == 0, result.err
    return result.out.splitlines()


def ids(lines: list[str]) -> list[str]:
    return [json.loads(line)["id"] for line in lines]


def test_importing_says_what_it_did_and_can_be_repeated(database_url: str, tmp_path: Path) -> None:
    file = written(tmp_path / "e.jsonl", community())
    first = tracker("import", file, "--database", database_url)
    assert (first.code, first.out, first.err) == (0, "13 new, 0 already there, 0 refused, 1 guild rebuilt\n", "")
    before = rows(database_url)
    assert tracker("import", file, "--database", database_url).out.startswith("0 new, 13 already there, 0 refused")
    assert rows(database_url) == before


def test_the_order_of_import_does_not_matter(database_url: str, tmp_path: Path) -> None:
    """Half of the history in a random order, then the other half: totals are as if it had come live."""
    live = tmp_path / "live.db"
    tracker("import", written(tmp_path / "all.jsonl", community()), "--database", live)
    lines = [line for line in community()[1:] if not line.startswith('{"id": "s')]
    random.Random(2).shuffle(lines)
    for number, part in enumerate((lines[5:], lines[:5], community()[:1])):
        tracker("import", written(tmp_path / f"{number}.jsonl", part), "--database", database_url)
    assert rows(database_url) == rows(str(live))
    assert tracker("check", "--database", database_url).code == 0


def test_a_bad_line_keeps_everything_out_and_is_named(database_url: str, tmp_path: Path) -> None:
    lines = community()
    lines.insert(3, '{"id":"bad","type":"voice.joined","guild_id":"10"}')
    lines.append("nonsense")
    result = tracker("import", written(tmp_path / "e.jsonl", lines), "--database", database_url)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "tracker: line 4: user_id is missing (and 1 more bad line); "
        "nothing was imported (--skip-bad imports the good lines)\n"
    )
    assert exported(database_url) == []


def test_a_refused_file_makes_no_database(tmp_path: Path) -> None:
    database = tmp_path / "new.db"
    assert tracker("import", written(tmp_path / "e.jsonl", ["{}"]), "--database", database).code == 2
    assert not database.exists()


def test_bad_lines_can_be_skipped_and_are_listed(database_url: str, tmp_path: Path) -> None:
    lines = community()
    lines.insert(3, '{"id":"bad","type":"voice.joined","guild_id":"10"}')
    lines.append("nonsense")
    result = tracker("import", written(tmp_path / "e.jsonl", lines), "--skip-bad", "--database", database_url)
    assert result.code == 0
    assert result.out == "13 new, 0 already there, 2 refused, 1 guild rebuilt\n"
    assert [line.partition(": ")[2][:7] for line in result.err.splitlines()] == ["line 4:", "line 15"]


def test_events_come_in_through_a_pipe(tmp_path: Path) -> None:
    database = tmp_path / "new.db"
    result = tracker("import", "-", "--database", database, given="\n".join(community()))
    assert result.out == "13 new, 0 already there, 0 refused, 1 guild rebuilt\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = tracker("import", tmp_path / "no.jsonl", "--database", tmp_path / "new.db")
    assert (result.code, result.err) == (2, f"tracker: {tmp_path / 'no.jsonl'}: No such file or directory\n")
    assert tracker("import", tmp_path, "--database", tmp_path / "new.db").code == 2


def test_no_import_while_another_command_writes(tmp_path: Path, database: Database) -> None:
    file = written(tmp_path / "e.jsonl", community())
    url = database.engine.url.render_as_string(hide_password=False)
    other = lease.Process(host="elsewhere", machine="another", pid=4321, start="")
    held = lease.acquire(database, now=SystemClock().now(), holder=other, command=True)
    refused = tracker("import", file, "--database", url)
    assert refused.code == 2
    assert "4321" in refused.err
    assert "elsewhere" in refused.err
    assert rows_or_none(url) is None
    lease.release(database, held)
    assert tracker("import", file, "--database", url).code == 0


def test_beside_a_bot_history_is_appended_and_marked_and_left_to_it(tmp_path: Path, database: Database) -> None:
    """The real one at work: tests/e2e/test_import_beside.py."""
    url = database.engine.url.render_as_string(hide_password=False)
    held = lease.acquire(
        database,
        now=SystemClock().now(),
        holder=lease.Process(host="elsewhere", machine="another", pid=4321, start=""),
    )
    lines = [*community(), to_line(tick(Partition(0), to_ms(datetime(2026, 2, 18, 8, tzinfo=UTC))))]
    file = written(tmp_path / "e.jsonl", lines)
    result = tracker("import", file, "--database", url)
    assert (result.code, result.out) == (0, "13 new, 0 already there, 0 refused, 1 guild to be counted anew\n")
    assert result.err == (
        "1 of our ticks were passed over: the running bot keeps the time\n"
        "the running bot (process 4321 on elsewhere) will count 1 guild anew within a minute\n"
    )
    assert rebuild.marked(database) == {int(GUILD)}
    again = tracker("import", file, "--database", url)
    assert again.out == "0 new, 13 already there, 0 refused, 0 guilds to be counted anew\n"
    lease.release(database, held)
    assert tracker("import", file, "--database", url).out.startswith("1 new, 13 already there")
    assert tracker("check", "--database", url).code == 0


def test_when_the_bot_stops_meanwhile_that_is_said(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, now = database.engine.url.render_as_string(hide_password=False), SystemClock().now()
    held = lease.acquire(
        database, now=now, holder=lease.Process(host="elsewhere", machine="another", pid=4321, start="")
    )
    plain = rebuild.append_history

    def append(*about: Any, **named: Any) -> Any:
        lease.release(database, held)
        return plain(*about, **named)

    monkeypatch.setattr(rebuild, "append_history", append)
    result = tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    assert (result.code, result.err) == (
        0,
        "the bot (process 4321 on elsewhere) was stopped meanwhile: "
        "1 guild will be counted anew when it starts again\n",
    )


def test_our_own_events_say_themselves_of_which_server_they_are(tmp_path: Path) -> None:
    file = written(tmp_path / "e.jsonl", community())
    result = tracker("import", file, "--guild", GUILD, "--database", tmp_path / "t.db")
    assert (result.code, result.out) == (2, "")
    assert "--guild: each event says of which server it is" in result.err


def rows_or_none(url: str) -> object:
    result = tracker("activity", "--guild", GUILD, "--from", DAY, "--to", DAY, "--json", "--database", url)
    return json.loads(result.out) if result.code == 0 else None


def test_time_that_an_import_brings_is_not_credited_to_guilds_that_nobody_watched(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    in_voice = [event("a1", "voice.joined", "18T06:00:00", user=MINJUN, channel=VOICE)]
    in_voice.append(event("message:1", "message.sent", "18T07:00:00", user=JISOO, channel=TEXT))
    tracker("import", written(tmp_path / "1.jsonl", in_voice), "--database", url)
    elsewhere = event("message:2", "message.sent", "20T07:00:00", user=ALEX, channel=TEXT)
    other = elsewhere.replace(f'"guild_id": "{GUILD}"', '"guild_id": "11"')
    assert tracker("import", written(tmp_path / "2.jsonl", [other]), "--database", url).code == 0
    assert [r["voice_ms"] for r in rows(url)] == [3_600_000, 0]
    assert tracker("check", "--database", url).code == 0


def test_what_is_exported_can_be_imported_elsewhere(database_url: str, tmp_path: Path) -> None:
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", database_url)
    file, copy = tmp_path / "out.jsonl", str(tmp_path / "copy.db")
    result = tracker("export", file, "--database", database_url)
    assert (result.code, result.out, result.err) == (0, "", f"13 events written to {file}\n")
    assert [from_line(line) for line in file.read_text("utf-8").splitlines()] == [
        from_line(line) for line in community()
    ]
    tracker("import", file, "--database", copy)
    assert rows(copy) == rows(database_url)
    assert exported(copy) == exported(database_url)


def test_a_database_moves_to_one_with_other_partitions_without_a_change(database_url: str, tmp_path: Path) -> None:
    """A member is in voice, and the bot kept time after the last event: the last tick says up to when."""
    old, guild = str(tmp_path / "old.db"), str(5 << 22)
    lines = [line.replace(f'"guild_id": "{GUILD}"', f'"guild_id": "{guild}"') for line in community()[:-1]]
    lines.append(to_line(tick(Partition(0), to_ms(datetime(2026, 2, 18, 8, tzinfo=UTC)))))
    tracker("import", written(tmp_path / "e.jsonl", lines), "--database", old)
    tracker("export", tmp_path / "moved.jsonl", "--database", old)
    assert tracker("import", tmp_path / "moved.jsonl", "--database", database_url).code == 0
    found = [
        tracker("activity", "--guild", guild, "--from", DAY, "--to", DAY, "--json", "--database", url).out
        for url in (old, database_url)
    ]
    assert found[0] == found[1]
    assert json.loads(found[0])[0]["voice_ms"] == (3600 + 43 * 60 + 8) * 1000
    assert tracker("check", "--database", database_url).code == 0


def test_a_file_that_is_called_gz_is_packed_and_the_same_events_make_the_same_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 't.db'}"
    tracker("import", written(tmp_path / "in.jsonl", community()), "--database", url)
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        assert tracker("export", tmp_path / name, "--database", url).err == f"13 events written to {tmp_path / name}\n"
    packed = (tmp_path / "a.jsonl.gz").read_bytes()
    assert packed == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress(packed).decode().splitlines() == exported(url)
    assert tracker("import", tmp_path / "a.jsonl.gz", "--database", tmp_path / "copy.db").out.startswith("13 new")


def test_an_export_may_be_of_one_guild_and_of_some_of_its_days(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    other = [
        line.replace(f'"guild_id": "{GUILD}"', '"guild_id": "11"').replace('"id": "', '"id": "o')
        for line in community()
    ]
    other = [line for line in other if "omessage" not in line]
    tracker("import", written(tmp_path / "e.jsonl", [*community(), *other]), "--database", url)
    assert len(exported(url)) == 25
    assert ids(exported(url, "--guild", "11"))[-3:] == ["oa1", "ox1", "oa2"]
    assert ids(exported(url, "--guild", GUILD, "--from", DAY, "--to", DAY)) == ["a1", "message:1", "x1"]
    assert ids(exported(url, "--from", "2026-02-19")) == ["a2", "oa2"]
    assert exported(url, "--guild", "12") == []


def test_the_forgotten_are_in_no_export(database_url: str, tmp_path: Path) -> None:
    gone = event("f1", "member.forgotten", "19T00:00:00", user=MINJUN)
    tracker("import", written(tmp_path / "e.jsonl", [*community(), gone]), "--database", database_url)
    assert {json.loads(line)["user_id"] for line in exported(database_url)} == {None, JISOO, ALEX}


def test_who_was_forgotten_since_the_last_flush_is_in_no_export_either(database: Database, tmp_path: Path) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    gone = from_line(event("f1", "member.forgotten", "19T00:00:00", user=MINJUN))
    back = from_line(event("b1", "voice.joined", "19T01:00:00", user=MINJUN, channel=VOICE))
    log.append(database, [gone, back], recorded_at=SystemClock().now())
    lines = [json.loads(line) for line in exported(url)]
    assert [line["id"] for line in lines if line["user_id"] == MINJUN] == ["b1"]


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = written(tmp_path / "out.jsonl", ["old"])
    assert tracker("export", file, "--database", tmp_path / "no.db").code == 1
    assert file.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", tmp_path / "t.db")
    lost = tracker("export", tmp_path / "no" / "out.jsonl", "--database", tmp_path / "t.db")
    assert (lost.code, lost.err) == (2, f"tracker: {tmp_path / 'no' / 'out.jsonl'}: No such file or directory\n")


def test_a_crash_between_append_and_rebuild_is_mended_by_the_next_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import rebuild

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    url, whole = str(tmp_path / "t.db"), str(tmp_path / "whole.db")
    tracker("import", written(tmp_path / "new.jsonl", community()[6:]), "--database", url)
    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "rebuild", crash)
        result = tracker("import", written(tmp_path / "old.jsonl", community()[:6]), "--database", url)
    assert (result.code, result.err) == (130, "tracker: interrupted\n")
    assert "not counted yet" in tracker("check", "--database", url).err
    assert tracker("import", tmp_path / "old.jsonl", "--database", url).out.endswith("1 guild rebuilt\n")
    tracker("import", written(tmp_path / "all.jsonl", community()), "--database", whole)
    assert rows(url) == rows(whole)


def test_an_import_cut_off_in_mid_file_says_so_and_is_no_sound_database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, appends = written(tmp_path / "c.jsonl", community()), list[Any]()
    plain = log.append

    def append(*arguments: Any, **named: Any) -> Any:
        if len(appends) == 2:
            raise DatabaseError("the disk is full")
        appends.append(plain(*arguments, **named))
        return appends[-1]

    monkeypatch.setattr(intake, "_BATCH", 3)
    monkeypatch.setattr(log, "append", append)
    failed = tracker("import", file, "--database", database_url)
    assert failed.code == 1
    assert "the disk is full; 6 events are in the log: import again once that is mended" in failed.err
    monkeypatch.setattr(log, "append", plain)
    checked = tracker("check", "--database", database_url)
    assert checked.code == 1
    assert "history was added to 1 guilds" in checked.err
    assert tracker("import", file, "--database", database_url).code == 0
    assert tracker("check", "--database", database_url).code == 0


def test_a_long_file_is_never_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are what is in memory at most: none is bigger than it may be."""
    sizes: list[int] = []
    append = log.append
    monkeypatch.setattr(log, "append", lambda db, events, **k: sizes.append(len(events)) or append(db, events, **k))  # type: ignore[func-returns-value]
    lines = [event(f"message:{n}", "message.sent", "18T06:00:00", user=JISOO, channel=TEXT) for n in range(1, 4502)]
    result = tracker("import", written(tmp_path / "e.jsonl", lines), "--database", tmp_path / "t.db")
    assert result.out.startswith("4,501 new")
    assert sizes == [2000, 2000, 501]
    database = open_database(str(tmp_path / "t.db"))
    assert log.check_contiguity(database) == 4501
    database.close()


def test_nothing_in_it_is_nothing_imported(tmp_path: Path) -> None:
    result = tracker("import", written(tmp_path / "e.jsonl", []), "--database", tmp_path / "t.db")
    assert result.out == "0 new, 0 already there, 0 refused, 0 guilds rebuilt\n"
