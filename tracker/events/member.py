"""Facts about members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracker.ids import RoleId

__all__ = [
    "MemberForgotten", "MemberJoined", "MemberLeft", "MemberOptedIn", "MemberOptedOut", "MemberRenamed",
    "MemberRolesChanged",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined:
    """Somebody is a member of the guild (joined, or was seen there for the first time)."""

    TYPE: ClassVar[str] = "member.joined"
    VERSION: ClassVar[int] = 1
    bot: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft:
    """A member left the guild."""

    TYPE: ClassVar[str] = "member.left"
    VERSION: ClassVar[int] = 1
    bot: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRolesChanged:
    """`role_ids` is the member's whole set from now on (ascending; without @everyone)."""

    TYPE: ClassVar[str] = "member.roles_changed"
    VERSION: ClassVar[int] = 1
    role_ids: tuple[RoleId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRenamed:
    """`name` is what the guild sees: nickname, else display name, else user name."""

    TYPE: ClassVar[str] = "member.renamed"
    VERSION: ClassVar[int] = 1
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOptedOut:
    """The member asked not to be tracked: no events from now on."""

    TYPE: ClassVar[str] = "member.opted_out"
    VERSION: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOptedIn:
    """The member asked to be tracked again."""

    TYPE: ClassVar[str] = "member.opted_in"
    VERSION: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberForgotten:
    """The member asked to be forgotten: in no read model, report or export from now on."""

    TYPE: ClassVar[str] = "member.forgotten"
    VERSION: ClassVar[int] = 1
