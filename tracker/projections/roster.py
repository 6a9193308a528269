"""Who is known in a guild: a view of the kernel's rows for those who know people by their user ids."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from tracker.projections.index import MemberIndex
from tracker.projections.kernel.layout import BOT, M_NAME, M_ROLES, M_STATE, M_USER, OPTED_OUT, PRESENT, SILENT
from tracker.projections.memory import Memory

__all__ = ["Roster", "digest"]


class Roster:
    """Members by user id. Of names only digests are kept, to see whether one changed; the text is in the database."""

    __slots__ = ("_members", "_memory")

    def __init__(self, memory: Memory, members: MemberIndex) -> None:
        self._memory = memory
        self._members = members

    def present(self) -> Iterator[int]:
        """The ids of those who are members now."""
        heap = self._memory.heap
        return (heap[row + M_USER] for row in self._members.rows() if heap[row + M_STATE] & PRESENT)

    def is_present(self, user: int) -> bool:
        """Whether the user is a member now."""
        return bool(self._state(user) & PRESENT)

    def is_bot(self, user: int) -> bool:
        """Whether the user is known to be a bot."""
        return bool(self._state(user) & BOT)

    def is_opted_out(self, user: int) -> bool:
        """Whether the user asked not to be tracked."""
        return bool(self._state(user) & OPTED_OUT)

    def is_silent(self, user: int) -> bool:
        """Whether the user is a member whose activity is not counted: a bot, or opted out."""
        state = self._state(user)
        return bool(state & PRESENT and state & SILENT)

    def roles(self, user: int) -> tuple[int, ...]:
        """The user's roles, ascending; none for somebody unknown."""
        row = self._members.row(user)
        return () if row < 0 else self._memory.roles_of(self._memory.heap[row + M_ROLES])

    def is_named(self, user: int, name: str) -> bool:
        """Whether `name` is the name last heard of the user."""
        row = self._members.row(user)
        return row >= 0 and self._memory.heap[row + M_NAME] == digest(name)

    def _state(self, user: int) -> int:
        row = self._members.row(user)
        return 0 if row < 0 else self._memory.heap[row + M_STATE]


def digest(name: str) -> int:
    """60 bits of the name; 0 is kept for "no name heard"."""
    whole = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(whole, "big") >> 4 or 1
