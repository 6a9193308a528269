"""A small number for each event type, for code that works on whole columns of events.

The numbers never leave the process: the log holds type names. 1 to 14 are the kinds that a log is full of, in whose
columns a fold finds all it needs; from 20 on the rare ones, which are decoded one by one.
"""

from __future__ import annotations

from typing import Final

from tracker.events import channel, interaction, member, message, rule, ticks, voice

__all__ = [
    "ADJUSTED", "CHANNEL", "FIRST_RARE", "FORGOTTEN", "INTERACTION_USED", "KINDS", "LOST", "MEMBER_JOINED",
    "MEMBER_LEFT", "MESSAGE_DELETED", "MESSAGE_SENT", "OPTED_IN", "OPTED_OUT", "RENAMED", "RETURNED", "ROLE",
    "ROLES_CHANGED", "SEASON", "SETTINGS", "TICKED", "VOICE_FLAGS", "VOICE_JOINED", "VOICE_LEFT", "VOICE_MOVED",
]  # fmt: skip

VOICE_JOINED: Final = 1
VOICE_MOVED: Final = 2
VOICE_LEFT: Final = 3
VOICE_FLAGS: Final = 4
MESSAGE_SENT: Final = 5
MESSAGE_DELETED: Final = 6
INTERACTION_USED: Final = 7
MEMBER_JOINED: Final = 8
MEMBER_LEFT: Final = 9
ROLES_CHANGED: Final = 10
RENAMED: Final = 11
OPTED_OUT: Final = 12
OPTED_IN: Final = 13
ADJUSTED: Final = 14

FIRST_RARE: Final = 20
"""Kinds from here on come seldom, or in small numbers."""

FORGOTTEN: Final = 20
CHANNEL: Final = 21
ROLE: Final = 22
SETTINGS: Final = 23
SEASON: Final = 24
TICKED: Final = 25
LOST: Final = 26
RETURNED: Final = 27

KINDS: Final[dict[str, int]] = {
    voice.VoiceJoined.TYPE: VOICE_JOINED,
    voice.VoiceMoved.TYPE: VOICE_MOVED,
    voice.VoiceLeft.TYPE: VOICE_LEFT,
    voice.VoiceFlagsChanged.TYPE: VOICE_FLAGS,
    message.MessageSent.TYPE: MESSAGE_SENT,
    message.MessageDeleted.TYPE: MESSAGE_DELETED,
    interaction.InteractionUsed.TYPE: INTERACTION_USED,
    member.MemberJoined.TYPE: MEMBER_JOINED,
    member.MemberLeft.TYPE: MEMBER_LEFT,
    member.MemberRolesChanged.TYPE: ROLES_CHANGED,
    member.MemberRenamed.TYPE: RENAMED,
    member.MemberOptedOut.TYPE: OPTED_OUT,
    member.MemberOptedIn.TYPE: OPTED_IN,
    rule.ExpAdjusted.TYPE: ADJUSTED,
    member.MemberForgotten.TYPE: FORGOTTEN,
    channel.ChannelDescribed.TYPE: CHANNEL,
    channel.RoleDescribed.TYPE: ROLE,
    rule.SettingsChanged.TYPE: SETTINGS,
    rule.SeasonStarted.TYPE: SEASON,
    ticks.TrackerTicked.TYPE: TICKED,
    ticks.TrackerLost.TYPE: LOST,
    ticks.TrackerReturned.TYPE: RETURNED,
}
"""The kind of every event type of `codec.DATA_TYPES`, by its stable name."""
