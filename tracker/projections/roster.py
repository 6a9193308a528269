"""Who is known in a guild, packed small: a million members must fit into a small machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

__all__ = ["Roster"]

# One int of 60 bits (two CPython digits) a member: name digest 37 | role set 20 | opted out | present | bot.
_BOT, _PRESENT, _OPTED_OUT = 1, 2, 4
_FLAGS = _BOT | _PRESENT | _OPTED_OUT
_ROLES_AT, _ROLES_MASK = 3, (1 << 20) - 1
_NAME_AT, _NAME_MASK = 23, (1 << 37) - 1


@dataclass(slots=True)
class Roster:
    """Members by user id. Of names only digests are kept, to see whether one changed; the text is in the database."""

    _packed: dict[int, int] = field(default_factory=dict)
    _role_sets: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    _role_numbers: dict[tuple[int, ...], int] = field(default_factory=lambda: {(): 0})

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, user: int) -> bool:
        return user in self._packed

    def present(self) -> Iterator[int]:
        """The ids of those who are members now."""
        return (user for user, packed in self._packed.items() if packed & _PRESENT)

    def is_present(self, user: int) -> bool:
        """Whether the user is a member now."""
        return bool(self._packed.get(user, 0) & _PRESENT)

    def is_bot(self, user: int) -> bool:
        """Whether the user is known to be a bot."""
        return bool(self._packed.get(user, 0) & _BOT)

    def is_opted_out(self, user: int) -> bool:
        """Whether the user asked not to be tracked."""
        return bool(self._packed.get(user, 0) & _OPTED_OUT)

    def roles(self, user: int) -> tuple[int, ...]:
        """The user's roles, ascending; none for somebody unknown."""
        return self._role_sets[self._packed.get(user, 0) >> _ROLES_AT & _ROLES_MASK]

    def is_named(self, user: int, name: str) -> bool:
        """Whether `name` is the name last heard of the user."""
        return self._packed.get(user, 0) >> _NAME_AT == _digest(name)

    def set_flags(
        self, user: int, *, bot: bool | None = None, present: bool | None = None, opted_out: bool | None = None
    ) -> None:
        """Change what is given."""
        packed = self._packed.get(user, 0)
        for bit, value in ((_BOT, bot), (_PRESENT, present), (_OPTED_OUT, opted_out)):
            if value is not None:
                packed = packed | bit if value else packed & ~bit
        self._packed[user] = packed

    def set_name(self, user: int, name: str) -> None:
        """Remember the name."""
        self._packed[user] = self._packed.get(user, 0) & ((1 << _NAME_AT) - 1) | _digest(name) << _NAME_AT

    def set_roles(self, user: int, roles: tuple[int, ...]) -> None:
        """Remember the whole set of roles. Raises OverflowError beyond a million different sets in one guild."""
        number = self._role_numbers.get(roles)
        if number is None:
            number = len(self._role_sets)
            if number > _ROLES_MASK:
                raise OverflowError("more than 1,048,576 different sets of roles in one guild")
            self._role_sets.append(roles)
            self._role_numbers[roles] = number
        packed = self._packed.get(user, 0)
        self._packed[user] = packed & ~(_ROLES_MASK << _ROLES_AT) | number << _ROLES_AT

    def forget(self, user: int) -> None:
        """Know nothing of the user any more."""
        self._packed.pop(user, None)


def _digest(name: str) -> int:
    """37 bits of the name; 0 is kept for "no name heard"."""
    return (
        int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=5).digest(), "big") & _NAME_MASK or 1
    )
