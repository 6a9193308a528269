"""A writer and what is kept of its guild for reports, for tests that ask whether both say the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import store.state
from store import queries
from store.chart_queries import read_chart_data
from store.engine import Database, open_database
from store.reporting import read_full_list, read_member_report, read_report, report_of_window
from store.state import FlushBatch
from tests.properties.communities import Community
from tests.servers import PostgresServer
from tests.store.living import Writer
from tests.store.support import GUILD, START, fact
from tracker.events.channel import ChannelDescribed, RoleDescribed
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent
from tracker.events.rule import SettingsChanged
from tracker.events.voice import VoiceLeft
from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.ingest.held import Held
from tracker.ingest.kept_reports import KeptReports
from tracker.projections.days import local_day
from tracker.reports.model import Report
from tracker.reports.window import PERIODS, Window

__all__ = ["ANN", "BEN", "BOT", "CAT", "DAY", "HOUR", "MINUTE", "ROLE", "Fresh", "Shelf", "fresh", "shelf"]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ROLE = RoleId(700)
ANN, BEN, CAT, BOT = (UserId(n) for n in (1, 2, 3, 9))


@dataclass
class Shelf:
    """A writer whose flushes the kept reports are told of."""

    db: Database
    guild: GuildId = GUILD
    kept: KeptReports = field(init=False)
    writer: Writer = field(init=False)
    time: float = 0.0

    def __post_init__(self) -> None:
        self.kept = KeptReports(self.db, keep_from=0, timer=lambda: self.time)
        self.writer = Writer(self.db)

    def flush(self, at: int) -> list[FlushBatch]:
        batches = self.writer.batches(at)
        store.state.flush(self.db, batches)
        self.kept.flushed(batches)
        return batches

    def flush_held(self, held: Held, at: int) -> None:
        """A flush of what looks have told of, too."""
        whole = held.with_held(self.writer.batches(at))
        store.state.flush(self.db, whole)
        held.clear()
        self.kept.flushed(whole)

    def play(self, community: Community, flushes: int, roles: Sequence[RoleId]) -> Iterator[tuple[int, int]]:
        """A community's history in so many flushes: the number and the instant of each, after it."""
        events = community.events
        begun = events[0].occurred_at - START if events else 0
        for role in roles:
            described = RoleDescribed(role_id=role, name="r")
            self.writer.write([fact(described, user=None, channel=None, guild=self.guild, at=begun)])
        size = max(1, len(events) // flushes)
        for number, begin in enumerate(range(0, len(events), size)):
            part = events[begin : begin + size]
            self.writer.write(part)
            self.flush(part[-1].occurred_at)  # live, a tick may not come after an event that has not happened yet
            yield number, part[-1].occurred_at

    def report(self, now: int, *, role: RoleId | None = ROLE, period: str = "daily", day: int | None = None) -> Report:
        found = self.kept.report(self.guild, role, period, day, Ms(now))
        assert found is not None
        return found

    def check(self, now: int, *, roles: tuple[RoleId | None, ...] = (ROLE, None), back: int = 0) -> None:
        """Every report, also of the windows `back` days ago, is the database's."""
        if back:
            self.remember()
        days = [None] if not back else [None, local_day(queries.settings_of(self.db, self.guild).zone, now - back).day]
        for period in PERIODS:
            for role in roles:
                for day in days:
                    kept = self.kept.report(self.guild, role, period, day, Ms(now))
                    if kept is not None:
                        about: dict[str, Any] = {"guild_id": self.guild, "role_id": role, "period": period, "day": day}
                        assert kept == read_report(self.db, **about, now=Ms(now)), (period, role, day)
                        self.check_charts(now, role, kept)
                        if (period, role, day) == ("weekly", None, None):
                            self.check_each(now, role, kept)

    def remember(self) -> None:
        """Read the guild's whole past, as after somebody's question about dates."""
        self.kept.history.want(self.guild, self.guild, queries.settings_of(self.db, self.guild).zone)
        while self.kept.history.read_more():
            pass

    def check_window(self, now: int, window: Window, role: RoleId | None) -> bool:
        """A report over any dates is the database's, and so is all that goes with it; False: it is not kept."""
        about: dict[str, Any] = {"guild_id": self.guild, "role_id": role, "window": window, "now": Ms(now)}
        kept = self.kept.report_of(self.guild, role, window, Ms(now))
        if kept is not None:
            assert kept == report_of_window(self.db, **about), (window, role)
            self.check_charts(now, role, kept)
            self.check_each(now, role, kept)
        return kept is not None

    def check_charts(self, now: int, role: RoleId | None, report: Report) -> None:
        """What the report's charts show is the database's."""
        charts = self.kept.chart_data(self.guild, role, report.window, Ms(now))
        read = read_chart_data(self.db, guild_id=self.guild, role_id=role, window=report.window, now=Ms(now))
        assert charts == read, (report.window.period, role)

    def check_each(self, now: int, role: RoleId | None, report: Report) -> None:
        """The report's list, and what it says of some of its members, are the database's."""
        about: dict[str, Any] = {"guild_id": self.guild, "role_id": role, "window": report.window, "now": Ms(now)}
        listed = self.kept.full_list(self.guild, role, report.window, Ms(now))
        assert listed == read_full_list(self.db, **about)
        for user in {entry.user_id for entry in (listed[1:2] + listed[-1:])}:
            found = self.kept.member_report(self.guild, role, user, report.window, Ms(now))
            assert found == (read_member_report(self.db, **about, user_id=user),)


@pytest.fixture
def shelf(database: Database) -> Shelf:
    """Ann is in voice, Ben was and wrote, Cat did nothing, and there is a bot; nothing is kept yet."""
    shelf = Shelf(database)
    people = ((ANN, "Ann"), (BEN, "벤"), (CAT, "Cat"), (BOT, "robot"))
    shelf.writer.write([fact(SettingsChanged(settings={"timezone": "UTC"}), user=None, channel=None)])
    shelf.writer.write([fact(MemberJoined(name=n, bot=u == BOT), user=u, channel=None) for u, n in people])
    shelf.writer.write([fact(RoleDescribed(role_id=ROLE, name="Study"), user=None, channel=None)])
    shelf.writer.write([fact(ChannelDescribed(name="room"), user=None)])
    shelf.writer.write([fact(MemberRolesChanged(role_ids=(ROLE,)), user=u, channel=None) for u in (ANN, CAT, BOT)])
    shelf.writer.write([fact(user=ANN), fact(user=BEN, at=7_000), fact(VoiceLeft(), user=BEN, at=7_000 + MINUTE)])
    shelf.writer.write([fact(MessageSent(), user=BEN, at=2 * MINUTE, event_id="message:1")])
    shelf.flush(START + HOUR)
    return shelf


Fresh = Callable[[], AbstractContextManager[Database]]


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """Opens a new database each time."""

    @contextmanager
    def lite() -> Iterator[Database]:
        path = tmp_path / "again.db"
        shutil.copy(template, path)
        db = open_database(str(path))
        try:
            yield db
        finally:  # what an example that fails leaves behind would make the next ones fail, each time in another way
            db.close()
            path.unlink()

    @contextmanager
    def post() -> Iterator[Database]:
        name = server.create()
        db = open_database(server.url(name))
        try:
            yield db
        finally:
            db.close()
            server.drop(name)

    if request.param == "sqlite":
        tmp_path: Path = request.getfixturevalue("tmp_path")
        template: Path = request.getfixturevalue("sqlite_template")
        return lite
    server: PostgresServer = request.getfixturevalue("postgres")
    return post
