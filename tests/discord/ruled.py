"""The town with the real ingest, whose admin changes the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.discord.house import House, Options
from tracker.discord.bot import Front
from tracker.events.rule import SettingsChanged
from tracker.ids import UserId
from tracker.ingest.previews import Previews
from tracker.ingest.reader import Reader
from tracker.ingest.rules import Rules
from tracker.sandbox import InteractionCall, Member, Message
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
        reader = Reader(desk.database, desk.clock)
        return Front(
            token=self.sandbox.token,
            intake=desk.ingest,
            reader=reader,
            rules=Rules(desk.ingest),
            previews=Previews(desk.database, desk.clock, reader),
            rest_url=self.sandbox.rest_url,
        )

    async def open(self) -> None:
        await self.come_up(3)
        await self.front.registered()

    async def ask(
        self, command: str, options: Options | None = None, *, locale: str = "en-US"
    ) -> tuple[Message, InteractionCall]:
        """What Boss, and nobody else, is told."""
        call = self.world.use_command(self.boss, self.text, command, options, locale=locale)
        message = await call.answered()
        assert message is not None
        assert call.ephemeral
        assert not call.errors
        return message, call

    async def order(self, command: str, options: Options | None = None, *, locale: str = "en-US") -> str:
        """The words that Boss, and nobody else, is told."""
        message, _ = await self.ask(command, options, locale=locale)
        return message.embeds[0]["description"] if message.embeds else message.content

    async def press(
        self, message: Message, answer: str, *, who: Member | None = None, locale: str = "en-US"
    ) -> tuple[Message, InteractionCall]:
        """What a press of `yes` or `no` makes of the message, or is answered with."""
        (button,) = [b for b in self.buttons(message) if b.endswith(f"/{answer}")]
        call = self.world.press_button(who or self.boss, message, button, locale=locale)
        answered = await call.answered()
        assert answered is not None
        assert not call.errors
        return answered, call

    async def confirmed(self, command: str, options: Options | None = None, *, locale: str = "en-US") -> str:
        """The words that Boss is told after confirming what the command proposed."""
        message, _ = await self.ask(command, options, locale=locale)
        answered, _ = await self.press(message, "yes", locale=locale)
        return answered.content

    def buttons(self, message: Message) -> list[str]:
        """The custom ids of the message's buttons."""
        return [button["custom_id"] for row in message.components for button in row["components"]]

    def give(self, member: Member, amount: int) -> None:
        """EXP by hand."""
        self.rules.adjust(self.guild_id, UserId(member.id), amount, "test", UserId(self.boss.id))

    async def suggestions(
        self, command: str, option: str, options: Options, *, locale: str = "en-US"
    ) -> list[tuple[str, str]]:
        """(name, value) of what is suggested while Boss types `option`."""
        call = self.world.type_command(self.boss, self.text, command, option, options, locale=locale)
        await call.acknowledged()
        assert call.choices is not None
        return [(choice["name"], choice["value"]) for choice in call.choices]

    @property
    def rules(self) -> Rules:
        return Rules(self.desk.ingest)

    @property
    def document(self) -> Mapping[str, Any]:
        return self.rules.document(self.guild_id)

    async def changes(self) -> list[SettingsChanged]:
        await self.desk.ingest.flush()
        return [e.data for e in self.desk.logged(self.guild_id) if isinstance(e.data, SettingsChanged)]
