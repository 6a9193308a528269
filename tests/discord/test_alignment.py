"""Who does not look as they should is found, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.discord.intake import FoldIntake
from tracker.discord.alignment import Comparison, compare
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberJoined, MemberLeft, MemberOptedOut, MemberRolesChanged
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId, GuildId, Ms, RoleId, UserId

GUILD = GuildId(1 << 22)
BRONZE, SILVER, OWN = RoleId(50), RoleId(51), RoleId(99)
TIERS = {
    "list": [
        {"name": "Bronze", "role_id": str(BRONZE), "min_level": 1},
        {"name": "Silver", "role_id": str(SILVER), "min_level": 2},
    ]
}


@dataclass(frozen=True)
class Want:
    tier_roles: tuple[RoleId, ...] = ()
    state: str = "sent"
    error: str | None = None
    managed: bool = False
    set_nick: str | None = None


class Village:
    """A guild with tiers, whose members are put in."""

    def __init__(self, **document: Any) -> None:
        self.intake = FoldIntake()
        self.fact(None, SettingsChanged(settings={"tiers": TIERS, **document}))

    def fact(self, user: int | None, data: Data) -> None:
        number = len(self.intake.events)
        self.intake.accept(
            Event(
                id=EventId(f"e{number}"),
                guild_id=GUILD,
                user_id=None if user is None else UserId(user),
                occurred_at=Ms(1_771_400_000_000),
                data=data,
            )
        )

    def member(self, user: int, *roles: RoleId, name: str = "민준", bot: bool = False) -> None:
        self.fact(user, MemberJoined(name=name, bot=bot))
        self.fact(user, MemberRolesChanged(role_ids=roles))

    async def compared(self, desired: Mapping[int, Want]) -> Comparison:
        return await compare(self.intake.sight, GUILD, {UserId(u): w for u, w in desired.items()})


@pytest.mark.parametrize(
    ("held", "wanted", "right"),
    [
        ((BRONZE,), (BRONZE,), True),
        ((OWN, BRONZE), (BRONZE,), True),
        ((OWN,), (), True),
        ((BRONZE, SILVER), (BRONZE,), False),
        ((SILVER,), (BRONZE,), False),
        ((), (BRONZE,), False),
        ((BRONZE,), (), False),
        ((OWN,), (RoleId(77),), True),  # the role of a tier that is no longer in the list
    ],
)
async def test_only_the_tiers_roles_are_compared(
    held: tuple[RoleId, ...], wanted: tuple[RoleId, ...], right: bool
) -> None:
    village = Village()
    village.member(1, *held)
    found = await village.compared({1: Want(wanted)})
    assert found == Comparison(wrong=() if right else (UserId(1),), right=int(right))


@pytest.mark.parametrize(
    ("want", "right"),
    [
        (Want(managed=True, set_nick="[Bronze] 민준"), True),
        (Want(managed=True, set_nick="[Silver] 민준"), False),  # renamed by hand, or not yet
        (Want(managed=True, set_nick=None), False),
        (Want(managed=True, set_nick="[Bronze] 민준", state="failed"), False),
        (Want(managed=False), True),
        (Want(managed=False, state="pending"), False),
    ],
)
async def test_a_nickname_is_right_if_it_is_the_one_that_was_set(want: Want, right: bool) -> None:
    village = Village(nickname={"enabled": True})
    village.member(1, name="[Bronze] 민준")
    assert (await village.compared({1: want})).right == int(right)


async def test_a_nickname_that_was_set_is_to_be_taken_back_where_they_are_switched_off() -> None:
    village = Village()
    village.member(1, name="[Bronze] 민준")
    village.member(2)
    found = await village.compared({1: Want(managed=True, set_nick="[Bronze] 민준"), 2: Want(state="pending")})
    assert found == Comparison(wrong=(UserId(1),), right=1)


async def test_who_holds_a_tiers_role_without_having_earned_anything_is_wrong_and_others_do_not_count() -> None:
    village = Village()
    village.member(1, BRONZE)
    village.member(2, OWN)
    assert await village.compared({}) == Comparison(wrong=(UserId(1),), right=0)


async def test_bots_who_left_and_who_opted_out_are_nobodys_business() -> None:
    village = Village()
    for user in (1, 2, 3):
        village.member(user, BRONZE, bot=user == 1)
    village.fact(2, MemberLeft())
    village.fact(3, MemberOptedOut())
    assert await village.compared({u: Want((SILVER,)) for u in (1, 2, 3)}) == Comparison(wrong=(), right=0)


async def test_others_have_their_turn_while_many_are_compared() -> None:
    village = Village()
    for user in range(1, 2001):
        village.member(user, BRONZE)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    found = await village.compared({user: Want((SILVER,) if user % 2 else (BRONZE,)) for user in range(1, 2001)})
    task.cancel()
    assert (len(found.wrong), found.right) == (1000, 1000)
    assert turns >= 8
