"""Whatever others do to a member's roles while ours are on their way, their will is done in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import hikari
from hypothesis import given
from hypothesis import strategies as st

from tracker.discord.flights import Flight, Flights, Loss
from tracker.discord.gate import Listener
from tracker.ids import GuildId, UserId

GUILD, ANA = GuildId(1), UserId(2)
BRONZE, SILVER = 10, 11
OURS = frozenset({BRONZE, SILVER})
OTHERS = (20, 21, 22)

Change = tuple[bool, int]
"""Given (or taken), and which role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the listeners read of hikari's event."""

    role_ids: tuple[int, ...] = ()
    guild_id: int = GUILD
    user_id: int = ANA

    @property
    def member(self) -> Told:
        return self


class Wire:
    """Discord's truth about one member, told to `Flights` in order."""

    def __init__(self, roles: frozenset[int]) -> None:
        self.roles = roles
        self.flights = Flights()
        self._heard: dict[type[hikari.Event], Listener] = {}
        self.flights.subscribe(self)

    def hear(self, kind: type[hikari.Event], listener: Listener) -> None:
        self._heard[kind] = listener

    def tell(self, kind: type[hikari.Event]) -> None:
        coroutine = self._heard[kind](cast("hikari.Event", Told(role_ids=(GUILD, *sorted(self.roles)))))
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("a listener awaited something")

    def set(self, roles: frozenset[int]) -> None:
        if roles != self.roles:
            self.roles = roles
            self.tell(hikari.MemberUpdateEvent)

    def do(self, *changes: Change) -> None:
        for given_, role in changes:
            self.set(self.roles | {role} if given_ else self.roles - {role})

    def begin(self, wanted: frozenset[int], held: frozenset[int]) -> Flight:
        flight = Flight(wanted=wanted, ours=OURS)
        self.flights.begin(GUILD, ANA, flight, held)
        return flight

    def mend(self) -> None:
        """What the outbox does with a loss."""
        loss = self.flights.take_losses(GUILD).get(ANA)
        if loss is not None:
            self.set((self.roles | loss.lost) - loss.unwanted)


changes = st.lists(st.tuples(st.booleans(), st.sampled_from((*OTHERS, BRONZE, SILVER))), max_size=6)
roles = st.frozensets(st.sampled_from(OTHERS))


@given(before=roles, meanwhile=changes, afterwards=changes, early=st.integers(0, 3))
def test_others_will_is_done_in_the_end(
    before: frozenset[int], meanwhile: list[Change], afterwards: list[Change], early: int
) -> None:
    wire = Wire(before | {BRONZE})
    held = wire.roles
    wire.begin((held - OURS) | {SILVER}, held)
    wire.do(*meanwhile)
    wire.set((held - OURS) | {SILVER})
    wire.flights.answered(GUILD, ANA)
    wire.do(*afterwards[:early])
    wire.mend()
    wire.do(*afterwards[early:])
    wire.mend()
    wanted = set(before)
    for given_, role in [*meanwhile, *afterwards]:
        if role not in OURS:
            (wanted.add if given_ else wanted.discard)(role)
    # What others did between our change and the mending counts as well, though a loss was known already.
    assert wire.roles - OURS == wanted or _undone_twice(meanwhile, afterwards[:early])


def _undone_twice(meanwhile: list[Change], afterwards: list[Change]) -> bool:
    """Somebody took a role that ours had taken already (or gave one that ours had given): nobody can hear that."""
    return bool({role for _, role in meanwhile} & {role for _, role in afterwards})


def test_until_the_gateway_has_told_the_roles_that_were_sent_are_what_the_member_has() -> None:
    wire = Wire(frozenset({20}))
    flight = wire.begin(frozenset({20, BRONZE}), wire.roles)
    assert wire.flights.arriving(GUILD, ANA) is None
    wire.flights.answered(GUILD, ANA)
    assert wire.flights.arriving(GUILD, ANA) == frozenset({20, BRONZE})
    wire.set(frozenset({20, BRONZE}))
    assert wire.flights.arriving(GUILD, ANA) is None
    assert flight.echoed


def test_news_that_never_come_are_not_waited_for_for_ever() -> None:
    wire = Wire(frozenset())
    flight = wire.begin(frozenset({BRONZE}), wire.roles)
    wire.flights.answered(GUILD, ANA)
    assert flight.answered_at is not None
    flight.answered_at -= 601
    assert wire.flights.arriving(GUILD, ANA) is None
    wire.set(frozenset({BRONZE}))
    assert not flight.echoed


def test_a_call_that_was_refused_has_undone_nothing() -> None:
    wire = Wire(frozenset())
    wire.begin(frozenset({BRONZE}), wire.roles)
    wire.do((True, 20))
    wire.flights.refused(GUILD, ANA)
    wire.set(frozenset({BRONZE}))
    assert wire.flights.take_losses(GUILD) == {}


def test_who_leaves_or_a_guild_that_goes_has_nothing_under_way() -> None:
    for kind in (hikari.MemberDeleteEvent, hikari.GuildLeaveEvent, hikari.GuildAvailableEvent):
        wire = Wire(frozenset())
        wire.begin(frozenset({BRONZE}), wire.roles)
        wire.tell(kind)
        wire.flights.answered(GUILD, ANA)
        assert wire.flights.arriving(GUILD, ANA) is None


def test_what_a_call_without_an_answer_undid_is_kept_when_the_next_begins() -> None:
    wire = Wire(frozenset())
    wire.begin(frozenset({BRONZE}), wire.roles)
    wire.do((True, 20))
    wire.set(frozenset({BRONZE}))
    wire.begin(frozenset({SILVER}), wire.roles)
    assert wire.flights.take_losses(GUILD) == {ANA: Loss(lost=frozenset({20}), unwanted=frozenset())}
