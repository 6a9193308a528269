"""The house whose members may ask about themselves, and its admin, Boss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.discord.house import BoardHouse, Options, check_embed
from tracker.discord.bot import Front
from tracker.events.rule import SettingsChanged
from tracker.ingest.boards import Boards
from tracker.ingest.personal import Personal
from tracker.ingest.reader import Reader
from tracker.ingest.unwritten import Unwritten
from tracker.sandbox import Member, Message
from tracker.sandbox.permissions import Permission

__all__ = ["PersonalHouse", "fields", "said"]


class PersonalHouse(BoardHouse):
    """A house with `/why` and `/privacy`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        role = self.world.add_role(self.guild, "운영진", permissions=Permission.MANAGE_GUILD)
        self.boss = self.world.add_member(self.guild, "boss", global_name="Boss", roles=[role])

    def new_front(self) -> Front:
        desk = self.desk
        reader, unwritten = Reader(desk.database, desk.clock), Unwritten(desk.database)
        desk.ingest.flushed.add(unwritten.flushed)
        desk.ingest.looked.add(unwritten.looked)
        return Front(
            token=self.sandbox.token,
            intake=desk.ingest,
            reader=reader,
            boards=Boards(desk.database, desk.clock, reader, None, unwritten),
            personal=Personal(desk.database, desk.ingest, reader, unwritten),
            rest_url=self.sandbox.rest_url,
        )

    async def open(self, members: int = 3) -> None:
        await super().open(members)

    def rule(self, settings: Mapping[str, Any]) -> None:
        """These settings are in force from now on."""
        self.fact(SettingsChanged(settings=settings))

    async def privately(
        self, who: Member, command: str, options: Options | None = None, *, locale: str = "en-US"
    ) -> Message:
        """The answer, which nobody else may see."""
        message, call = await self.ask(who, command, options, locale=locale)
        assert call.ephemeral
        return message


def said(message: Message) -> str:
    """The embed's description; the embed is within every limit."""
    embed: Any = message.embeds[0]
    check_embed(embed)
    return str(embed["description"])


def fields(message: Message) -> dict[str, str]:
    """The embed's fields."""
    embed: Any = message.embeds[0]
    check_embed(embed)
    return {field["name"]: field["value"] for field in embed.get("fields", ())}
