"""Who stands above whom follows the gateway: snapshots, roles, the owner, the bot's own member."""

from __future__ import annotations

import hikari
import pytest

from tests.discord.wire import Wire
from tracker.discord.hierarchy import Hierarchy, RoleFacts
from tracker.ids import GuildId, RoleId, UserId
from tracker.sandbox import Permission, Role


class Ladder:
    """The town with a role above the bot's and one below it, and what the running front-end makes of it."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.world = wire.world
        self.guild = wire.guild_id
        self.mine = wire.guild.roles[wire.world.me(wire.guild).roles[0]]
        self.high = wire.world.add_role(wire.guild, "high", position=9)

    @property
    def known(self) -> Hierarchy:
        return self.wire.front.hierarchy

    def above(self, *roles: Role) -> list[bool]:
        return [self.known.above_bot(self.guild, RoleId(role.id)) for role in roles]

    async def start(self) -> None:
        await self.wire.start()
        await self.wire.settle()
        assert self.known.take_improved() == {self.guild}

    async def improved(self) -> bool:
        """Whether what was done last opened a way."""
        await self.wire.settle()
        return self.known.take_improved() == {self.guild}


@pytest.fixture
async def ladder(wire: Wire) -> Ladder:
    ladder = Ladder(wire)
    await ladder.start()
    return ladder


async def test_a_snapshot_tells_all_of_it(ladder: Ladder) -> None:
    known, guild = ladder.known, ladder.guild
    assert known.knows(guild)
    assert known.owner(guild) == ladder.wire.guild.owner_id
    nothing = hikari.Permissions.NONE
    high = RoleFacts(name="high", position=9, permissions=nothing, managed=False)
    assert known.role(guild, RoleId(ladder.high.id)) == high
    mine = known.role(guild, RoleId(ladder.mine.id))
    assert mine is not None
    assert mine.managed
    assert ladder.above(ladder.high, ladder.mine, ladder.wire.role) == [True, True, False]


async def test_of_a_guild_that_is_not_known_it_knows_nothing(wire: Wire) -> None:
    known, guild, role = wire.front.hierarchy, wire.guild_id, RoleId(wire.role.id)
    assert not known.knows(guild)
    assert known.owner(guild) is None
    assert known.role(guild, role) is None
    assert not known.above_bot(guild, role)
    assert not known.member_above_bot(guild, UserId(wire.guild.owner_id), ())
    assert known.dangerous(guild, role) == ()
    assert known.bot_permissions(guild) == 0


async def test_nobody_stands_above_the_owner_and_a_high_role_lifts_its_holders(ladder: Ladder) -> None:
    known, guild, owner = ladder.known, ladder.guild, UserId(ladder.wire.guild.owner_id)
    assert known.member_above_bot(guild, owner, ())
    assert known.member_above_bot(guild, UserId(1), [ladder.wire.role.id, ladder.high.id])
    assert not known.member_above_bot(guild, UserId(1), [ladder.wire.role.id])
    assert not known.member_above_bot(guild, UserId(1), [404])


async def test_of_two_roles_in_the_same_place_the_older_stands_higher(ladder: Ladder) -> None:
    twin = ladder.world.add_role(ladder.wire.guild, "twin", position=ladder.mine.position)
    await ladder.wire.settle()
    assert ladder.above(twin) == [False]
    ladder.world.edit_role(ladder.wire.role, position=ladder.mine.position)
    await ladder.wire.settle()
    older = ladder.wire.role.id < ladder.mine.id
    assert ladder.above(ladder.wire.role) == [older]


async def test_a_role_that_moves_below_the_bots_opens_a_way(ladder: Ladder) -> None:
    ladder.world.edit_role(ladder.wire.role, position=5)
    assert not await ladder.improved()
    assert ladder.above(ladder.wire.role) == [True]
    ladder.world.edit_role(ladder.mine, position=7)
    assert await ladder.improved()
    assert ladder.above(ladder.wire.role, ladder.high) == [False, True]


async def test_a_role_that_stood_above_and_is_deleted_opens_a_way(ladder: Ladder) -> None:
    low = ladder.world.add_role(ladder.wire.guild, "low")
    assert not await ladder.improved()
    ladder.world.delete_role(low)
    assert not await ladder.improved()
    ladder.world.delete_role(ladder.high)
    assert await ladder.improved()
    assert ladder.known.role(ladder.guild, RoleId(ladder.high.id)) is None
    assert ladder.above(ladder.high) == [False]


async def test_a_permission_that_is_given_back_opens_a_way(ladder: Ladder) -> None:
    before = ladder.mine.permissions
    ladder.world.edit_role(ladder.mine, permissions=before & ~Permission.MANAGE_ROLES)
    assert not await ladder.improved()
    assert not ladder.known.bot_permissions(ladder.guild) & Permission.MANAGE_ROLES
    ladder.world.edit_role(ladder.mine, permissions=before)
    assert await ladder.improved()
    assert ladder.known.bot_permissions(ladder.guild) & Permission.MANAGE_ROLES


async def test_another_role_of_the_bots_counts_too(ladder: Ladder) -> None:
    me = ladder.world.me(ladder.wire.guild)
    top = ladder.world.add_role(ladder.wire.guild, "top", position=20, permissions=Permission.ADMINISTRATOR)
    assert not await ladder.improved()
    ladder.world.set_roles(me, [ladder.mine, top])
    assert await ladder.improved()
    assert ladder.above(ladder.high, top) == [False, True]
    assert ladder.known.bot_permissions(ladder.guild) & Permission.BAN_MEMBERS
    ladder.world.set_roles(ladder.wire.ana, [top])  # somebody else's roles are not the bot's
    assert not await ladder.improved()


async def test_another_owner_opens_a_way(ladder: Ladder) -> None:
    ladder.world.set_owner(ladder.wire.guild, ladder.wire.ana)
    assert await ladder.improved()
    assert ladder.known.owner(ladder.guild) == ladder.wire.ana.id
    ladder.world.rename_guild(ladder.wire.guild, "another name")
    assert not await ladder.improved()


async def test_a_guild_that_goes_is_forgotten_until_it_comes_back(ladder: Ladder) -> None:
    ladder.world.set_guild_available(ladder.wire.guild, False)
    await ladder.wire.intake.when(lambda: ladder.wire.intake.sight.lost_at(ladder.guild) is not None)
    assert not ladder.known.knows(ladder.guild)
    ladder.world.set_guild_available(ladder.wire.guild, True)
    assert await ladder.improved()
    assert ladder.known.knows(ladder.guild)


async def test_what_nobody_should_get_for_being_active_is_named_the_worst_first(ladder: Ladder) -> None:
    powers = Permission.KICK_MEMBERS | Permission.ADMINISTRATOR | Permission.CONNECT
    role = ladder.world.add_role(ladder.wire.guild, "powers", permissions=powers)
    await ladder.wire.settle()
    assert ladder.known.dangerous(ladder.guild, RoleId(role.id)) == ("ADMINISTRATOR", "KICK_MEMBERS")
    assert ladder.known.dangerous(GuildId(1), RoleId(role.id)) == ()


async def test_what_comes_before_the_snapshot_is_in_it(ladder: Ladder) -> None:
    ladder.world.set_guild_available(ladder.wire.guild, False)
    await ladder.wire.intake.when(lambda: ladder.wire.intake.sight.lost_at(ladder.guild) is not None)
    ladder.world.edit_role(ladder.mine, position=30)
    ladder.world.set_guild_available(ladder.wire.guild, True)
    assert await ladder.improved()
    assert ladder.above(ladder.high) == [False]


async def test_the_highest_of_the_bots_own_roles_is_known_by_name(ladder: Ladder, wire: Wire) -> None:
    own = ladder.known.highest_own(ladder.guild)
    assert own is not None
    assert (own.name, own.managed) == (ladder.mine.name, True)
    assert ladder.known.highest_own(GuildId(404)) is None
