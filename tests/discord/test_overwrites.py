"""A channel's overwrites count in Discord's order: @everyone's, then all roles' together, then the member's own."""

from __future__ import annotations

import hikari
import pytest

from tests.discord.wire import Wire
from tracker.discord.overwrites import permissions_in
from tracker.sandbox import Overwrite, Permission

SEND = Permission.SEND_MESSAGES


@pytest.mark.parametrize(
    ("everyone", "role", "own", "may"),
    [
        ((0, 0), (0, 0), (0, 0), True),
        ((0, SEND), (0, 0), (0, 0), False),
        ((0, SEND), (SEND, 0), (0, 0), True),
        ((0, SEND), (SEND, 0), (0, SEND), False),
        ((0, 0), (0, SEND), (SEND, 0), True),
    ],
)
async def test_the_later_overwrite_wins(
    wire: Wire, everyone: tuple[int, int], role: tuple[int, int], own: tuple[int, int], may: bool
) -> None:
    await wire.start()
    bot = wire.world.bot.id
    bot_role = next(r.id for r in wire.guild.roles.values() if r.managed)
    for target, (allow, deny) in ((wire.guild.id, everyone), (bot_role, role), (bot, own)):
        wire.world.set_overwrite(
            wire.text, Overwrite(id=target, allow=int(allow), deny=int(deny), member=target == bot)
        )
    channel = await wire.front.rest.fetch_channel(wire.text.id)
    me = await wire.front.rest.fetch_member(wire.guild.id, bot)
    assert isinstance(channel, hikari.PermissibleGuildChannel)
    held = hikari.Permissions.SEND_MESSAGES | hikari.Permissions.VIEW_CHANNEL
    there = permissions_in(channel, me, held)
    assert bool(there & hikari.Permissions.SEND_MESSAGES) == may
    assert there & hikari.Permissions.VIEW_CHANNEL
    assert permissions_in(channel, me, hikari.Permissions.ADMINISTRATOR) == hikari.Permissions.all_permissions()
