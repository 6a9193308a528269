"""Whatever happens between flushes: what members should look like is what follows from the tables."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from store import member_sync, rebuild
from store.engine import Database, open_database
from tests.examples import examples
from tests.properties.communities import GUILD, Community, communities
from tests.properties.documents import ROLES
from tests.store.living import Writer
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId

_LEVELS = st.one_of(
    st.builds(lambda n: {"kind": "linear", "exp_per_level": n}, st.sampled_from([1, 3, 10])),
    st.just({"kind": "thresholds", "exp": [2, 5, 9, 30]}),
)
_TIER = st.builds(
    lambda role, key, least: {"name": f"tier {role}", "role_id": str(role), key: least},
    st.sampled_from(ROLES),
    st.sampled_from(["min_level", "min_exp"]),
    st.integers(0, 12),
)
_EXTRAS = st.fixed_dictionaries(
    {
        "levels": _LEVELS,
        "tiers": st.fixed_dictionaries(
            {
                "basis": st.sampled_from(["lifetime", "season", "rolling"]),
                "rolling_days": st.integers(1, 3),
                "policy": st.sampled_from(["highest", "stack"]),
                "list": st.lists(_TIER, max_size=3),
            }
        ),
        "nickname": st.fixed_dictionaries({"enabled": st.booleans()}),
        "announcements": st.fixed_dictionaries({"mode": st.sampled_from(["off", "channel"])}),
    }
)


def _with(extra: Mapping[str, Any], fact: Event) -> Event:
    if not isinstance(fact.data, SettingsChanged):
        return fact
    return replace(fact, data=SettingsChanged(settings={**fact.data.settings, **extra}))


def _live(db: Database, events: list[Event], flushes: list[int], until: int) -> None:
    """As a tracker that flushes at these instants, and starts anew after every other flush."""
    writer, rest = Writer(db), list(events)
    for number, at in enumerate([*sorted(flushes), until]):
        now = [e for e in rest if e.occurred_at <= at]
        rest = rest[len(now) :]
        writer.write(now)
        writer.flush(at)
        if number % 2:
            writer = Writer(db)


def _looks(db: Database) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Who should look otherwise than plain."""
    found = {u: (s.level, s.tier_roles) for u, s in member_sync.desired(db, GUILD).items()}
    return {user: look for user, look in found.items() if look != (0, ())}


@settings(
    max_examples=examples(40),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(community=communities(), extras=st.lists(_EXTRAS, min_size=3, max_size=3), data=st.data())
def test_who_should_look_how_is_the_same_however_the_flushes_fell(
    sqlite_template: Path, community: Community, extras: list[dict[str, Any]], data: st.DataObject
) -> None:
    numbers = iter(range(len(community.events)))
    told = [_with(extras[next(numbers) % len(extras)], e) for e in community.events]
    first, last = told[0].occurred_at, community.until
    begin = replace(
        told[0], id=EventId("rules"), user_id=None, channel_id=None, data=SettingsChanged(settings=extras[0])
    )
    told.insert(0, begin)
    flushes = data.draw(st.lists(st.integers(first, last), max_size=6, unique=True), label="flushes")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "tracker.db"
        shutil.copy(sqlite_template, path)
        db = open_database(str(path))
        try:
            _live(db, told, [f for f in flushes if f != last], last)
            assert rebuild.verify(db) == []
            live = _looks(db)
            rebuild.rebuild(db)
            assert _looks(db) == live
            event("somebody holds a tier" if any(roles for _, roles in live.values()) else "nobody holds a tier")
        finally:
            db.close()
