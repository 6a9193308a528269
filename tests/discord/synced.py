"""The town with the real ingest, whose members are brought in line with what they have come to."""

from __future__ import annotations

from typing import Any

from tests.discord.house import House, until
from tests.ingest.support import Desk
from tracker.discord.bot import Front
from tracker.discord.member_outbox import MemberOutbox
from tracker.events.envelope import Data, Event
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import Ms, UserId, mint_event_id
from tracker.ingest.members import Members
from tracker.ingest.reader import Reader
from tracker.sandbox import Member, Role, Sandbox
from tracker.sandbox.rest.pipeline import Request

__all__ = ["MEMBER", "Died", "DyingMembers", "SyncHouse"]

MEMBER = "PATCH /guilds/{guild}/members/{user}"
LOOK = "GET /guilds/{guild}/members/{user}"


class Died(BaseException):
    """The process is no more."""


class DyingMembers(Members):
    """Dies at a step: `mark_meant` or `mark_sent`, before it is noted, or (`noted`) just after it."""

    step = ""
    noted = False

    async def mark_meant(self, *args: Any, **options: Any) -> None:
        await self._die_at("mark_meant", super().mark_meant(*args, **options))

    async def mark_sent(self, *args: Any, **options: Any) -> None:
        await self._die_at("mark_sent", super().mark_sent(*args, **options))

    async def _die_at(self, step: str, noting: Any) -> None:
        if step != self.step:
            await noting
            return
        if self.noted:
            await noting
        else:
            noting.close()
        raise Died


class SyncHouse(House):
    """A house with the tiers Bronze (from level 1) and Silver (from level 2), 100 EXP a level."""

    outbox: MemberOutbox
    members: DyingMembers

    def __init__(self, desk: Desk, sandbox: Sandbox, beside: SyncHouse | None = None) -> None:
        """`beside`: another guild that the same front-end sees."""
        super().__init__(desk, sandbox)
        if beside is not None:
            self.front, self.members, self.outbox = beside.front, beside.members, beside.outbox
        self.bronze = self.world.add_role(self.guild, "Bronze")
        self.silver = self.world.add_role(self.guild, "Silver")
        self.other = self.world.add_role(self.guild, "other")
        self.mine = self.guild.roles[self.world.me(self.guild).roles[0]]
        self.document: dict[str, Any] = {
            "levels": {"kind": "linear", "exp_per_level": 100},
            "tiers": {"list": [self.tier("Bronze", self.bronze, 1), self.tier("Silver", self.silver, 2)]},
        }

    @staticmethod
    def tier(name: str, role: Role, level: int) -> dict[str, Any]:
        return {"name": name, "role_id": str(role.id), "min_level": level}

    def new_front(self) -> Front:
        desk = self.desk
        reader = Reader(desk.database, desk.clock)
        front = Front(
            token=self.sandbox.token,
            intake=desk.ingest,
            reader=reader,
            rest_url=self.sandbox.rest_url,
            rest_retries=0,
        )
        self.members = DyingMembers(desk.database, desk.ingest)
        self.outbox = front.member_outbox(self.members)
        return front

    async def open(self, members: int = 2, **document: Any) -> None:
        """Come up, under these rules."""
        await self.come_up(members)
        await self.seen()
        self.change(**document)

    async def seen(self) -> None:
        """Wait until all members have answered."""
        await until(lambda: self.front.hierarchy.knows(self.guild_id) and self.outbox.is_ready(self.guild_id))

    def change(self, **document: Any) -> None:
        """New rules."""
        self.document = {**self.document, **document}
        self.fact(SettingsChanged(settings=self.document))

    def give(self, member: Member, exp: int) -> None:
        """EXP, by hand."""
        self.fact(ExpAdjusted(amount=exp, reason="", by=UserId(1)), member)

    def fact(self, data: Data, member: Member | None = None) -> None:
        now = self.desk.clock.now()
        self.desk.ingest.accept(
            Event(
                id=mint_event_id(now),
                guild_id=self.guild_id,
                user_id=None if member is None else UserId(member.id),
                occurred_at=now,
                data=data,
            )
        )

    async def flush(self) -> None:
        self.desk.clock.time += 1000
        assert await self.desk.ingest.flush()

    async def bring(self) -> None:
        """A flush, and rounds until nothing is due and what was sent has been heard."""
        await self.flush()
        await self.rounds()

    async def rounds(self) -> None:
        while True:
            await self.outbox.deliver()
            await self.outbox.done()
            await self.heard()
            if not await self.members.due_guilds(self.desk.clock.now()) and not self.outbox.losses:
                return

    async def heard(self) -> None:
        """Wait until everybody's roles and names are known as they are."""
        await until(lambda: all(self._is_known(member) for member in self.guild.members.values()))

    def _is_known(self, member: Member) -> bool:
        known = self.desk.ingest.sight.member(self.guild_id, UserId(member.id))
        if known is None:
            return member.user.bot or member.id == self.guild.owner_id
        same = set(known.role_ids) == set(member.roles) and known.is_named(member.display_name)
        return known.opted_out or same

    async def another_process(self) -> None:
        """This one is gone; the next comes up on the same database."""
        await self.front.close()
        await self.desk.ingest.close(10)
        self.next_process()
        await self.come_up(2)
        await self.seen()

    @property
    def patches(self) -> list[Request]:
        return [request for request in self.sandbox.requests if request.route == MEMBER]

    @property
    def looks(self) -> int:
        return sum(request.route == LOOK for request in self.sandbox.requests)

    def names(self, member: Member) -> set[str]:
        """The member's roles."""
        return {self.guild.roles[role].name for role in member.roles}

    async def state(self, member: Member) -> tuple[str, str | None]:
        """(state, error) of what is noted of the member."""
        sync = (await self.members.desired(self.guild_id))[UserId(member.id)]
        return sync.state, sync.error

    def later(self, ms: int) -> None:
        self.desk.clock.time = Ms(self.desk.clock.time + ms)
