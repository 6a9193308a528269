"""What other rules would have made of a history is what the slow oracle says, worked out without touching anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.engine import Database
from store.whatif import what_if
from tests.oracle.oracle import FIGURES, Answer, answer
from tests.properties.communities import BOT, Community, communities
from tests.properties.communities import GUILD as STORY_GUILD
from tests.properties.documents import ROLES, documents
from tests.store.living import Writer
from tests.store.support import GUILD, START, fact, statements
from tests.store.test_asof import EXAMPLES, as_the_log_reads, under
from tests.store.test_rebuild import emptied, live
from tracker.clock import from_ms
from tracker.errors import SettingsError
from tracker.events.member import MemberJoined, MemberLeft
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.projections.standing import Standing

MINUTE = 60_000

LEVELS = (
    {"kind": "linear", "exp_per_level": 3},
    {"kind": "thresholds", "exp": [2, 5, 9, 30]},
    {"kind": "mee6"},
)
TIER = st.builds(
    lambda role, key, least: {"name": f"tier {role}", "role_id": str(role), key: least},
    st.sampled_from(ROLES),
    st.sampled_from(["min_exp", "min_level"]),
    st.integers(0, 12),
)
TIERS = st.fixed_dictionaries(
    {
        "basis": st.sampled_from(["lifetime", "season", "rolling"]),
        "rolling_days": st.integers(1, 3),
        "policy": st.sampled_from(["highest", "stack"]),
        "list": st.lists(TIER, max_size=3),
    }
)


def costs(levels: Mapping[str, Any], most: int) -> list[int]:
    """What each level costs in all, from the first one on, until that is more than `most`."""
    if levels["kind"] == "thresholds":
        return list(levels["exp"])
    cost, found = 0, list[int]()
    while cost <= most:
        level = len(found)
        cost += levels["exp_per_level"] if levels["kind"] == "linear" else 5 * level**2 + 50 * level + 100
        found.append(cost)
    return found


def level(document: Mapping[str, Any], exp: int) -> int:
    kind = document.get("levels", {"kind": "linear", "exp_per_level": 100})
    return sum(cost <= exp for cost in costs(kind, max(exp, 0)))


def basis(document: Mapping[str, Any], said: Answer, user: int, exp: int, season: int | None, end: int) -> int:
    """The EXP that tiers look at."""
    kind = document.get("tiers", {}).get("basis", "lifetime")
    if kind == "lifetime":
        return exp
    if kind == "season":
        return 0 if season is None else said.seasons.get((season, user), 0)
    today = from_ms(end).astimezone(ZoneInfo(document.get("timezone", "UTC"))).date()
    days = {int(f"{today - timedelta(days=n):%Y%m%d}") for n in range(1, document["tiers"]["rolling_days"] + 1)}
    sources = [name for name in FIGURES if name.startswith("exp_")]
    return sum(f[s] for (day, who, _), f in said.daily.items() if who == user and day in days for s in sources)


def standing(document: Mapping[str, Any], exp: int, basis_exp: int) -> tuple[int, tuple[int, ...]]:
    """SEMANTICS §7, in so many words."""
    tiers = document.get("tiers", {})
    asked = [
        (t["min_exp"] if "min_exp" in t else ([0, *costs(document["levels"], 10**6)] + [10**9] * 99)[t["min_level"]],
         number, int(t["role_id"]))
        for number, t in enumerate(tiers.get("list", []))
    ]  # fmt: skip
    held = []
    for least, number, role in sorted(asked):
        tier = tiers["list"][number]
        reached = basis_exp >= tier["min_exp"] if "min_exp" in tier else level(document, basis_exp) >= tier["min_level"]
        held += [role] if reached and least < 10**9 else []
    if tiers.get("policy", "highest") == "highest":
        held = held[-1:]
    return level(document, exp), tuple(sorted(set(held)))


@st.composite
def asked(draw: st.DrawFn) -> tuple[Community, Any]:
    """A history in which settings with levels and tiers are in force now and then, and other ones to ask about."""

    def some() -> Any:
        rules = draw(documents(community.zone, community.events[0].occurred_at))
        return {**rules, "levels": draw(st.sampled_from(LEVELS)), "tiers": draw(TIERS)}

    community = draw(communities(moves=25))
    extras = some()
    told = [
        replace(e, data=SettingsChanged(settings={**e.data.settings, **{k: extras[k] for k in ("levels", "tiers")}}))
        if isinstance(e.data, SettingsChanged)
        else e
        for e in community.events
    ]
    return replace(community, events=tuple(told)), some()


def in_force(community: Community) -> Any:
    """The document in force at the end."""
    changes = [e.data.settings for e in community.events if isinstance(e.data, SettingsChanged)]
    return changes[-1] if changes else {}


@EXAMPLES
@given(drawn=asked())
def test_exp_levels_and_tier_roles_under_other_rules_are_what_the_oracle_says(
    database: Database, drawn: tuple[Community, Any]
) -> None:
    community, document = drawn
    emptied(database)
    live(database, community, [])
    found = what_if(database, STORY_GUILD, document)
    assert found.as_of == community.until
    told = as_the_log_reads(community.events)
    seasons = [e.occurred_at for e in told if isinstance(e.data, SeasonStarted)]
    season = seasons[-1] if seasons else None
    for rules, events, side in (
        (in_force(community), told, "before"),
        (document, under(document, told), "after"),
    ):
        said = answer(events, community.until)
        totals = {user: sums["exp"] for user, sums in said.totals().items() if user != BOT}
        assert {u: e for u, e in totals.items() if e} == {
            m.user_id: getattr(m, f"exp_{side}") for m in found.members if getattr(m, f"exp_{side}")
        }
        for member in found.members:
            exp = totals.get(member.user_id, 0)
            looks: Standing = getattr(member, side)
            expected = standing(rules, exp, basis(rules, said, member.user_id, exp, season, community.until))
            assert (looks.level, looks.tier_roles) == expected, (side, member.user_id)


@pytest.fixture
def writer(database: Database) -> Writer:
    """Somebody with 50 EXP, somebody with 5 who left, and a minute of voice for a third; the last is not flushed."""
    writer = Writer(database)
    tiers = {"tiers": {"list": [{"name": "Bronze", "role_id": "5", "min_exp": 10}]}}
    writer.write([fact(SettingsChanged(settings=tiers), user=None, channel=None)])
    writer.write([fact(MemberJoined(name=f"m{n}"), user=n, channel=None) for n in (1, 2, 3)])
    writer.write([fact(ExpAdjusted(amount=50), user=1), fact(ExpAdjusted(amount=5), user=2)])
    writer.write([fact(MemberLeft(), user=2, channel=None, at=1), fact(user=3, at=2)])
    writer.flush(START + 10 * MINUTE)
    writer.write([fact(ExpAdjusted(amount=1), user=1, at=11 * MINUTE)])
    return writer


def test_rules_that_are_the_same_change_nothing(writer: Writer) -> None:
    same = {"tiers": {"list": [{"name": "Bronze", "role_id": "5", "min_exp": 10}]}}
    assert what_if(writer.db, GUILD, same).changed == []


def test_the_difference_is_summed_up_for_those_who_are_still_there(writer: Writer) -> None:
    document = {
        "levels": {"kind": "linear", "exp_per_level": 10},
        "voice": {"default": {"every_s": 60, "exp": 3}},
        "tiers": {"list": [{"name": "Gold", "role_id": "6", "min_exp": 1}]},
    }
    found = what_if(writer.db, GUILD, document)
    assert (found.exp_before, found.exp_after) == (50 + 1 + 5 + 2, 50 + 1 + 5 + 10 * 3)
    assert (found.rise, found.fall, found.gain, found.lose) == (2, 0, 2, 0)
    assert [(t.name, t.before, t.after) for t in found.tiers()] == [("Gold", 0, 2), ("Bronze", 1, 0)]
    assert Counter(m.present for m in found.members) == {True: 2, False: 1}


def test_nothing_is_written_and_progress_is_told_of_both_foldings(writer: Writer) -> None:
    told: list[int] = []
    with statements(writer.db) as sent:
        what_if(writer.db, GUILD, {}, progress=told.append)
    assert all(text.lstrip().upper().startswith("SELECT") for text in sent)
    assert sum(told) == 2 * 9


def test_a_document_with_a_mistake_is_refused_naming_the_key(writer: Writer) -> None:
    with pytest.raises(SettingsError, match="tiemzone"):
        what_if(writer.db, GUILD, {"tiemzone": "UTC"})
