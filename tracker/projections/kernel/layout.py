"""The heap of a fold state: where everything is, and what each number of a row is.

All tables lie in one array of 64-bit numbers. Each has blocks of rows that stay where they are; a row is known by the
offset of its first number in the array. The tables in DELTAS are emptied by each drain, their blocks are filled again:
a new row of theirs holds zeros. A link to one may be out of date; whoever follows it looks at whose the row is.
"""

from __future__ import annotations

from array import array
from typing import Final, TypeAlias

__all__: list[str] = []  # the kernel's modules take names from here one by one

Heap: TypeAlias = "array[int]"
"""Live an array, compiled numpy's view of one."""

NEVER: Final = 1 << 62
"""An instant that does not come."""
NOT_YET: Final = -(1 << 62)
"""An instant before every other one."""

# A guild, and what its settings say. Ranges [FROM, TO) are of rows in other tables. DISORDERED: an event came after one
# that is later in canonical order.
(
    G_ID, G_LAST_AT, G_SEEN_UNTIL, G_SEASON_AT, G_ZONE, G_DAY, G_DAY_START, G_DAY_END, G_MIN_MEMBERS, G_BARRED,
    G_MESSAGE_MIN, G_MESSAGE_MAX, G_MESSAGE_COOLDOWN, G_MESSAGE_REVOKE, G_INTERACTION_EXP, G_INTERACTION_COOLDOWN,
    G_WINDOWS_FROM, G_WINDOWS_TO, G_PERCENTS_FROM, G_PERCENTS_TO, G_SESSIONS, G_OPEN,
    G_AWARDS, G_NEWEST_AWARD, G_LATEST, G_JUMBLED, G_DISORDERED,
) = range(27)  # fmt: skip
GUILD: Final = 27
# A member of a guild. NAME: a digest of it, or where the log says it. ROLES: a row of role_sets.
(
    M_USER, M_GUILD, M_STATE, M_ROLES, M_NAME, M_MESSAGE_AT, M_INTERACTION_AT, M_PLACES, M_SESSION,
    M_STAMP, M_SEASONS, M_KNOWN,
) = range(12)  # fmt: skip
MEMBER: Final = 12
BOT, PRESENT, OPTED_OUT = 1, 2, 4  # bits of M_STATE
SILENT: Final = BOT | OPTED_OUT  # either: what they do is not counted
SAID_NAME, SAID_BOT, SAID_PRESENT, SAID_OPTED_OUT, SAID_ROLES = 1, 2, 4, 8, 16  # bits of K_SAID
# A channel, and what the settings make of it (SEMANTICS §5, §6). EVERY 0: no rule gives anything here.
C_ID, C_GUILD, C_TRACKED, C_AFK, C_EVERY, C_EXP, C_PERCENT, C_QUIET, C_SESSIONS, C_COUNT = range(10)
CHANNEL: Final = 10
# A member in a channel. CARRY: eligible ms since the last award, as of the end of the last session there.
P_MEMBER, P_CHANNEL, P_NEXT, P_CARRY, P_CELL, P_REASON, P_OWED = range(7)
PLACE: Final = 7
# An open session. SINCE: up to when its time is credited. WHY: the reason for which it earns nothing now, -1: it earns.
# DAY: the local day of its first tracked time (0: it has none yet), DAYS: the others on which it had any, which few
# sessions have. DAYLESS: its row is written with DAY 0. What comes first is what becomes of it when it ends.
(
    S_MEMBER, S_CHANNEL, S_STARTED, S_SINCE, S_FLAGS, S_VOICE_MS, S_EXP, S_CARRY, S_DAY, S_DAYLESS, S_PLACE, S_WHY,
    S_DAYS, S_CHANGED, S_NEXT, S_PREVIOUS, S_NEXT_IN_GUILD, S_PREVIOUS_IN_GUILD,
) = range(18)  # fmt: skip
SESSION: Final = 18
# One more local day of an open session; free rows are linked by NEXT.
N_DAY, N_NEXT = range(2)
SESSION_DAY: Final = 2
# A message's award that may still be revoked, up to and including UNTIL. PREVIOUS/NEXT: of the guild, in order.
(
    A_MESSAGE, A_GUILD, A_MEMBER, A_CHANNEL, A_DAY, A_EXP, A_UNTIL, A_SEASON_AT, A_IN_BUCKET, A_NEXT, A_PREVIOUS,
) = range(11)  # fmt: skip
AWARD: Final = 11
BUCKETS: Final = 1 << 13

