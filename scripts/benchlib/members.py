"""Bringing the tier roles of a whole guild in line: how fast, for how much CPU, and with how many calls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import store.log
from scripts.benchlib.figures import Figure
from scripts.benchlib.place import Place
from scripts.benchlib.processes import Child, bot
from store.engine import open_database
from tracker.events.envelope import Data, Event
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import GuildId, Ms, UserId, mint_event_id

__all__ = ["measure"]

_MEMBER = "PATCH /guilds/{guild}/members/{user}"
_TIERS = ("Bronze", "Silver", "Gold")
_LOOK_S = 0.05
_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """So many members, under a limit of 10 calls in `window_s`. Discord's window has been observed to be 10 s."""

    name: str
    members: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    seconds: float
    calls: int
    cpu_share: float


def measure(place: Place) -> list[Figure]:
    """Discord's own limit with few members, and one that is 50 times as wide with many; 50 calls a second in all."""
    cases = [
        _Case(name="wide", members=place.scaled(5_000, 30), window_s=0.2),
        _Case(name="discord", members=place.scaled(60, 12), window_s=place.scaled(10, 1)),
    ]
    return [figure for case in cases for figure in _figures(case, _run(place, case))]


def _figures(case: _Case, outcome: _Outcome) -> list[Figure]:
    note = (
        f"{case.members:,} members of one guild who all get another tier role, one run; limits of the sandbox: "
        f"10 calls in {case.window_s:g} s for the guild's members, 50 a second in all"
    )
    who = f"{case.members:,} members, 10 calls in {case.window_s:g} s"

    def figure(name: str, what: str, unit: str, value: float, **more: Any) -> Figure:
        return Figure(name=f"members.{case.name}.{name}", what=what, unit=unit, runs=(value,), note=note, **more)

    calls = outcome.calls / case.members
    return [
        figure("seconds", f"until all tier roles are right, {who}", "s", outcome.seconds),
        figure("rate", f"… members a second, {who}", "1/s", case.members / outcome.seconds, better="higher"),
        figure("calls", f"… calls per changed member (429s too), {who}", "calls", calls, aim=1.05),
        figure("cpu", f"… CPU meanwhile, {who}", "% of a core", outcome.cpu_share),
    ]


def _run(place: Place, case: _Case) -> _Outcome:
    options = ["--members", str(case.members), "--list-members", str(case.members), "--rate-limits"]
    options += ["--route-limit", f"{_MEMBER}=10/{case.window_s}"]
    source = Child(["-m", "tracker.sandbox", *options], {}, place.folder / "sandbox.log")
    with source:
        where = source.read()
        url = place.new_url("sqlite")
        roles = [source.do("add_role", name=name)["id"] for name in _TIERS]
        wanted = _earn(url, where["guilds"][0], roles)
        with bot("bot", where, place.folder, url, TRACKER_FLUSH_S="2") as observed:
            began, _ = _calls(source, at_least=1)
            observed.ask("reset")
            ended, calls = _calls(source, at_least=case.members)
            report = observed.ask("report")
            _check(source, wanted)
    return _Outcome(seconds=ended - began, calls=calls, cpu_share=100 * report["cpu_ns"] / report["wall_ns"])


def _earn(url: str, guild: dict[str, Any], roles: list[str]) -> dict[str, str]:
    """A log in which everybody has earned a tier; who is to hold which role."""
    at = Ms(time.time_ns() // _MS - 3_600_000)

    def fact(data: Data, user: str | None = None) -> Event:
        who = None if user is None else UserId(int(user))
        return Event(id=mint_event_id(at), guild_id=GuildId(int(guild["id"])), user_id=who, occurred_at=at, data=data)

    tiers = [
        {"name": name, "role_id": role, "min_level": level}
        for level, (name, role) in enumerate(zip(_TIERS, roles, strict=True), 1)
    ]
    facts = [fact(SettingsChanged(settings={"tiers": {"list": tiers}}))]
    wanted = {}
    for number, user in enumerate(guild["members"]):
        level = number % len(_TIERS)
        facts.append(fact(ExpAdjusted(amount=100 * (level + 1), reason="", by=UserId(1)), user))
        wanted[user] = roles[level]
    database = open_database(url)
    store.log.append(database, facts, recorded_at=at)
    database.close()
    return wanted


def _calls(source: Child, *, at_least: int) -> tuple[float, int]:
    """Once so many changes were carried out: when (monotonic), and how many calls were made so far.

    Raises RuntimeError if none is carried out for a minute.
    """
    done, patience = -1, time.monotonic() + 60
    while True:
        counts = source.do("state")["calls"]
        now = counts.get(f"{_MEMBER} 200", 0)
        if now >= at_least:
            return time.monotonic(), sum(n for route, n in counts.items() if route.startswith(_MEMBER))
        if now != done:
            done, patience = now, time.monotonic() + 60
        elif time.monotonic() > patience:
            raise RuntimeError(f"only {done} of {at_least} members were brought in line")
        time.sleep(_LOOK_S)


def _check(source: Child, wanted: dict[str, str]) -> None:
    """Raises RuntimeError unless everybody holds their tier role, and the one that everybody has from the beginning."""
    looks = source.do("looks")["members"]
    wrong = [
        user for user, role in wanted.items() if role not in looks[user]["roles"] or len(looks[user]["roles"]) != 2
    ]
    if wrong:
        raise RuntimeError(f"{len(wrong)} members do not hold what they should")
