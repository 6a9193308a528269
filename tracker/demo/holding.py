"""Who holds which tier role and nickname in the sandbox, and who should by the tracker's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from store import member_sync
from store.engine import Database
from store.member_sync import MemberSync
from tracker.demo.ledger import NICKNAME
from tracker.demo.stage import TIERS, Stage
from tracker.ids import GuildId, UserId
from tracker.projections.nickname import nickname_for
from tracker.sandbox.model import Member

__all__ = ["Holding", "holdings", "patches"]

_PATCH: Final = "PATCH /guilds/{guild}/members/{user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One member's standing. `due`: the tier roles that follow from the figures, `held`: those on Discord; by name.

    `nick`: the nickname on Discord, `nick_due`: the one that follows; None: none. `block`: the first sentence of why
    the tracker leaves the nickname alone; None: it does not.
    """

    name: str
    due: frozenset[str]
    held: frozenset[str]
    nick_due: str | None
    nick: str | None
    block: str | None

    @property
    def problem(self) -> str | None:
        """In which way Discord is not as it should be; None if it is."""
        if self.held != self.due:
            return f"{self.name} holds {_listed(self.held)}, by the figures it should be {_listed(self.due)}"
        if self.nick != self.nick_due:
            return f"{self.name} has the nickname {self.nick}, by the figures it should be {self.nick_due}"
        return None


def holdings(database: Database, stage: Stage) -> list[Holding]:
    """Everybody, bots too, in the order in which they came into the guild."""
    noted = member_sync.desired(database, GuildId(stage.guild.id))
    return [_holding(member, noted, stage) for member in stage.people.values()]


def patches(stage: Stage) -> tuple[int, int]:
    """How many changes of members the sandbox was asked for: carried out, and refused."""
    calls = {status: count for (route, status), count in stage.sandbox.calls.items() if route == _PATCH}
    done = sum(count for status, count in calls.items() if status < 300)
    return done, sum(calls.values()) - done


def _holding(member: Member, noted: Mapping[UserId, MemberSync], stage: Stage) -> Holding:
    sync = noted.get(UserId(member.id))
    tiers = {stage.roles[name].id: name for name in TIERS}
    due = frozenset() if sync is None else frozenset(tiers[role] for role in sync.tier_roles)
    block = (sync.error or "").partition(". ")[0] if sync is not None and sync.state == "blocked" else None
    nick_due = None
    if sync is not None and due and block is None:
        highest = max(due, key=TIERS.index)
        nick_due = nickname_for(NICKNAME, highest, member.user.global_name or member.user.name, sync.level, sync.exp)
    return Holding(
        name=member.user.global_name or member.user.name,
        due=due,
        held=frozenset(tiers[role] for role in member.roles if role in tiers),
        nick_due=nick_due,
        nick=member.nick,
        block=block,
    )


def _listed(roles: frozenset[str]) -> str:
    return ", ".join(sorted(roles, key=TIERS.index)) or "no tier role"
