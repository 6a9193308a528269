"""`tracker doctor` says plainly how things are, and never a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import store.lease
import store.rebuild
from store.engine import Database
from tests.cli.support import GUILD, community, tracker, written
from tests.store.support import START
from tests.store.test_outlook import member, owe
from tracker.clock import SystemClock
from tracker.discord.texts import translate
from tracker.ids import GuildId, Ms
from tracker.sandbox import Overwrite, Permission
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.thread import SandboxThread

HERE = GuildId(int(GUILD))
TOKEN = "s3cr3t.of.the.bot"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISCORD_TOKEN", "TRACKER_REST_URL", "TRACKER_FLUSH_S"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def url(database: Database, tmp_path: Path) -> str:
    url = database.engine.url.render_as_string(hide_password=False)
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    return url


def doctor(url: str, *options: str) -> tuple[int, list[str]]:
    """The exit code, and what is printed, line by line without the spaces of the table."""
    result = tracker("doctor", "--database", url, *options)
    assert result.err == ""
    return result.code, [" ".join(line.split()) for line in result.out.splitlines()]


def hold(database: Database, *, pid: int | None = None, silent_ms: int = 0) -> None:
    """Somebody writes (None: this process)."""
    holder = store.lease.this_process()
    holder = holder if pid is None else replace(holder, pid=pid)
    store.lease.acquire(database, now=Ms(SystemClock().now() - silent_ms), holder=holder)


def test_a_sound_database_is_healthy_with_or_without_a_bot(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    code, lines = doctor(url)
    assert code == 0
    assert lines[0] == "✔ Configuration DISCORD_TOKEN is set (and not shown)"
    assert "• Bot no bot runs on this database: nothing is counted until `tracker run`" in lines
    (log,) = [line for line in lines if line.startswith("✔ Log")]
    assert "13 events, whole at a glance; 0 not counted yet" in log
    assert "✔ Servers 1 server known with 3 members; 1 of them seen" in lines
    assert "✔ Outbox posts: 0 pending, 0 sent, 0 failed, 0 blocked" in lines
    assert lines[-1] == "All is well."


def test_neither_token_nor_password_is_ever_shown(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    shown = tracker("doctor", "--database", url).out + tracker("doctor", "--json", "--database", url).out
    away = tracker("doctor", "--database", "postgresql://bot:pa55word@127.0.0.1:1/none")
    assert away.code == 2
    assert TOKEN not in shown + away.out + away.err
    assert "pa55word" not in away.out + away.err
    assert "bot:***@127.0.0.1" in away.out


def test_a_database_that_cannot_be_opened_is_said_so_with_another_exit_code(tmp_path: Path) -> None:
    code, lines = doctor(f"sqlite:///{tmp_path / 'none.db'}")
    assert code == 2
    assert lines[-2].startswith("✘ Database database ")
    assert lines[-2].endswith("none.db is not there")
    assert lines[-1] == "Not all could be looked at."
    assert not (tmp_path / "none.db").exists()


def test_a_bot_that_runs_is_named_and_must_keep_the_figures_up_to_date(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(database)
    code, lines = doctor(url)
    assert code == 1
    assert any(line.startswith("✔ Bot process ") and line.endswith("heartbeat was 0 s ago") for line in lines)
    assert any(line.startswith("✘ Log 13 events") and line.endswith("although the bot runs") for line in lines)
    with database.read() as connection:
        as_of = connection.exec_driver_sql("SELECT MAX(as_of) FROM checkpoints").scalar_one()
    monkeypatch.setenv("TRACKER_CLOCK", f"{SystemClock().now()}:{as_of}")  # a clock that shows the figures' own time
    assert doctor(url)[0] == 0


@pytest.mark.parametrize(
    ("pid", "silent_ms", "what"),
    [
        (None, 120_000, "has given no heartbeat for 2 min"),
        (2**22 + 1, 600_000, "ended without a goodbye; its last heartbeat was 10 min ago"),
    ],
)
def test_a_bot_that_hangs_or_died_needs_a_person(
    database: Database, url: str, pid: int | None, silent_ms: int, what: str
) -> None:
    hold(database, pid=pid, silent_ms=silent_ms)
    code, lines = doctor(url)
    assert code == 1
    (at,) = [n for n, line in enumerate(lines) if line.startswith("✘ Bot")]
    assert what in lines[at]
    assert lines[at + 1].startswith("→ ")


def test_missing_events_and_unfinished_imports_are_alarms(database: Database, url: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE position = 13")
    store.rebuild.mark_for_rebuild(database, [HERE])
    code, lines = doctor(url)
    assert code == 1
    assert any("events are missing" in line for line in lines)
    assert any("1 server must be counted anew" in line for line in lines)
    assert lines[-1] == "2 to do: see the arrows."


def test_what_is_blocked_is_named_with_its_reason_and_what_to_do(database: Database, url: str) -> None:
    now = SystemClock().now() - START
    owe(database, "report:10:everyone", "blocked", guild_id=HERE, channel_id=None, at=now)
    owe(database, "report:10:old", "blocked", guild_id=HERE, at=now - 8 * 86_400_000)
    member(database, 20, "blocked", guild=HERE, error="The role “Gold” is not below the bot's own: move it.")
    member(database, 21, "sent", guild=HERE)
    code, lines = doctor(url)
    assert code == 1
    assert "✔ tier roles and nicknames: 0 pending, 1 sent, 0 failed, 1 blocked" in lines
    at = lines.index("✘ member 20 in server 10: blocked: The role “Gold” is not below the bot's own: move it.")
    assert lines[at + 1].startswith("→ change that; the bot tries again")
    (post,) = [
        n for n, line in enumerate(lines) if "report for the channel of the settings in server 10 (report:10:" in line
    ]
    assert "blocked: HTTP 403" in lines[post]
    assert lines[post + 1].startswith("→ let the bot view the channel")
    assert any(line.startswith("• … and 1 more post did not arrive") for line in lines)


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        ("failed", "HTTP 503", "• member 20 in server 10: failed (HTTP 503), tried"),
        ("blocked", translate("ko")("sync.block.owner"), "• member 20 in server 10: 서버 소유자의 별명은"),
    ],
)
def test_what_will_be_tried_again_or_cannot_be_helped_is_told_and_no_alarm(
    database: Database, url: str, state: str, error: str, said: str
) -> None:
    member(database, 20, state, guild=HERE, error=error)
    code, lines = doctor(url)
    assert code == 0
    assert any(line.startswith(said) for line in lines), lines


def test_a_crowd_of_blocked_members_is_counted(database: Database, url: str) -> None:
    for user in range(20, 55):
        member(database, user, "blocked", guild=HERE, error="no\nfirst\x1b[31m line")
    _, lines = doctor(url)
    assert sum("blocked: no first" in line for line in lines) == 20
    assert not any("\x1b" in line for line in lines)
    assert "• … and 15 more members are stuck" in lines


def test_findings_are_given_as_json_too(url: str) -> None:
    result = tracker("doctor", "--json", "--database", url)
    found = json.loads(result.out)
    assert result.code == 0
    assert {f["kind"] for f in found} == {"ok", "note"}
    assert set(found[0]) == {"kind", "topic", "text", "todo"}


# -- online ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


def online(url: str, thread: SandboxThread, monkeypatch: pytest.MonkeyPatch, token: str | None = None) -> Any:
    monkeypatch.setenv("DISCORD_TOKEN", token or thread.sandbox.token)
    monkeypatch.setenv("TRACKER_REST_URL", thread.sandbox.rest_url)
    return doctor(url, "--online")


def settle(url: str, guild: int, tmp_path: Path, **document: Any) -> None:
    """Settings of a server, as a file of events."""
    line = {
        "id": f"s{guild}", "type": "settings.changed", "guild_id": str(guild), "user_id": None, "channel_id": None,
        "occurred_at": "2026-02-19T00:00:00.000Z", "data": {"settings": document},
    }  # fmt: skip
    tracker("import", written(tmp_path / "more.jsonl", [json.dumps(line)]), "--database", url)


def test_a_bot_that_may_do_everything_is_healthy_online(
    url: str, sandbox: SandboxThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sandbox.sandbox.world
    guild = sandbox.call(world.add_guild, "공부방")
    channel = sandbox.call(world.add_channel, guild, "log", kind="text")
    settle(url, guild.id, tmp_path, log_channel_id=str(channel.id))
    code, lines = online(url, sandbox, monkeypatch)
    assert code == 0, lines
    assert any(line.startswith("✔ Discord the token is good") for line in lines)
    assert f"✔ server {guild.id} (공부방): the bot may do all that the settings need" in lines
    assert "• the bot is not in server 10 (any more)" in lines


def test_what_the_bot_may_not_do_is_said_for_each_server(
    url: str, sandbox: SandboxThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sandbox.sandbox.world
    guild = sandbox.call(lambda: world.add_guild("study", bot_permissions=int(Permission.VIEW_CHANNEL)))
    gold = sandbox.call(lambda: world.add_role(guild, "Gold", position=9))
    channel = sandbox.call(world.add_channel, guild, "log", kind="text")
    everyone = Overwrite(id=guild.id, deny=int(Permission.SEND_MESSAGES | Permission.EMBED_LINKS))
    sandbox.call(world.set_overwrite, channel, everyone)
    tiers = [
        {"name": "Gold", "role_id": str(gold.id), "min_level": 2},
        {"name": "Lost", "role_id": "99", "min_level": 1},
    ]
    settle(
        url, guild.id, tmp_path, log_channel_id=str(channel.id), tiers={"list": tiers}, nickname={"enabled": True},
        reports=[{"channel_id": "77"}],
    )  # fmt: skip
    code, lines = online(url, sandbox, monkeypatch)
    assert code == 1
    said = [line.partition("(study): ")[2] for line in lines if "(study): " in line]
    assert said == [
        "the bot lacks Manage Roles, Manage Nicknames",
        "the tier role Gold is not below the bot's own",
        "the role of tier Lost is not there",
        "channel 77 is not there, or hidden from the bot",
        f"in channel {channel.id} the bot lacks Send Messages, Embed Links",
    ]


def test_a_token_that_discord_does_not_take_cannot_be_looked_at(
    url: str, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines = online(url, sandbox, monkeypatch, token=TOKEN)
    assert code == 2
    assert any(line.startswith("✘ Discord Discord refused the bot's token") for line in lines), lines
    assert not any(TOKEN in line for line in lines)


def test_without_a_token_there_is_nothing_to_ask_discord_with(url: str) -> None:
    result = tracker("doctor", "--online", "--database", url)
    assert (result.code, result.out) == (2, "")
    assert "DISCORD_TOKEN is not set" in result.err


def test_an_intent_that_is_off_is_an_alarm(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with SandboxThread(options=SandboxOptions(members_intent_granted=False)) as thread:
        code, lines = online(url, thread, monkeypatch)
    assert code == 1
    assert "✘ the Server Members Intent is off" in lines
