"""`tracker import --format discord-chat-exporter`."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from store import log, rebuild
from store.engine import Database, open_database
from tests.cli.support import Result, tracker
from tests.imports.samples import (
    ALEX,
    BOT,
    CHANNEL,
    GUILD,
    JISOO,
    MINJUN,
    START,
    chat,
    message,
    message_id,
    text_of,
    thread_chat,
)
from tracker.cli import chats
from tracker.events.envelope import Event
from tracker.events.exchange import to_line
from tracker.events.member import MemberForgotten, MemberJoined, MemberOptedIn, MemberOptedOut
from tracker.ids import EventId, GuildId, Ms, UserId

HOUR = 3_600_000


def imported(database: object, *files: Path, more: tuple[str, ...] = ()) -> Result:
    return tracker("import", "--format", "discord-chat-exporter", *files, *more, "--database", database)


def file(folder: Path, name: str, plain: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plain if isinstance(plain, bytes) else text_of(plain))
    return path


def events(url: str) -> list[Event]:
    db = open_database(url, create=False)
    found = [r.event for p in db.all_partitions for r in log.read(db, p)]
    db.close()
    return found


def fact(user: int, at: int, data: Any, event_id: str) -> str:
    """A line of our own format."""
    return to_line(
        Event(id=EventId(event_id), guild_id=GuildId(GUILD), user_id=UserId(user), occurred_at=Ms(at), data=data)
    )


def rows(url: str) -> list[tuple[Any, ...]]:
    """Every row of every read model that counts."""
    db = open_database(url, create=False)
    found = []
    with db.read() as connection:
        for table in ("daily", "totals", "members", "channels", "awards", "unearned"):
            found += [(table, *row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
    assert rebuild.verify(db) == []
    assert not rebuild.marked(db)
    db.close()
    return sorted(found, key=repr)


def writings() -> list[dict[str, Any]]:
    """An hour of a chat: two people and a bot, a message each ten seconds."""
    people = [(MINJUN, "민준"), (JISOO, "[bold]지수"), (BOT, "도우미")]
    return [message(people[n % 3][0], START + n * 10_000, nickname=people[n % 3][1]) for n in range(30)]


def test_messages_are_counted_and_named_and_a_second_import_changes_nothing(database_url: str, tmp_path: Path) -> None:
    exported = file(tmp_path, "a.json", chat(writings()))
    first = imported(database_url, exported)
    assert (first.code, first.err) == (0, "")
    assert first.out == "23 new, 0 already there, 10 passed over, 0 refused, 1 guild rebuilt\n"  # 3 of them are names
    before = rows(database_url)
    second = imported(database_url, exported)
    assert second.out == "0 new, 20 already there, 10 passed over, 0 refused, 0 guilds rebuilt\n"
    assert rows(database_url) == before
    told = {row[3]: row[4] for row in before if row[0] == "members"}
    assert told == {MINJUN: "민준", JISOO: "[bold]지수"}
    assert [row[4] for row in before if row[0] == "channels"] == ["잡담"]
    counted = {row[4]: row[-8:] for row in before if row[0] == "daily"}
    assert set(counted) == {MINJUN, JISOO}


def test_a_folder_is_read_with_its_threads_and_packed_files(database_url: str, tmp_path: Path) -> None:
    whole = writings()
    file(tmp_path, "in/a.json", chat(whole[:15]))
    file(tmp_path, "in/deep/b.json.gz", gzip.compress(text_of(chat(whole[15:]))))
    file(tmp_path, "in/deep/c.json", thread_chat([message(JISOO, START + HOUR)]))
    file(tmp_path, "in/notes.txt", b"nothing for us")
    assert imported(database_url, tmp_path / "in").out.startswith("24 new, 0 already there, 10 passed over")
    assert [e.channel_id for e in events(database_url) if e.id == f"message:{message_id(START + HOUR)}"] == [CHANNEL]
    assert imported(database_url, tmp_path / "in" / "deep").out.startswith("0 new, 11 already there")


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    whole = writings()
    parts = [file(tmp_path, f"{n}.json", chat(whole[n::3])) for n in range(3)]
    together, apart = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    imported(together, file(tmp_path, "whole.json", chat(whole)))
    random.Random(3).shuffle(parts)
    for part in parts:
        imported(apart, part)
    assert rows(together) == rows(apart)


def test_messages_that_the_bot_has_seen_itself_are_not_counted_twice(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    imported(url, file(tmp_path, "a.json", chat(writings()[:10])))
    assert imported(url, file(tmp_path, "b.json", chat(writings()))).out.startswith("13 new, 7 already there")


def test_names_are_left_alone_where_the_database_knows_one(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    line = fact(MINJUN, START + HOUR, MemberJoined(name="민준 (반장)"), "j1")
    tracker("import", file(tmp_path, "e.jsonl", line.encode()), "--database", url)
    imported(url, file(tmp_path, "a.json", chat(writings())))
    assert {row[3]: row[4] for row in rows(url) if row[0] == "members"}[MINJUN] == "민준 (반장)"


def test_who_wrote_once_is_no_member_for_that(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    imported(url, file(tmp_path, "a.json", chat(writings())))
    db = open_database(url, create=False)
    with db.read() as connection:
        present = [there for (there,) in connection.exec_driver_sql("SELECT present FROM members")]
        assert present == [None, None]
    db.close()


def test_nothing_is_counted_of_the_time_in_which_somebody_had_opted_out(database_url: str, tmp_path: Path) -> None:
    lines = [
        fact(MINJUN, START + 60_000, MemberOptedOut(), "o1"),
        fact(MINJUN, START + 120_000, MemberOptedIn(), "o2"),
        fact(JISOO, START - HOUR, MemberOptedOut(), "o3"),
        fact(ALEX, START - HOUR, MemberJoined(name="Alex", bot=True), "o4"),
    ]
    tracker("import", file(tmp_path, "e.jsonl", "\n".join(lines).encode()), "--database", database_url)
    told = [message(MINJUN, START + s * 1000) for s in (0, 59, 60, 90, 119, 120, 300)] + [message(JISOO), message(ALEX)]
    result = imported(database_url, file(tmp_path, "a.json", chat(told)))
    assert result.out == "6 new, 0 already there, 5 passed over, 0 refused, 1 guild rebuilt\n"
    assert {e.user_id for e in events(database_url) if e.type == "message.sent"} == {MINJUN}


def test_who_was_forgotten_is_not_remembered_by_importing_the_same_messages_again(
    database_url: str, tmp_path: Path
) -> None:
    exported = file(tmp_path, "a.json", chat(writings()))
    imported(database_url, exported)
    gone = fact(MINJUN, START + HOUR, MemberForgotten(), "f1")
    tracker("import", file(tmp_path, "e.jsonl", gone.encode()), "--database", database_url)
    assert imported(database_url, exported).out.startswith("0 new, 20 already there")
    assert MINJUN not in {e.user_id for e in events(database_url)}
    assert "민준" not in {row[4] for row in rows(database_url) if row[0] == "members"}


def test_a_bad_message_keeps_everything_out_and_is_named_with_its_file(tmp_path: Path) -> None:
    good = file(tmp_path, "in/a.json", chat(writings()))
    bad = file(tmp_path, "in/b.json", chat([message(), message(type=None), message(id="x")]))
    url = tmp_path / "t.db"
    result = imported(url, good, bad)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"tracker: {bad}: message 2 (id {message_id()}): type is missing (and 1 more bad message); "
        "nothing was imported (--skip-bad imports the good messages)\n"
    )
    assert not url.exists()
    result = imported(url, good, bad, more=("--skip-bad",))
    assert result.out == "23 new, 1 already there, 10 passed over, 2 refused, 1 guild rebuilt\n"
    assert [line.partition(": m")[0] for line in result.err.splitlines()] == [f"refused: {bad}"] * 2


@pytest.mark.parametrize("packed", [False, True])
def test_of_a_file_that_is_cut_off_nothing_is_kept_unless_that_is_wished(tmp_path: Path, packed: bool) -> None:
    dice = random.Random(5)
    whole = text_of(chat([message(MINJUN, START + n * 1000, content=str(dice.random())) for n in range(2000)]))
    content = gzip.compress(whole)[: -len(whole) // 60] if packed else whole[: len(whole) // 2]
    cut, url = file(tmp_path, "cut.json", content), tmp_path / "t.db"
    result = imported(url, cut)
    assert result.code == 2
    assert "nothing was imported" in result.err
    assert ("gzip file is damaged or cut off" if packed else "not JSON, or cut off") in result.err
    assert not url.exists()
    result = imported(url, cut, more=("--skip-bad",))
    assert result.code == 0
    assert 500 < int(result.out.split()[0].replace(",", "")) < 2000
    assert ", 1 refused, 1 guild rebuilt" in result.out


def test_a_file_of_another_server_is_refused_when_one_was_named(tmp_path: Path) -> None:
    exported = file(tmp_path, "a.json", chat(writings()))
    result = imported(tmp_path / "t.db", exported, more=("--guild", "5"))
    assert (result.code, result.err) == (2, f"tracker: {exported} is of server {GUILD}, and not of 5 (--guild)\n")
    assert imported(tmp_path / "t.db", exported, more=("--guild", str(GUILD))).code == 0


def test_a_folder_without_such_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = imported(tmp_path / "t.db", tmp_path / "empty")
    assert result.code == 2
    assert "no file in this folder ends in .json" in result.err


def test_an_import_that_was_killed_between_any_two_batches_is_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "_BATCH", 6)
    parts = [file(tmp_path, "a.json", chat(writings()[:20])), file(tmp_path, "b.json", chat(writings()[10:]))]
    whole = str(tmp_path / "whole.db")
    imported(whole, *parts)
    plain = rebuild.append_history

    for survives in (0, 1, 4):
        url, left = str(tmp_path / f"{survives}.db"), survives

        def append(db: Database, *about: Any, **named: Any) -> Any:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return plain(db, *about, **named)

        with monkeypatch.context() as patch:
            patch.setattr(rebuild, "append_history", append)
            assert imported(url, *parts).code == 130
        assert imported(url, *parts).code == 0
        assert rows(url) == rows(whole)
        assert sorted(e.id for e in events(url)) == sorted(e.id for e in events(whole))


def test_what_is_no_such_file_is_named_among_others(tmp_path: Path) -> None:
    file(tmp_path, "in/a.json", chat(writings()))
    other = file(tmp_path, "in/package.json", {"name": "left-pad"})
    result = imported(tmp_path / "t.db", tmp_path / "in")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"tracker: {other}: not a file of DiscordChatExporter: it has no messages; nothing")
    result = imported(tmp_path / "t.db", tmp_path / "in", more=("--skip-bad",))
    assert result.out == "23 new, 0 already there, 10 passed over, 1 refused, 1 guild rebuilt\n"
