"""What needs no wire to be told: interactions of every kind."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import hikari
import pytest

from tests.discord.intake import FoldIntake
from tracker.discord import translate
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberJoined, MemberOptedOut
from tracker.ids import ChannelId, GuildId, UserId, mint_event_id, snowflake_ms

GUILD, ANA, TEXT, THREAD = 10, 1, 30, 31
ID = 1_400_000_000_000_000_000


def used(kind: type[Any], **values: Any) -> Any:
    """An interaction with just what translating looks at."""
    made = Mock(spec=kind)
    made.id, made.guild_id, made.channel_id = hikari.Snowflake(ID), hikari.Snowflake(GUILD), hikari.Snowflake(TEXT)
    made.user = Mock(id=hikari.Snowflake(ANA), is_bot=False)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def option(name: str, kind: hikari.OptionType, *inner: Any) -> Any:
    made = Mock(type=kind, options=list(inner) or None)
    made.name = name
    return made


SHOW = option("report", hikari.OptionType.SUB_COMMAND_GROUP, option("show", hikari.OptionType.SUB_COMMAND))


@pytest.mark.parametrize(
    ("interaction", "data"),
    [
        (
            used(hikari.CommandInteraction, command_name="report", command_type=1, options=None),
            InteractionUsed(command="report", kind="slash"),
        ),
        (
            used(hikari.CommandInteraction, command_name="tracker", command_type=1, options=[SHOW]),
            InteractionUsed(command="tracker report show", kind="slash"),
        ),
        (
            used(hikari.CommandInteraction, command_name="Who is it", command_type=2, options=None),
            InteractionUsed(command="Who is it", kind="user"),
        ),
        (
            used(hikari.CommandInteraction, command_name="Quote", command_type=3, options=None),
            InteractionUsed(command="Quote", kind="message"),
        ),
        (
            used(hikari.ComponentInteraction, custom_id="next:20:7", component_type=hikari.ComponentType.BUTTON),
            InteractionUsed(command="next", kind="button"),
        ),
        (
            used(hikari.ComponentInteraction, custom_id="pick", component_type=hikari.ComponentType.TEXT_SELECT_MENU),
            InteractionUsed(command="pick", kind="select"),
        ),
        (used(hikari.ModalInteraction, custom_id="form:1"), InteractionUsed(command="form", kind="modal")),
    ],
)
def test_a_use_is_named_whole_and_with_its_kind(interaction: Any, data: InteractionUsed) -> None:
    event = translate.interaction(interaction, FoldIntake().sight, {})
    assert event is not None
    assert event.data == data
    assert event.id == f"interaction:{ID}"
    assert event.occurred_at == snowflake_ms(ID)
    assert (event.guild_id, event.user_id, event.channel_id) == (GUILD, ANA, TEXT)


@pytest.mark.parametrize(
    "interaction",
    [
        used(hikari.AutocompleteInteraction),
        used(hikari.ModalInteraction, custom_id="form", guild_id=None),
    ],
)
def test_typing_and_direct_messages_are_no_use(interaction: Any) -> None:
    assert translate.interaction(interaction, FoldIntake().sight, {}) is None


def test_a_use_in_a_thread_counts_for_its_channel() -> None:
    interaction = used(hikari.ModalInteraction, custom_id="form", channel_id=hikari.Snowflake(THREAD))
    event = translate.interaction(interaction, FoldIntake().sight, {THREAD: ChannelId(TEXT)})
    assert event is not None
    assert event.channel_id == TEXT


def test_who_opted_out_uses_nothing() -> None:
    intake = FoldIntake()
    now = intake.clock.now()
    for data in (MemberJoined(name="ana"), MemberOptedOut()):
        intake.accept(
            Event(id=mint_event_id(now), guild_id=GuildId(GUILD), user_id=UserId(ANA), occurred_at=now, data=data)
        )
    assert translate.interaction(used(hikari.ModalInteraction, custom_id="form"), intake.sight, {}) is None
