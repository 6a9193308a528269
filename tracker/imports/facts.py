"""What an import says beside messages: names that nobody knew, and EXP taken over. Their ids make twice be once.

No id holds a user's id, so that who is forgotten stays so in the log: they are made of what cannot be turned back.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.events.member import MemberRenamed
from tracker.events.rule import ExpAdjusted
from tracker.ids import EventId, GuildId, MessageId, Ms, UserId
from tracker.imports.chat import Chat
from tracker.imports.levels import SOURCES

__all__ = ["adjusted", "adjustment_prefix", "described", "named", "named_in_total"]

_BYTES: Final = 16


def described(chat: Chat, at: Ms) -> Event:
    """The channel's name, for a database that knows nothing of it."""
    data = ChannelDescribed(name=chat.name, kind=chat.kind, parent_id=chat.parent_id)
    return Event(
        id=EventId(f"imported-channel:{chat.channel_id}"),
        guild_id=chat.guild_id,
        channel_id=chat.channel_id,
        occurred_at=at,
        data=data,
    )


def named(guild: GuildId, user: UserId, name: str, first: MessageId, at: Ms) -> Event:
    """What a member is called of whom the database knows nothing. `first`: their first message in the files.

    Not that they joined: whoever wrote years ago need not be a member today, and the bot will see who is.
    """
    return _renamed(f"imported-name:{first}", guild, user, name, at)


def named_in_total(form: str, guild: GuildId, user: UserId, name: str, at: Ms) -> Event:
    """Likewise, of somebody with a total."""
    return _renamed(f"imported-name:{form}:{_digest(form, guild, user, 0)}", guild, user, name, at)


def adjusted(form: str, guild: GuildId, user: UserId, amount: int, step: int, at: Ms) -> Event:
    """EXP taken over. `amount`: what the total differs by from the `step` times that it was taken over before."""
    return Event(
        id=EventId(f"{adjustment_prefix(form)}{_digest(form, guild, user, step)}"),
        guild_id=guild,
        user_id=user,
        occurred_at=at,
        data=ExpAdjusted(amount=amount, reason=f"{SOURCES[form]}: EXP taken over"),
    )


def adjustment_prefix(form: str) -> str:
    """How the ids of EXP taken over from there begin."""
    return f"imported-total:{form}:"


def _renamed(event_id: str, guild: GuildId, user: UserId, name: str, at: Ms) -> Event:
    return Event(id=EventId(event_id), guild_id=guild, user_id=user, occurred_at=at, data=MemberRenamed(name=name))


def _digest(form: str, guild: GuildId, user: UserId, step: int) -> str:
    return blake2b(f"{form}:{guild}:{user}:{step}".encode(), digest_size=_BYTES).hexdigest()
