"""What a preview tells is what then happens to the members' roles on Discord."""

from __future__ import annotations

import random
import re

from tests.discord.house import Options, until
from tests.discord.ruled import RuledHouse
from tracker.ids import UserId
from tracker.ingest.members import Members
from tracker.sandbox import Member, Role

_ROLES_LINE = re.compile(r"Tier roles: (\d+) would gain one, (\d+) would lose one")
_TIER_LINE = re.compile(r"<@&(\d+)> \([^)]*\): (\d+) hold it now, (\d+) would")


class Crowd:
    """Forty members with EXP and roles by chance, in the house."""

    def __init__(self, house: RuledHouse) -> None:
        self.house, self.chance = house, random.Random(7)
        self.tiers = [house.world.add_role(house.guild, name) for name in ("Bronze", "Silver", "Gold")]
        self.people: list[Member] = []
        for number in range(40):
            roles = [role for role in (*self.tiers, house.role) if self.chance.random() < 0.25]
            self.people.append(house.world.add_member(house.guild, f"member{number}", roles=roles))

    async def open(self) -> None:
        house = self.house
        house.desk.ingest.start()
        await house.front.start()
        await until(lambda: len(list(house.desk.ingest.sight.members(house.guild_id))) >= 44)
        await house.front.registered()
        for person in self.people:
            house.give(person, self.chance.randrange(-20, 1_500))
        self.outbox = house.front.member_outbox(Members(house.desk.database, house.desk.ingest))
        await until(lambda: self.outbox.is_ready(house.guild_id))

    def held(self) -> dict[int, set[int]]:
        ids = {role.id for role in self.tiers}
        return {member.id: ids & set(member.roles) for member in self.house.guild.members.values()}

    async def try_out(self, command: str, options: Options) -> None:
        """Confirm, bring the members in line, and compare."""
        house, before = self.house, self.held()
        message, _ = await house.ask(command, options)
        told = [tuple(map(int, found)) for found in _ROLES_LINE.findall(message.content)]
        tiers = {int(role): (int(held), int(wanted)) for role, held, wanted in _TIER_LINE.findall(message.content)}
        await house.press(message, "yes")
        house.desk.clock.time += 1_000
        await house.desk.ingest.flush()
        await self.outbox.deliver()
        await self.outbox.done()
        after = self.held()
        gained = sum(bool(after[user] - before[user]) for user in before)
        lost = sum(bool(before[user] - after[user]) for user in before)
        assert told == [(gained, lost)], (command, options)
        assert tiers == {role: (_count(before, role), _count(after, role)) for role in tiers}, (command, options)
        sight = house.desk.ingest.sight
        await until(
            lambda: all(after[user] == self.known(sight.member(house.guild_id, UserId(user))) for user in after)
        )

    def known(self, member: object) -> set[int]:
        """The tier roles that the fold knows of."""
        return {role.id for role in self.tiers} & set(getattr(member, "role_ids", ()))


def _count(held: dict[int, set[int]], role: int) -> int:
    return sum(role in roles for roles in held.values())


async def test_members_gain_and_lose_what_was_said(ruled: RuledHouse) -> None:
    crowd = Crowd(ruled)
    await crowd.open()
    bronze, silver, gold = crowd.tiers

    def tier(role: Role, **beginning: int) -> Options:
        return {"role": role, "name": role.name, **beginning}

    steps: list[tuple[str, Options]] = [
        ("tier add", tier(bronze, min_level=2)),
        ("tier add", tier(silver, min_exp=450)),
        ("tier add", tier(gold, min_level=9)),
        ("tier policy", {"policy": "stack"}),
        ("level curve mee6", {}),
        ("level curve thresholds", {"exp": "50, 120, 300, 310, 700, 900, 1000, 1100, 1200"}),
        ("tier add", tier(gold, min_level=6)),
        ("tier remove", {"tier": "Silver"}),
        ("tier policy", {"policy": "highest"}),
        ("tier basis", {"basis": "rolling", "days": 3}),
        ("tier basis", {"basis": "lifetime"}),
    ]
    for command, options in steps:
        await crowd.try_out(command, options)
    assert len(await ruled.changes()) == len(steps)


async def test_a_season_takes_the_roles_that_were_said(ruled: RuledHouse) -> None:
    crowd = Crowd(ruled)
    await crowd.open()
    await ruled.confirmed("season start", {"name": "one"})
    for person in crowd.people[:20]:
        ruled.give(person, 500)
    for role, level in zip(crowd.tiers, (2, 4, 6), strict=True):
        await crowd.try_out("tier add", {"role": role, "name": role.name, "min_level": level})
    await crowd.try_out("tier basis", {"basis": "season"})
    assert _count(crowd.held(), crowd.tiers[1].id) == 20
    await crowd.try_out("season start", {"name": "two"})
    assert not any(crowd.held().values())
