"""What `tracker doctor` has found, as sentences that say what to do. Pure: facts in, sentences out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tracker.clock import from_ms

if TYPE_CHECKING:
    from store.examination import Backlog, SeenGuild, WhoWrites
    from store.outlook import StuckMember, StuckPost
    from store.verifications import Verification
    from tracker.discord.checkup import Checkup, GuildCheckup

__all__ = ["Facts", "Finding", "examine", "examine_online"]

Kind = Literal["ok", "note", "bad"]

_NAMED: Final = 20
_OUTBOXES: Final = {"posts": "posts", "members": "tier roles and nicknames"}
_UNNAMED_CHANNEL: Final = "the channel of the settings"
_UNNAMED: Final = "what is older than a week, or was put right since, is not named"
_STALE_MS: Final = 60_000
_TO_COME: Final = "posts to come will arrive"
_THEN: Final = {"report": "the bot then posts it late, as far back as catch_up"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about `topic`. Kinds: ok; note (worth knowing, nothing to do); bad (a person must do `todo`)."""

    kind: Kind
    topic: str
    text: str
    todo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was looked up. `flush_ms`: how often the bot brings the figures up to date; `now`: by its clock.

    `unavoidable`: reasons for a block about which nobody can do anything. `verified`: when the running bot last
    compared the figures with the log; None: it never did.
    """

    now: int
    flush_ms: int
    writer: WhoWrites | None
    backlogs: Sequence[Backlog]
    guilds: Sequence[SeenGuild]
    unfinished: int
    counts: Mapping[str, Mapping[str, int]]
    posts: Sequence[tuple[Literal["failed", "blocked"], StuckPost]]
    members: Sequence[tuple[Literal["failed", "blocked"], StuckMember]]
    unavoidable: frozenset[str]
    verified: Verification | None = None

    @property
    def is_running(self) -> bool:
        """Whether a bot (or another command) writes to the database."""
        return self.writer is not None and self.writer.is_writing


def examine(facts: Facts) -> list[Finding]:
    """All there is to say of a database that could be opened."""
    return [*_writer(facts), *_log(facts), *_guilds(facts), *_outbox(facts)]


def examine_online(found: Checkup) -> list[Finding]:
    """All there is to say of what Discord answered."""
    return [*_application(found), *(finding for guild in found.guilds for finding in _server(guild))]


def _application(found: Checkup) -> Iterator[Finding]:
    yield Finding(kind="ok", topic="Discord", text=f"the token is good; the bot is called {found.bot}")
    if not found.members_intent:
        yield Finding(
            kind="bad", topic="Discord", text="the Server Members Intent is off",
            todo="https://discord.com/developers/applications → your application → Bot → Privileged Gateway Intents",
        )  # fmt: skip
    for guild in found.absent[:_NAMED]:
        yield Finding(kind="note", topic="Discord", text=f"the bot is not in server {guild} (any more)")
    yield from _more("Discord", len(found.absent) - _NAMED, "server without the bot", "servers without the bot")


def _server(guild: GuildCheckup) -> Iterator[Finding]:
    where = f"server {guild.guild_id} ({guild.name})"
    problems = list(_problems(guild))
    for text, todo in problems:
        yield Finding(kind="bad", topic="Discord", text=f"{where}: {text}", todo=todo)
    if not problems:
        yield Finding(kind="ok", topic="Discord", text=f"{where}: the bot may do all that the settings need")


def _problems(guild: GuildCheckup) -> Iterator[tuple[str, str]]:
    """(what is wrong, what to do)."""
    if guild.lacking:
        yield f"the bot lacks {_permissions(guild.lacking)}", "give it to the bot's role: Server Settings → Roles"
    for role in guild.roles_above:
        yield (
            f"the tier role {role} is not below the bot's own",
            "move the bot's role above it: Server Settings → Roles",
        )
    for tier in guild.roles_gone:
        yield f"the role of tier {tier} is not there", "give the tier another role, or remove it: `/tier`"
    for channel, lacking in guild.posts.items():
        if lacking is None:
            yield f"channel {channel} is not there, or hidden from the bot", "let the bot view it, or name another one"
        elif lacking:
            yield f"in channel {channel} the bot lacks {_permissions(lacking)}", "allow it in the channel's permissions"


def _permissions(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ").title() for name in names)


def _writer(facts: Facts) -> Iterator[Finding]:
    writer = facts.writer
    if writer is None:
        yield Finding(
            kind="note", topic="Bot", text="no bot runs on this database: nothing is counted until `tracker run`"
        )
        return
    who = f"process {writer.pid} on {writer.host}, since {when(writer.since)}"
    if facts.is_running:
        yield Finding(kind="ok", topic="Bot", text=f"{who}; its last heartbeat was {writer.silent_ms // 1000} s ago")
    elif writer.alive:
        yield Finding(
            kind="bad", topic="Bot", text=f"{who}, has given no heartbeat for {span(writer.silent_ms)}",
            todo="see its log; it may hang or have lost the database: stop it and start it again",
        )  # fmt: skip
    else:
        yield Finding(
            kind="bad", topic="Bot",
            text=f"{who}, ended without a goodbye; its last heartbeat was {span(writer.silent_ms)} ago",
            todo="start it again (`tracker run`): what is in the log is not lost, and the lease is taken over",
        )  # fmt: skip


def _log(facts: Facts) -> Iterator[Finding]:
    broken = [b for b in facts.backlogs if b.is_broken]
    for b in broken:
        yield Finding(
            kind="bad", topic="Log",
            text=f"partition {b.partition}: {b.head:,} positions were given, the last event has {b.last:,}, "
            f"and the figures know {b.counted:,}: events are missing",
            todo="stop the bot, run `tracker check`, and restore the database from a backup",
        )  # fmt: skip
    if facts.unfinished:
        yield Finding(
            kind="bad", topic="Log",
            text=f"{_many(facts.unfinished, 'server')} must be counted anew (a cut-off import, or a newer tracker)",
            todo="stop the bot and run `tracker replay`, or start it again: it does so by itself",
        )  # fmt: skip
    if broken:
        return
    if not facts.backlogs:
        yield Finding(kind="note", topic="Log", text="empty: nothing was ever counted")
        return
    yield _lag(facts)
    if facts.verified is not None:
        yield _verified(facts.verified)


def _lag(facts: Facts) -> Finding:
    head = sum(b.head for b in facts.backlogs)
    behind = sum(b.head - b.counted for b in facts.backlogs)
    as_of = max(b.as_of for b in facts.backlogs)
    known = (
        f"{_many(head, 'event')}, whole at a glance; {behind:,} not counted yet; the figures are as of {when(as_of)}"
    )
    late_ms = facts.now - as_of
    if facts.is_running and late_ms > 2 * facts.flush_ms + _STALE_MS:
        return Finding(
            kind="bad", topic="Log", text=f"{known}, {span(late_ms)} ago although the bot runs",
            todo="see the bot's log: it says whether Discord's connection or the database is away",
        )  # fmt: skip
    return Finding(kind="ok", topic="Log", text=known)


def _verified(last: Verification) -> Finding:
    about = f"{_many(last.events, 'event')} compared with the figures at {when(last.at)}"
    if not last.differences:
        return Finding(kind="ok", topic="Log", text=f"{about}: no difference")
    most = "at least " if last.more else ""
    found = f"{most}{_many(last.differences, 'difference')} in {_many(last.guilds, 'server')}"
    todo = "stop the bot, and run `tracker replay`; `tracker replay --verify` shows what differs, also while it runs"
    return Finding(kind="bad", topic="Log", text=f"{about}: {found}", todo=todo)


def _guilds(facts: Facts) -> Iterator[Finding]:
    lost = [g for g in facts.guilds if g.lost_at is not None]
    seen = [g for g in facts.guilds if g.lost_at is None]
    blind = facts.is_running and not seen
    if not facts.guilds:
        yield Finding(kind="note", topic="Servers", text="none is known yet: invite the bot to one")
        return
    members = sum(g.members for g in facts.guilds)
    yield Finding(
        kind="ok", topic="Servers",
        text=f"{_many(len(facts.guilds), 'server')} known with {_many(members, 'member')}; {len(seen):,} of them seen",
    )  # fmt: skip
    for guild in lost[:_NAMED]:
        yield Finding(
            kind="bad" if blind else "note", topic="Servers",
            text=f"{guild.guild_id} is not seen since {when(guild.lost_at or 0)}",
            todo="see whether the bot is still in it, and https://discordstatus.com" if facts.is_running else None,
        )  # fmt: skip
    yield from _more("Servers", len(lost) - _NAMED, "server is not seen", "servers are not seen")


def _outbox(facts: Facts) -> Iterator[Finding]:
    for outbox, name in _OUTBOXES.items():
        counts = facts.counts[outbox]
        figures = ", ".join(f"{count:,} {state}" for state, count in counts.items())
        yield Finding(kind="ok", topic="Outbox", text=f"{name}: {figures}")
    for state, member in facts.members:
        yield _member(facts, state, member)
    for state, post in facts.posts:
        where = _UNNAMED_CHANNEL if post.channel_id is None else f"channel {post.channel_id}"
        what = f"{post.kind} for {where} in server {post.guild_id} ({post.key}, owed since {when(post.created_at)})"
        if state == "failed":
            yield _failed(what, post)
        else:
            yield _blocked(what, post.error, f"{_remedy(post.error)}; {_THEN.get(post.kind, _TO_COME)}")
    for outbox, one, several in (
        ("members", "member is stuck", "members are stuck"),
        ("posts", f"post did not arrive ({_UNNAMED})", f"posts did not arrive ({_UNNAMED})"),
    ):
        stuck = facts.counts[outbox]["failed"] + facts.counts[outbox]["blocked"]
        shown = len(facts.members if outbox == "members" else facts.posts)
        yield from _more("Outbox", stuck - shown, one, several)


def _member(facts: Facts, state: str, member: StuckMember) -> Finding:
    who = f"member {member.user_id} in server {member.guild_id}"
    if state == "failed":
        return _failed(who, member)
    if member.error in facts.unavoidable:
        return Finding(kind="note", topic="Outbox", text=f"{who}: {one_line(member.error)}")
    return _blocked(who, member.error, "change that; the bot tries again once it can, at the latest at its next start")


def _failed(what: str, stuck: StuckMember | StuckPost) -> Finding:
    tries = "tried once" if stuck.attempts == 1 else f"tried {stuck.attempts:,} times"
    why = one_line(stuck.error) or "no reason was noted"
    text = f"{what}: failed ({why}), {tries}; next try {when(stuck.next_attempt_at)}"
    return Finding(kind="note", topic="Outbox", text=text)


def _blocked(what: str, reason: str, todo: str) -> Finding:
    return Finding(
        kind="bad", topic="Outbox", text=f"{what}: blocked: {one_line(reason) or 'no reason was noted'}", todo=todo
    )


def _remedy(reason: str) -> str:
    """What to do about a blocked post."""
    if "HTTP 403" in reason:
        return "let the bot view the channel, send messages, embed links and attach files there"
    if "HTTP 404" in reason:
        return "the channel is gone: name another one (`/config log-channel`, `/schedule`)"
    if "log_channel_id" in reason:
        return "set a log channel: `/config log-channel`"
    return "change what it says"


def _more(topic: str, rest: int, one: str, several: str) -> Iterator[Finding]:
    if rest > 0:
        yield Finding(kind="note", topic=topic, text=f"… and {rest:,} more {one if rest == 1 else several}")


def one_line(text: str) -> str:
    """Words from elsewhere, without what would begin another line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def when(ms: int) -> str:
    """An instant, `2026-02-18 06:16 UTC`."""
    return f"{from_ms(ms):%Y-%m-%d %H:%M} UTC"


def span(ms: int) -> str:
    """A duration in its largest unit, rounded down: `3 min`."""
    for size, unit in ((86_400_000, "days"), (3_600_000, "h"), (60_000, "min")):
        if ms >= 2 * size or (unit != "days" and ms >= size):
            return f"{ms // size} {unit}"
    return f"{ms // 1000} s"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