# Deltas. A day cell holds what TABLES["daily"] adds up, a reason what TABLES["unearned"] does.
D_PLACE, D_DAY, D_NEXT = range(3)
D_VALUES: Final = 3
(
    VOICE_MS, SESSIONS, MESSAGES, INTERACTIONS,
    EXP_VOICE, EXP_MESSAGES, EXP_INTERACTIONS, EXP_ADJUSTED, LAST_AT,
) = range(9)  # fmt: skip
CELL: Final = D_VALUES + 9
(
    AFK_MS, IGNORED_MS, ALONE_MS, DEAF_MS, MUTED_MS, UNRULED_MS,
    COOLDOWN_MESSAGES, IGNORED_MESSAGES, REVOKED_MESSAGES, COOLDOWN_INTERACTIONS,
) = range(10)  # fmt: skip
REASON: Final = D_VALUES + 10
# When a member's cooldowns last began, of those for whom one did (NOT_YET: that one did not).
T_MEMBER, T_MESSAGE_AT, T_INTERACTION_AT = range(3)
STAMP: Final = 3
X_MEMBER, X_SEASON_AT, X_EXP, X_NEXT = range(4)
SEASON: Final = 4
# What was said of a member (bits), and places whose carry changed.
K_MEMBER, K_SAID = range(2)
KNOWN: Final = 2
O_PLACE = 0
OWED: Final = 1
# Awards as they were given.
I_GUILD, I_MESSAGE, I_MEMBER, I_CHANNEL, I_DAY, I_EXP, I_UNTIL, I_SEASON_AT, I_CLOCK = range(9)
GIVEN: Final = 9
# Facts for the read models: ended sessions (as the open ones begin; one without a DAY has no row any more), days of
# sessions beside the FIRST, roles taken and given up, awards that ran out.
E_MEMBER, E_CHANNEL, E_STARTED, E_ENDED, E_FLAGS, E_VOICE_MS, E_EXP, E_CARRY, E_DAY, E_DAYLESS = range(10)
ENDED: Final = 10
Y_MEMBER, Y_DAY, Y_STARTED, Y_FIRST = range(4)
VISIT: Final = 4
H_ROLE, H_MEMBER, H_AT, H_HELD = range(4)
HOLD: Final = 4
V_GUILD, V_MESSAGE, V_CLOCK = range(3)
EXPIRED: Final = 3

# What the settings and the calendar say.
Z_FROM, Z_TO = range(2)
ZONE: Final = 2
B_START, B_DAY = range(2)
DAY: Final = 2
W_START, W_END, W_PERCENT = range(3)
WINDOW: Final = 3
Q_ROLE, Q_PERCENT = range(2)
PERCENT: Final = 2
L_FROM, L_TO = range(2)
ROLE_SET: Final = 2

# -- the heap ----------------------------------------------------------------------------------------------------------

# Numbers of the whole state. TOP: where nothing is yet. SPARE: how many numbers the next blocks of all tables take.
# Where a function stopped, and why. CLOCK: counts what is given and what expires. AT_ONCE: nobody asks for that (GIVEN,
# EXPIRED), only which awards there are in the end.
(
    TOP, SPARE, STOPPED_FOR, STOPPED_ZONE, STOPPED_AT, FREE_SESSION, FREE_SESSION_DAY, FREE_AWARD, CLOCK, AT_ONCE,
) = range(10)  # fmt: skip
FOR_ROOM, FOR_DAY, FOR_OTHERS = 1, 2, 3

# A table: where its next row goes and where its block ends; how wide a row is; how many rows its next block gets; its
# first block and the one that is being filled. A block: the next one, where it ends, then rows.
U_NEXT, U_END, U_WIDTH, U_ROWS, U_FIRST, U_BLOCK = range(6)
TABLE: Final = 6
BLOCK_NEXT, BLOCK_END, BLOCK = range(3)
FIRST_ROWS: Final = 16
MOST_ROWS: Final = 4096
(
    U_GUILDS, U_MEMBERS, U_CHANNELS, U_PLACES, U_SESSIONS, U_SESSION_DAYS, U_AWARDS, U_CELLS, U_REASONS, U_STAMPS,
    U_SEASONS, U_KNOWN, U_OWED, U_GIVEN, U_ENDED, U_VISITS, U_HOLDS, U_EXPIRED, U_ZONES, U_ROLE_SETS, BUCKET,
) = range(16, 16 + 21 * TABLE, TABLE)  # fmt: skip
# For each three decimal digits of a number, from the last ones on: what they change in the CRC-32 of all its digits.
# CRC_ZEROS: that of so many zeros.
CRC_DIGITS: Final = 3
CRC_PARTS: Final = 7
CRC_PART: Final = 10**CRC_DIGITS
CRC: Final = BUCKET + BUCKETS
CRC_ZEROS: Final = CRC + CRC_PARTS * CRC_PART
HEAP: Final = CRC_ZEROS + CRC_PARTS * CRC_DIGITS + 1
"""Where the first block begins."""
NO_ROLES: Final = HEAP + BLOCK
"""The row of the empty set of roles, which is the first that anybody makes."""

WIDTHS: Final = {
    U_GUILDS: GUILD,
    U_MEMBERS: MEMBER,
    U_CHANNELS: CHANNEL,
    U_PLACES: PLACE,
    U_SESSIONS: SESSION,
    U_SESSION_DAYS: SESSION_DAY,
    U_AWARDS: AWARD,
    U_CELLS: CELL,
    U_REASONS: REASON,
    U_STAMPS: STAMP,
    U_SEASONS: SEASON,
    U_KNOWN: KNOWN,
    U_OWED: OWED,
    U_GIVEN: GIVEN,
    U_ENDED: ENDED,
    U_VISITS: VISIT,
    U_HOLDS: HOLD,
    U_EXPIRED: EXPIRED,
    U_ZONES: ZONE,
    U_ROLE_SETS: ROLE_SET,
}
"""How many numbers a row of each table has."""
DELTAS: Final = (
    U_CELLS, U_REASONS, U_STAMPS, U_SEASONS, U_KNOWN, U_OWED, U_GIVEN, U_ENDED, U_VISITS, U_HOLDS, U_EXPIRED,
)  # fmt: skip
"""What a drain takes away."""
