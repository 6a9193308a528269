"""One guild's fold state: what each type of event does to it.

What a log is full of goes straight into the kernel; what is rare (settings, descriptions, seasons, outages, who asks to
be forgotten) is done in `rare`, with the kernel's functions.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tracker.events.channel import ChannelDescribed
from tracker.events.codec import DATA_TYPES
from tracker.events.envelope import Data, Event
from tracker.events.kinds import (
    ADJUSTED, FIRST_RARE, KINDS, MEMBER_JOINED, MESSAGE_DELETED, MESSAGE_SENT, RENAMED, ROLES_CHANGED, VOICE_FLAGS,
    VOICE_JOINED, VOICE_LEFT, VOICE_MOVED,
)  # fmt: skip
from tracker.events.message import message_id_of
from tracker.events.settings import DEFAULTS, GuildSettings
from tracker.events.voice import Flags
from tracker.ids import ChannelId
from tracker.projections.channels import Channel, weigh
from tracker.projections.index import MemberIndex
from tracker.projections.kernel.activity import take_out
from tracker.projections.kernel.layout import (
    A_MEMBER, A_NEXT, C_ID, G_AWARDS, G_DISORDERED, G_LAST_AT, G_SEEN_UNTIL, M_NAME, M_SESSION, M_STATE, NEVER, SILENT,
    S_CHANNEL, S_FLAGS,
)  # fmt: skip
from tracker.projections.kernel.settling import settle_all, settle_channel
from tracker.projections.kernel.step import advance, step
from tracker.projections.ledger import Ledger
from tracker.projections.memory import Memory
from tracker.projections.rare import RARE
from tracker.projections.roster import Roster, digest
from tracker.projections.rules import new_guild, put_settings
from tracker.projections.sessions import Voice

__all__ = ["GuildState"]


class GuildState:
    """The mutable fold state of one guild: rows of the partition's memory, and the texts that the kernel cannot hold.

    `row`: where the kernel keeps the guild. `members`: the row of everybody who was ever heard of, by user id.
    `season`: (name, since) of the running season, None if none was ever started.
    """

    __slots__ = (
        "channels",
        "guild_id",
        "ledger",
        "members",
        "memory",
        "role_names",
        "roster",
        "row",
        "season",
        "settings",
        "voice",
    )

    def __init__(self, guild_id: int, memory: Memory, ledger: Ledger) -> None:
        self.guild_id = guild_id
        self.memory = memory
        self.ledger = ledger
        self.members = MemberIndex(memory)
        self.channels: dict[int, Channel] = {}
        self.role_names: dict[int, str] = {}
        self.season: tuple[str, int] | None = None
        self.settings: GuildSettings = DEFAULTS
        self.row = new_guild(memory, guild_id)
        put_settings(memory, self.row, DEFAULTS)
        self.roster = Roster(memory, self.members)
        self.voice = Voice(self)

    def take_apart(self) -> None:
        """Nobody will ask for anything any more: without this it and what hears of its voice keep each other alive."""
        del self.voice

    # -- facts -----------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Fold one event of this guild."""
        data = event.data
        kind = _KIND_OF.get(type(data), 0)
        if kind < FIRST_RARE:
            self._step(kind, event, data)
        else:
            self.apply_rare(kind, event.user_id, event.channel_id, event.occurred_at, data)

    def apply_rare(self, kind: int, user: int | None, place: int | None, at: int, data: Data) -> None:
        """As `apply`, of an event of such a kind: what a handler needs to know of it."""
        heap, row = self.memory.heap, self.row
        if at >= heap[row + G_LAST_AT]:
            heap[row + G_LAST_AT] = at
        else:
            heap[row + G_DISORDERED] = 1
        RARE[kind](self, user, place, at, data)

    def _step(self, kind: int, event: Event, data: Any) -> None:
        user, place, memory = event.user_id, event.channel_id, self.memory
        who = where = -1
        if user is not None:
            who = self.members.row(user)
            if who < 0:
                who = self.member(user)
        if place is not None:
            known = self.channels.get(place)
            where = (self.channel(place) if known is None else known).row
        if kind in _FLAGGED:
            arg = data.flags
        elif kind == MESSAGE_SENT:
            counts = who >= 0 and where >= 0 and not memory.heap[who + M_STATE] & SILENT
            arg = message_id_of(event.id) if counts else 0
        elif kind == VOICE_LEFT:
            arg = 0
        else:
            arg, where = self._argument(kind, data, where)
        while not step(memory.heap, kind, self.row, who, where, event.occurred_at, arg):
            memory.supply()
        if kind >= MEMBER_JOINED:
            self._hear_name(kind, user, who, data)

    def _argument(self, kind: int, data: Any, where: int) -> tuple[int, int]:
        """The number that a kind needs beside the envelope, and the channel's row, of what is less frequent."""
        if kind == MESSAGE_DELETED:
            return data.message_id, where
        if kind == MEMBER_JOINED:
            return int(data.bot), where
        if kind == ROLES_CHANGED:
            return self.memory.role_set(data.role_ids), where
        return (data.amount, self.channel(0).row) if kind == ADJUSTED else (0, where)

    def _hear_name(self, kind: int, user: int | None, who: int, data: Any) -> None:
        if kind in (MEMBER_JOINED, RENAMED) and user is not None:
            self.memory.heap[who + M_NAME] = digest(data.name)
            self.ledger.names[self.guild_id, user] = data.name

    def advance(self, as_of: int) -> None:
        """Time has come to `as_of`. A guild that the tracker does not see stays where it was lost."""
        self.until_done(advance, self.row, as_of)

    def until_done(self, function: Callable[..., bool], *arguments: int) -> None:
        """Call one of the kernel's functions that may stop, again until it is through."""
        while not function(self.memory.heap, *arguments):
            self.memory.supply()

    # -- what is known ---------------------------------------------------------------------------------------------

    @property
    def last_at(self) -> int:
        """The occurred_at of the guild's newest event (0: none yet)."""
        return self.memory.heap[self.row + G_LAST_AT]

    def floor(self, as_of: int) -> int:
        """Before which instant nothing of the guild can occur any more; `as_of`: the last tick, if there was one."""
        heap, row = self.memory.heap, self.row
        last_at = heap[row + G_LAST_AT]
        return last_at if last_at >= as_of or heap[row + G_SEEN_UNTIL] != NEVER else as_of

    @property
    def lost_at(self) -> int | None:
        """Since when the tracker has not seen the guild, None while it sees it."""
        seen_until = self.memory.heap[self.row + G_SEEN_UNTIL]
        return None if seen_until == NEVER else seen_until

    def member(self, user: int) -> int:
        """The member's row, made at first sight."""
        row = self.members.row(user)
        if row < 0:
            row = self.members[user] = self.memory.new_member(user, self.row)
        return row

    def channel(self, channel_id: int, *, weighed: bool = True) -> Channel:
        """The channel, made at first sight. `weighed`: else whoever asks is about to describe it."""
        known = self.channels.get(channel_id)
        if known is None:
            known = self.meet(channel_id, self.memory.new_channel(channel_id, self.row), weighed=weighed)
        return known

    def meet(self, channel_id: int, row: int, *, weighed: bool) -> Channel:
        """A channel of which nobody knew, and whose row was made. `weighed`: as `channel`."""
        met = self.channels[channel_id] = Channel(id=channel_id, row=row, memory=self.memory, weighed=weighed)
        if weighed:
            weigh(met, self.settings)
        return met

    def is_tracked(self, user: int) -> bool:
        """Whether the member's activity is counted: no bot, not opted out."""
        row = self.members.row(user)
        return row < 0 or not self.memory.heap[row + M_STATE] & SILENT

    def voice_of(self, user: int) -> tuple[ChannelId, Flags] | None:
        """The channel and the flags of the user's open session, None if there is none."""
        who = self.members.row(user)
        if who < 0:
            return None
        heap = self.memory.heap
        session = heap[who + M_SESSION]
        if session < 0:
            return None
        return ChannelId(heap[heap[session + S_CHANNEL] + C_ID]), Flags(heap[session + S_FLAGS])

    # -- rules -----------------------------------------------------------------------------------------------------

    def change_settings(self, settings: GuildSettings, now: int) -> None:
        """These rules are in force from now on."""
        self.until_done(settle_all, self.row, now)
        self.settings = settings
        put_settings(self.memory, self.row, settings)
        for known in self.channels.values():
            if known.weighed:
                weigh(known, settings)

    def describe(self, event_channel: int, data: ChannelDescribed, now: int) -> None:
        """The channel looks like this from now on."""
        known = self.channel(event_channel, weighed=False)
        self.until_done(settle_channel, known.row, now)
        known.name, known.kind, known.parent_id, known.afk = data.name, data.kind, data.parent_id, data.afk
        known.described = known.weighed = True
        weigh(known, self.settings)

    def put_row(self) -> None:
        """Note the guild's own row."""
        name, since = self.season or (None, None)
        document = self.settings.document
        text = msgspec.json.encode(document).decode() if document else None
        self.ledger.put("guilds", (self.guild_id,), text, self.lost_at, name, since)

    def see_until(self, moment: int | None) -> None:
        """The tracker lost sight of the guild at the instant; None: it sees it."""
        self.memory.heap[self.row + G_SEEN_UNTIL] = NEVER if moment is None else moment

    def take_out_awards(self, who: int | None = None) -> None:
        """Forget the awards that may be revoked: the member's, or all."""
        heap = self.memory.heap
        given = heap[self.row + G_AWARDS]
        while given >= 0:
            after = heap[given + A_NEXT]
            if who is None or heap[given + A_MEMBER] == who:
                self.memory.make_room()
                take_out(heap, given)
            given = after


_FLAGGED: Final = frozenset({VOICE_JOINED, VOICE_MOVED, VOICE_FLAGS})
_KIND_OF: Final[dict[type, int]] = {DATA_TYPES[name]: kind for name, kind in KINDS.items()}
