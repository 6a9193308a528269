"""Facts become sentences that say what to do, and alarms only where somebody can do something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store.examination import Backlog, SeenGuild, WhoWrites
from store.outlook import StuckPost
from store.verifications import Verification
from tracker.cli.diagnosis import Facts, Finding, examine, span
from tracker.ids import ChannelId, GuildId, Ms, Partition

NOW = Ms(1_771_400_000_000)
RUNNING = WhoWrites(pid=7, host="here", since=NOW, silent_ms=Ms(1000), alive=True)
LEVEL = Backlog(partition=Partition(0), last=9, head=9, counted=9, as_of=NOW)
NONE = dict.fromkeys(("pending", "sent", "failed", "blocked"), 0)
WELL = Facts(
    now=NOW, flush_ms=60_000, writer=RUNNING, backlogs=[LEVEL], guilds=[], unfinished=0,
    counts={"posts": NONE, "members": NONE}, posts=[], members=[], unavoidable=frozenset(),
)  # fmt: skip


def guild(number: int, lost_at: Ms | None = None) -> SeenGuild:
    return SeenGuild(guild_id=GuildId(number), members=5, lost_at=lost_at)


def about(topic: str, facts: Facts) -> list[Finding]:
    return [finding for finding in examine(facts) if finding.topic == topic]


def post(error: str, channel: int | None = None) -> StuckPost:
    return StuckPost(
        guild_id=GuildId(3), key="k", kind="report", payload="{}", error=error, attempts=2, next_attempt_at=NOW,
        channel_id=None if channel is None else ChannelId(channel), created_at=NOW,
    )  # fmt: skip


def test_an_empty_database_is_no_alarm() -> None:
    found = examine(replace(WELL, writer=None, backlogs=[]))
    assert {finding.kind for finding in found} == {"ok", "note"}
    assert [f.text for f in found[1:3]] == [
        "empty: nothing was ever counted",
        "none is known yet: invite the bot to one",
    ]


@pytest.mark.parametrize(
    ("writer", "seen", "kind"), [(RUNNING, [guild(1)], "note"), (RUNNING, [], "bad"), (None, [], "note")]
)
def test_a_lost_server_is_an_alarm_only_if_a_running_bot_sees_none(
    writer: WhoWrites | None, seen: list[SeenGuild], kind: str
) -> None:
    found = about("Servers", replace(WELL, writer=writer, guilds=[*seen, guild(2, NOW)]))
    assert (found[-1].kind, found[-1].text) == (kind, "2 is not seen since 2026-02-18 07:33 UTC")
    assert (found[-1].todo is None) == (writer is None)


def test_many_lost_servers_are_counted() -> None:
    found = about("Servers", replace(WELL, writer=None, guilds=[guild(n, NOW) for n in range(22)]))
    assert found[-1].text == "… and 2 more servers are not seen"


@pytest.mark.parametrize(("late_ms", "kind"), [(180_000, "ok"), (180_001, "bad")])
def test_a_running_bot_must_bring_the_figures_up_to_date(late_ms: int, kind: str) -> None:
    (found,) = about("Log", replace(WELL, now=NOW + late_ms))
    assert found.kind == kind


def test_when_the_figures_were_last_compared_and_what_differed_is_said() -> None:
    assert len(about("Log", WELL)) == 1
    clean = Verification(at=NOW, events=12_345)
    found = about("Log", replace(WELL, verified=clean))[-1]
    text = "12,345 events compared with the figures at 2026-02-18 07:33 UTC: "
    assert (found.kind, found.text) == ("ok", f"{text}no difference")
    wrong = Verification(at=NOW, events=12_345, differences=1_000, guilds=1, more=True)
    found = about("Log", replace(WELL, verified=wrong))[-1]
    assert (found.kind, found.text) == ("bad", f"{text}at least 1,000 differences in 1 server")
    assert "`tracker replay`" in str(found.todo)


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        ("Discord refuses it (HTTP 403 Missing Access)", "let the bot view the channel"),
        ("Discord refuses it (HTTP 404 Unknown Channel)", "the channel is gone"),
        ("there is no channel for it: set log_channel_id", "set a log channel"),
        ("there is no role 11", "change what it says"),
    ],
)
def test_a_blocked_post_comes_with_what_to_do(error: str, todo: str) -> None:
    found = about("Outbox", replace(WELL, posts=[("blocked", post(error, 8))]))[-1]
    assert found.kind == "bad"
    assert found.text.startswith("report for channel 8 in server 3 (k, owed since 2026-02-18 07:33 UTC): blocked: ")
    assert found.todo is not None
    assert found.todo.startswith(todo)


def test_a_failed_post_says_when_it_is_tried_again() -> None:
    found = about("Outbox", replace(WELL, posts=[("failed", post("HTTP 503"))]))[-1]
    assert (found.kind, found.todo) == ("note", None)
    assert found.text.endswith(": failed (HTTP 503), tried 2 times; next try 2026-02-18 07:33 UTC")


@pytest.mark.parametrize(
    ("ms", "text"),
    [(59_999, "59 s"), (60_000, "1 min"), (3_600_000, "1 h"), (86_400_000, "24 h"), (172_800_000, "2 days")],
)
def test_durations_are_told_in_one_unit(ms: int, text: str) -> None:
    assert span(ms) == text
