"""A retroactive change of the settings is in force from the guild's first event on, in every fold that comes after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from store import asof, rebuild
from store.engine import Database
from store.whatif import what_if
from tests.oracle.oracle import answer
from tests.properties.communities import GUILD as STORY_GUILD
from tests.properties.communities import Community, communities
from tests.properties.documents import documents
from tests.properties.folding import expected
from tests.store.living import Writer
from tests.store.test_asof import EXAMPLES, as_the_log_reads, check, told
from tests.store.test_rebuild import emptied, live
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId, Ms


def retroactively(events: Sequence[Event], document: Any, at: int) -> list[Event]:
    """What the log says then: that document from the first event on, and of the changes those after `at`."""
    first = events[0]
    begins = replace(first, id=EventId("given"), user_id=None, data=SettingsChanged(settings=document))
    return [begins, *(e for e in events if not (isinstance(e.data, SettingsChanged) and e.occurred_at <= at))]


def says(db: Database, events: Sequence[Event], until: int) -> None:
    """All figures are what the oracle says. (What rules were ever in force is told by the log, whatever counts.)"""
    wanted = expected(answer(events, until))
    del wanted["rules"]
    check(told(db), wanted)


@st.composite
def applied(draw: st.DrawFn) -> tuple[Community, Any, Any]:
    """A history, a document that is then applied to all of it, and one that is applied after that from then on."""
    community = draw(communities(moves=25))
    some = documents(community.zone, community.events[0].occurred_at)
    return community, draw(some), draw(some)


@EXAMPLES
@given(drawn=applied())
def test_past_figures_are_derived_anew_and_later_replays_give_the_same(
    database: Database, drawn: tuple[Community, Any, Any]
) -> None:
    community, document, later = drawn
    emptied(database)
    live(database, community, [])
    previewed = what_if(database, STORY_GUILD, document)
    at, end = community.until, Ms(community.until + 3_600_000)
    base = replace(community.events[0], user_id=None, channel_id=None, occurred_at=at)
    rebuild.mark_for_rebuild(database, [STORY_GUILD])
    writer = Writer(database)
    writer.write([replace(base, id=EventId("retro"), data=SettingsChanged(settings=document, retroactive=True))])
    writer.flush(at)
    rebuild.rebuild(database, guilds=[STORY_GUILD])
    history = retroactively(as_the_log_reads(community.events), document, at)
    says(database, history, at)
    exp = {m.user_id: m.exp_after for m in previewed.members if m.exp_after}
    again = what_if(database, STORY_GUILD, document)
    assert {m.user_id: m.exp_before for m in again.members if m.exp_before} == exp
    assert again.changed == []
    writer = Writer(database)
    change = replace(base, id=EventId("later"), data=SettingsChanged(settings=later))
    writer.write([replace(change, occurred_at=Ms(at + 1))])
    writer.flush(end)
    history.append(replace(change, occurred_at=Ms(at + 1)))
    says(database, history, end)
    assert rebuild.verify(database) == []
    with asof.scratch(database) as fresh:
        asof.fold_into(database, fresh)
        says(fresh, history, end)
