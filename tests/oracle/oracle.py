"""An independent slow oracle of SEMANTICS §3–§7, written from that page and not from the folds.

It does not fold. It builds timelines, cuts time into elementary intervals in which nothing changes, and asks of each
interval and of each event what it was worth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from zlib import crc32

from tests.oracle.rules import QUARTER, Rules, day_of, midnights
from tests.oracle.timelines import Stay, Timelines
from tracker.events.envelope import Event

__all__ = ["FIGURES", "REASONS", "Answer", "Session", "answer"]

FIGURES = (
    "voice_ms", "sessions", "messages", "interactions", "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted",
)  # fmt: skip

REASONS = (
    "afk_ms", "ignored_ms", "alone_ms", "deaf_ms", "muted_ms", "unruled_ms",
    "cooldown_messages", "ignored_messages", "revoked_messages", "cooldown_interactions",
)  # fmt: skip
"""Why something earned nothing. Of a millisecond that is not eligible, the first that applies; `unruled`: no EXP."""


@dataclass
class Session:
    """A session as it stands at the end. `days`: local days on which it had tracked time; `first_day`: 0, or of them
    that of its first tracked millisecond."""

    user: int
    channel: int
    started_at: int
    ended_at: int | None
    flags: int
    voice_ms: int = 0
    exp: int = 0
    days: set[int] = field(default_factory=set)
    first_day: int = 0


@dataclass
class Answer:
    """The read models at T. `daily` and `unearned` are keyed (day, user, channel); channel 0: adjustments.

    `seasons` is keyed (when it began, user), `rules` by instant: the document and who set it.
    """

    daily: defaultdict[tuple[int, int, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    last_at: dict[tuple[int, int, int], int] = field(default_factory=dict)
    award_at: dict[tuple[int, str], int] = field(default_factory=dict)
    carries: Counter[tuple[int, int]] = field(default_factory=Counter)
    sessions: list[Session] = field(default_factory=list)
    away: list[tuple[int, int | None]] = field(default_factory=list)
    unearned: defaultdict[tuple[int, int, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seasons: dict[tuple[int, int], int] = field(default_factory=dict)
    rules: dict[int, tuple[Any, int | None]] = field(default_factory=dict)

    def give(self, row: tuple[int, int, int], source: str, exp: int, season: int | None) -> None:
        """EXP on that day, in the season that runs."""
        self.daily[row][f"exp_{source}"] += exp
        if season is not None and exp != 0:
            self.seasons[season, row[1]] = self.seasons.get((season, row[1]), 0) + exp

    def see(self, row: tuple[int, int, int], at: int) -> None:
        """The member did something that counts in this row, up to the instant `at`."""
        self.last_at[row] = max(at, self.last_at.get(row, 0))

    def totals(self) -> dict[int, Counter[str]]:
        """All-time sums of each member."""
        sums: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for (_, user, _), figures in self.daily.items():
            sums[user].update({name: figures[name] for name in ("voice_ms", "messages", "interactions")})
            sums[user]["exp"] += sum(figures[name] for name in FIGURES if name.startswith("exp_"))
        return sums


def answer(events: Sequence[Event], until: int) -> Answer:
    """The read models of the one guild whose events these are (in any order), at the instant `until`."""
    known = [e for _, e in sorted(enumerate(events), key=lambda pair: (pair[1].occurred_at, pair[0]))]
    known = [e for e in known if e.occurred_at <= until and e.type != "tracker.ticked"]
    lines, result = Timelines(known), Answer()
    result.away = list(_away(known))
    result.rules = {e.occurred_at: (e.data.settings, e.data.by) for e in known if e.type == "settings.changed"}  # type: ignore[attr-defined]
    for stay in sorted(lines.stays, key=lambda s: s.first):
        result.sessions.append(_live_through(stay, lines, until, result))
    _messages(lines, result)
    _interactions(lines, result)
    _adjustments(lines, result)
    forgotten = {e.user_id for e in known if e.type == "member.forgotten"} | {u for u in lines.users if u < 0}
    return _without(result, forgotten)


def _away(events: Sequence[Event]) -> Iterator[tuple[int, int | None]]:
    since: int | None = None
    for e in events:
        if e.type == "tracker.lost" and since is None:
            since = e.occurred_at
        elif e.type == "tracker.returned" and since is not None:
            if e.occurred_at > since:
                yield since, e.occurred_at
            since = None
    if since is not None:
        yield since, None


def _live_through(stay: Stay, lines: Timelines, until: int, result: Answer) -> Session:
    """Walk through a session, interval by interval."""
    events = lines.events
    session = Session(
        user=stay.user,
        channel=stay.channel,
        started_at=events[stay.first].occurred_at,
        ended_at=None if stay.last is None else events[stay.last].occurred_at,
        flags=lines.flags(stay.user, len(events) if stay.last is None else stay.last - 1),
    )
    for step in range(stay.first, len(events) if stay.last is None else stay.last):
        if lines.unseen(step) is not None:
            continue  # until the tracker is back nobody knows
        start: int = events[step].occurred_at
        before = lines.unseen(step - 1)
        if before is not None:  # it is back, and the session went on: what was not seen is made up for
            start = max(before, session.started_at)
        end = events[step + 1].occurred_at if step + 1 < len(events) else until
        rules, looks = lines.rules(step), lines.described(stay.channel, step)
        if end <= start:
            continue
        why = _why_not(stay, lines, step)
        tracked = rules.tracked(stay.channel, looks.name, looks.parent, afk=looks.afk)
        for day, first, last in _days(start, end, rules):
            row = (day, stay.user, stay.channel)
            if why:
                result.unearned[row][f"{why[0]}_ms"] += last - first
            if not tracked:
                continue
            result.daily[row]["voice_ms"] += last - first
            result.daily[row]["sessions"] += day not in session.days
            result.see(row, last)
            session.voice_ms += last - first
            session.first_day = session.first_day or day
            session.days.add(day)
        if not why or why == ["unruled"]:
            _earn(session, lines, step, (start, end), result)
    return session


def _why_not(stay: Stay, lines: Timelines, step: int) -> list[str]:
    """All that keeps the time after a step from earning, what counts first coming first."""
    rules, looks = lines.rules(step), lines.described(stay.channel, step)
    reasons = ["afk"] if looks.afk else []
    if not rules.tracked(stay.channel, looks.name, looks.parent, afk=False):
        reasons.append("ignored")
    reasons += rules.lacking(lines.occupants(stay.channel, step), lines.flags(stay.user, step))
    rule = rules.voice_rule(stay.channel, looks.parent)
    if rule is None or rule[1] == 0:
        reasons.append("unruled")
    return reasons


def _days(start: int, end: int, rules: Rules) -> Iterator[tuple[int, int, int]]:
    """[start, end) cut at the local midnights in it."""
    cuts = {start, end}
    for quarter in range(start // QUARTER, end // QUARTER + 1):
        cuts.update(cut for cut in midnights(rules.zone, quarter) if start < cut < end)
    ordered = sorted(cuts)
    for first, last in pairwise(ordered):
        yield day_of(first, rules.zone), first, last


def _earn(session: Session, lines: Timelines, step: int, interval: tuple[int, int], result: Answer) -> None:
    """Eligible time: the carry grows by a ms each ms, and reaching `every` it is awarded and starts again."""
    rules, looks = lines.rules(step), lines.described(session.channel, step)
    rule, key = rules.voice_rule(session.channel, looks.parent), (session.user, session.channel)
    now, end = interval
    while now < end:
        left = end - now if rule is None else max(1, rule[0] - result.carries[key])
        if rule is None or now + left > end:
            result.carries[key] += end - now
            return
        now += left
        result.carries[key] = 0
        exp = rules.multiplied(rule[1], session.channel, lines.roles(session.user, step), now)
        row = (day_of(now - 1, rules.zone), session.user, session.channel)
        result.give(row, "voice", exp, lines.season(step))
        session.exp += exp


def _messages(lines: Timelines, result: Answer) -> None:
    awards: dict[int, tuple[int, int, tuple[int, int, int], int | None]] = {}
    for step, e in enumerate(lines.events):
        data: Any = e.data
        rules = lines.rules(step)
        if e.type == "message.deleted" and data.message_id in awards:
            until, exp, row, season = awards.pop(data.message_id)
            if e.occurred_at <= until:
                result.give(row, "messages", -exp, season)
                result.unearned[row]["revoked_messages"] += 1
        if e.type != "message.sent" or e.user_id is None or e.channel_id is None or not lines.counted(e.user_id, step):
            continue
        row = (day_of(e.occurred_at, rules.zone), e.user_id, e.channel_id)
        if e.channel_id in rules.message_ignored:
            result.unearned[row]["ignored_messages"] += 1
            continue
        result.daily[row]["messages"] += 1
        result.see(row, e.occurred_at)
        message, (low, high) = int(e.id.removeprefix("message:")), rules.message_exp
        if high == 0:
            continue
        if not _cooled(result, e.user_id, "message", e.occurred_at, rules.message_cooldown):
            result.unearned[row]["cooldown_messages"] += 1
            continue
        drawn = low + crc32(str(message).encode("ascii")) % (high - low + 1)
        exp = rules.multiplied(drawn, e.channel_id, lines.roles(e.user_id, step), e.occurred_at)
        result.give(row, "messages", exp, lines.season(step))
        if rules.message_revoke > 0:  # rules are facts, and so is the season: those of the award
            awards[message] = (e.occurred_at + rules.message_revoke, exp, row, lines.season(step))


def _interactions(lines: Timelines, result: Answer) -> None:
    for step, e in enumerate(lines.events):
        if e.type != "interaction.used" or e.user_id is None or e.channel_id is None:
            continue
        if not lines.counted(e.user_id, step):
            continue
        rules = lines.rules(step)
        row = (day_of(e.occurred_at, rules.zone), e.user_id, e.channel_id)
        result.daily[row]["interactions"] += 1
        result.see(row, e.occurred_at)
        exp = rules.interaction_exp
        if exp == 0:
            continue
        if _cooled(result, e.user_id, "interaction", e.occurred_at, rules.interaction_cooldown):
            worth = rules.multiplied(exp, e.channel_id, lines.roles(e.user_id, step), e.occurred_at)
            result.give(row, "interactions", worth, lines.season(step))
        else:
            result.unearned[row]["cooldown_interactions"] += 1


def _cooled(result: Answer, user: int, kind: str, at: int, cooldown: int) -> bool:
    """Is an award due at this instant? If so, it is the member's last one now."""
    last = result.award_at.get((user, kind))
    if last is not None and at < last + cooldown:
        return False
    result.award_at[user, kind] = at
    return True


def _adjustments(lines: Timelines, result: Answer) -> None:
    for step, e in enumerate(lines.events):
        data: Any = e.data
        if e.type == "exp.adjusted" and e.user_id is not None:
            day = day_of(e.occurred_at, lines.rules(step).zone)
            result.give((day, e.user_id, 0), "adjusted", data.amount, lines.season(step))


def _without(result: Answer, users: set[Any]) -> Answer:
    result.daily = defaultdict(Counter, {row: c for row, c in result.daily.items() if row[1] not in users})
    result.unearned = defaultdict(Counter, {row: c for row, c in result.unearned.items() if row[1] not in users})
    result.seasons = {key: exp for key, exp in result.seasons.items() if key[1] not in users}
    result.last_at = {row: at for row, at in result.last_at.items() if row[1] not in users}
    result.award_at = {key: at for key, at in result.award_at.items() if key[0] not in users}
    result.carries = Counter({key: ms for key, ms in result.carries.items() if key[0] not in users})
    result.sessions = [session for session in result.sessions if session.user not in users]
    return result
