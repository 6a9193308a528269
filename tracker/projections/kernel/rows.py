"""Finding rows, and adding them."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.layout import (
    BLOCK, BLOCK_END, BLOCK_NEXT, B_DAY, B_START, CELL, DAY, D_DAY, D_NEXT, D_PLACE, D_VALUES, FOR_DAY, FOR_ROOM, GUILD,
    G_DAY, G_DAY_END, G_DAY_START, G_ZONE, KNOWN, K_MEMBER, K_SAID, MOST_ROWS, M_KNOWN, M_PLACES, M_SEASONS, M_STAMP,
    NOT_YET, PLACE, P_CARRY, P_CELL, P_CHANNEL, P_MEMBER, P_NEXT, P_OWED, P_REASON, REASON, SEASON, SPARE, STAMP,
    STOPPED_AT, STOPPED_FOR, STOPPED_ZONE, TOP, T_INTERACTION_AT, T_MEMBER, T_MESSAGE_AT, U_BLOCK, U_CELLS, U_END,
    U_FIRST, U_KNOWN, U_NEXT, U_PLACES, U_REASONS, U_ROWS, U_SEASONS, U_STAMPS, U_WIDTH, X_EXP, X_MEMBER, X_NEXT,
    X_SEASON_AT, Z_FROM, Z_TO, Heap,
)  # fmt: skip

__all__ = ["add_to_season", "cell_of", "new_row", "place_of", "reason_of", "room", "said", "see_day", "stamp_of"]


def room(m: Heap, rows: int) -> bool:
    """Whether there is room for so many more rows in every table, or for FIRST_ROWS if they are fewer.

    Blocks have FIRST_ROWS rows at least, and where there is room each table can have its next one.
    """
    if m[TOP] + m[SPARE] + rows * GUILD <= len(m):  # no row is wider than a guild's
        return True
    m[STOPPED_FOR] = FOR_ROOM
    return False


def new_row(m: Heap, table: int, width: int) -> int:
    """A new row, to be filled in; whoever asks has asked for room before. `width`: the table's."""
    at = m[table + U_NEXT]
    after = at + width
    if after > m[table + U_END]:
        at = new_block(m, table)
        after = at + width
    m[table + U_NEXT] = after
    return at


def new_block(m: Heap, table: int) -> int:
    """The next block is to be filled, one that was emptied or a new one; returns where its first row goes."""
    current = m[table + U_BLOCK]
    block = m[current + BLOCK_NEXT] if current >= 0 else -1
    if block < 0:
        rows, width = m[table + U_ROWS], m[table + U_WIDTH]
        block = m[TOP]
        m[block + BLOCK_NEXT] = -1
        m[TOP] = m[block + BLOCK_END] = block + BLOCK + rows * width
        if current >= 0:
            m[current + BLOCK_NEXT] = block
        else:
            m[table + U_FIRST] = block
        if rows < MOST_ROWS:
            m[table + U_ROWS] = 2 * rows
            m[SPARE] += rows * width
    m[table + U_BLOCK], m[table + U_END] = block, m[block + BLOCK_END]
    return block + BLOCK


def see_day(m: Heap, guild: int, moment: int) -> bool:
    """Have G_DAY, G_DAY_START and G_DAY_END say which local day of the guild contains the instant."""
    if m[guild + G_DAY_START] <= moment < m[guild + G_DAY_END]:
        return True
    zone = m[guild + G_ZONE]
    low, high = m[zone + Z_FROM], m[zone + Z_TO] - DAY  # the last row only says where the one before ends
    if low >= high or moment < m[low + B_START] or moment >= m[high + B_START]:
        m[STOPPED_FOR], m[STOPPED_ZONE], m[STOPPED_AT] = FOR_DAY, zone, moment
        return False
    while high - low > DAY:
        middle = low + (high - low) // DAY // 2 * DAY
        if m[middle + B_START] <= moment:
            low = middle
        else:
            high = middle
    m[guild + G_DAY] = m[low + B_DAY]
    m[guild + G_DAY_START] = m[low + B_START]
    m[guild + G_DAY_END] = m[low + DAY + B_START]
    return True


