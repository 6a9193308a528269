"""The town with the real ingest, whose admin changes the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.discord.house import House, Options
from tracker.discord.bot import Front
from tracker.events.rule import SettingsChanged
from tracker.ingest.reader import Reader
from tracker.ingest.rules import Rules
from tracker.sandbox.permissions import Permission

__all__ = ["RuledHouse"]


class RuledHouse(House):
    """A house whose admin, Boss, may change the rules."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        role = self.world.add_role(self.guild, "운영진", permissions=Permission.MANAGE_GUILD)
        self.boss = self.world.add_member(self.guild, "boss", roles=[role])

    def new_front(self) -> Front:
        desk = self.desk
        return Front(
            token=self.sandbox.token,
            intake=desk.ingest,
            reader=Reader(desk.database, desk.clock),
            rules=Rules(desk.ingest),
            rest_url=self.sandbox.rest_url,
        )

    async def open(self) -> None:
        await self.come_up(3)
        await self.front.registered()

    async def order(self, command: str, options: Options | None = None, *, locale: str = "en-US") -> str:
        """What Boss, and nobody else, is told."""
        call = self.world.use_command(self.boss, self.text, command, options, locale=locale)
        message = await call.answered()
        assert message is not None
        assert call.ephemeral
        assert not call.errors
        return message.content

    @property
    def document(self) -> Mapping[str, Any]:
        return Rules(self.desk.ingest).document(self.guild_id)

    async def changes(self) -> list[SettingsChanged]:
        await self.desk.ingest.flush()
        return [e.data for e in self.desk.logged(self.guild_id) if isinstance(e.data, SettingsChanged)]