def place_of(m: Heap, who: int, channel: int) -> int:
    """The row of the member in the channel, made at first sight; the one asked for last is found first next time."""
    first = m[who + M_PLACES]
    if first >= 0 and m[first + P_CHANNEL] == channel:
        return first
    before = place = first
    while place >= 0 and m[place + P_CHANNEL] != channel:
        before, place = place, m[place + P_NEXT]
    if place < 0:
        place = new_row(m, U_PLACES, PLACE)
        m[place + P_MEMBER] = who
        m[place + P_CHANNEL] = channel
        m[place + P_CARRY] = 0
        m[place + P_CELL] = m[place + P_REASON] = m[place + P_OWED] = -1
    else:
        m[before + P_NEXT] = m[place + P_NEXT]
    m[place + P_NEXT] = first
    m[who + M_PLACES] = place
    return place


def cell_of(m: Heap, place: int, day: int) -> int:
    """Where the values of the daily row begin, to be added to in place."""
    first = m[place + P_CELL]
    if first >= 0 and m[first + D_PLACE] != place:
        first = -1  # it was of deltas that are drained
    cell = first
    while cell >= 0:
        if m[cell + D_DAY] == day:
            return cell + D_VALUES
        cell = m[cell + D_NEXT]
    cell = new_row(m, U_CELLS, CELL)
    m[cell + D_PLACE] = place
    m[cell + D_DAY] = day
    m[cell + D_NEXT] = first
    m[place + P_CELL] = cell
    return cell + D_VALUES


def reason_of(m: Heap, place: int, day: int) -> int:
    """Where the values of the unearned row begin. To be asked for only if there is something to add."""
    first = m[place + P_REASON]
    if first >= 0 and m[first + D_PLACE] != place:
        first = -1
    reason = first
    while reason >= 0:
        if m[reason + D_DAY] == day:
            return reason + D_VALUES
        reason = m[reason + D_NEXT]
    reason = new_row(m, U_REASONS, REASON)
    m[reason + D_PLACE] = place
    m[reason + D_DAY] = day
    m[reason + D_NEXT] = first
    m[place + P_REASON] = reason
    return reason + D_VALUES


def add_to_season(m: Heap, who: int, season_at: int, exp: int) -> None:
    """EXP given or taken counts in the season that began at `season_at`; nothing happens if that is 0: in none."""
    if season_at == 0 or exp == 0:
        return
    first = m[who + M_SEASONS]
    if first >= 0 and m[first + X_MEMBER] != who:
        first = -1
    season = first
    while season >= 0 and m[season + X_SEASON_AT] != season_at:
        season = m[season + X_NEXT]
    if season < 0:
        season = new_row(m, U_SEASONS, SEASON)
        m[season + X_MEMBER] = who
        m[season + X_SEASON_AT] = season_at
        m[season + X_NEXT] = first
        m[who + M_SEASONS] = season
    m[season + X_EXP] += exp


def stamp_of(m: Heap, who: int) -> int:
    """The row that says when the member's cooldowns began."""
    stamp = m[who + M_STAMP]
    if stamp < 0 or m[stamp + T_MEMBER] != who:
        stamp = new_row(m, U_STAMPS, STAMP)
        m[stamp + T_MEMBER] = who
        m[stamp + T_MESSAGE_AT] = m[stamp + T_INTERACTION_AT] = NOT_YET
        m[who + M_STAMP] = stamp
    return stamp


def said(m: Heap, who: int, what: int) -> None:
    """Note that something (SAID_NAME, …) was said of the member."""
    row = m[who + M_KNOWN]
    if row < 0 or m[row + K_MEMBER] != who:
        row = new_row(m, U_KNOWN, KNOWN)
        m[row + K_MEMBER] = who
        m[who + M_KNOWN] = row
    m[row + K_SAID] |= what
