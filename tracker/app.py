"""The composition root of `tracker run`: opens, recovers, connects, keeps time, drains, stops."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from functools import partial

import store.lease
import store.leftovers
import store.log
import store.rebuild
import store.state
from store.engine import Database, open_database
from store.lease import Lease
from tracker import heap, log_lines
from tracker.clock import SystemClock
from tracker.config import Config
from tracker.discord.backfill_text import render_backfill
from tracker.discord.bot import Front
from tracker.discord.member_outbox import MemberOutbox
from tracker.discord.notice import render_notice
from tracker.discord.notice_figures import FigureNotices, render_figures
from tracker.discord.notices import Notices
from tracker.discord.outbox import Outbox
from tracker.discord.start_embed import render_start
from tracker.discord.startup import StartUp
from tracker.errors import DatabaseError, LeaseLostError, TrackerError
from tracker.http.health import HealthServer
from tracker.ids import Ms
from tracker.ingest import Ingest, Limits
from tracker.ingest.archiving import Archiving
from tracker.ingest.backfills import Backfills
from tracker.ingest.blocked_runs import BlockedRuns
from tracker.ingest.boards import Boards
from tracker.ingest.charts import Charts
from tracker.ingest.histories import Histories
from tracker.ingest.kept_boards import KeptBoards
from tracker.ingest.kept_reports import KeptReports
from tracker.ingest.leave_lines import LeaveLines
from tracker.ingest.members import Members
from tracker.ingest.outlook import Outlook
from tracker.ingest.personal import Personal
from tracker.ingest.posts import Posts
from tracker.ingest.previews import Previews
from tracker.ingest.reader import Reader
from tracker.ingest.recount import Recount
from tracker.ingest.recount_sight import CountedSight
from tracker.ingest.report_pictures import ReportPictures
from tracker.ingest.report_runs import ReportRuns
from tracker.ingest.rules import Rules
from tracker.ingest.tidying import Tidying
from tracker.ingest.unwritten import Unwritten
from tracker.ingest.verifying import Verifying
from tracker.ingest.warming import Warming
from tracker.schedule import Jobs, ReportSchedule

__all__ = ["run"]

_LOG = logging.getLogger("tracker")

# Goodbye to Discord (1.5 s), the drain, and a statement that waits for a lock: together less than 10 s.
_DRAIN_S = 5.0
_BUSY_MS = 2_000
_HEARTBEAT_S = 10.0
_LOOK_S = 5.0
_COUNT_S = 60.0
_MEMBERS_S = 1.0
_TURN_S = 0.000_5  # how long the event loop waits for the writer's thread to let it run; Python's default is 5 ms


def run(config: Config) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises TrackerError for what stops it otherwise."""
    config.require_token()
    log_lines.set_up(config.log_level)
    sys.setswitchinterval(_TURN_S)
    if sys.platform == "win32":
        asyncio.run(_run(config))
    else:
        import uvloop

        uvloop.run(_run(config))


async def _run(config: Config) -> None:
    database = open_database(config.database_url, busy_ms=_BUSY_MS)
    try:
        lease = store.lease.acquire(database, now=SystemClock().now())
        try:
            if swept := store.leftovers.sweep(database):
                _LOG.info("removed what a process that was killed had left: %s", ", ".join(swept))
            await _App(config, database, lease).run()
        except DatabaseError:
            raise  # it is not there to give the lease back to; a dead holder's is taken over at once
        except BaseException:
            store.lease.release(database, lease)
            raise
        store.lease.release(database, lease)
    finally:
        database.close()


class _App:
    """One run of the bot on a database that it holds."""

    def __init__(self, config: Config, database: Database, lease: Lease) -> None:
        self._config = config
        self._database = database
        self._lease = lease
        self._stopped = asyncio.Event()
        self._failure: Exception | None = None
        states = store.state.recover_all(database)
        self._first_start = not any(state.as_of for state in states.values())
        self._ingest = Ingest(
            database,
            lease,
            states,
            store.log.head(database),
            config.clock,
            Limits(commit_ms=config.commit_ms, commit_events=config.commit_events, buffer_events=config.buffer_events),
            fatal=self._fail,
        )
        self._ingest.uncounted |= store.rebuild.marked(database)
        self._recount = Recount(database, config.database_url, self._ingest)
        self._ingest.flushed.add(self._recount.flushed)
        reports = KeptReports(database)
        self._ingest.tell(reports)
        self._ingest.health.caches["reports"] = reports.figures
        self._reader = Reader(database, config.clock, reports, calm=self._ingest.calm)
        self._tidying = Tidying(database)
        self._archiving = Archiving(database, config.database_url, self._ingest, lease, config.archive_after_days)
        self._charts = Charts()
        self._verifying: Verifying | None = None
        self._pictures: ReportPictures | None = None
        if config.charts:
            self._pictures = ReportPictures(self._reader, self._charts)
            self._ingest.health.caches["pictures"] = self._pictures.figures

    def _fail(self, error: Exception) -> None:
        """Something without which this process must not go on."""
        if self._failure is None:
            self._failure = error
        self._stopped.set()

    async def run(self) -> None:
        """Until told to stop, or something fails for good."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        ingest, config = self._ingest, self._config
        known = ingest.sight.guilds()
        _LOG.info("database %s ready; guilds known: %d", self._database.name, len(known))
        ingest.flushed.add(LeaveLines(ingest.sight).flushed)
        kept = KeptBoards(self._database)
        ingest.tell(kept)
        ingest.health.caches["boards"] = kept.figures
        unwritten = Unwritten(self._database)
        ingest.tell(unwritten)
        ingest.flushed.add(self._tidying.flushed)
        ingest.start()
        ingest.gone(known, Ms(0))  # each since its own last sign of life
        self._recount.start()
        rows, posts = Members(self._database, ingest, self._reader), Posts(self._database, ingest)
        front = Front(
            token=config.require_token(),
            intake=ingest,
            reader=self._reader,
            boards=Boards(self._database, config.clock, self._reader, kept, unwritten),
            rules=Rules(ingest),
            previews=Previews(self._database, config.clock, self._reader),
            personal=Personal(self._database, ingest, self._reader, unwritten),
            pictures=self._pictures,
            backfills=Backfills(self._database, config.clock, self._lease, write=ingest.write, read=self._reader.read),
            owe_backfill=partial(posts.owe_post, kind="backfill"),
            startup=StartUp(ingest, synced=rows, owe=partial(posts.owe_post, kind="start")),
            rest_url=config.rest_url,
        )
        members = front.member_outbox(rows)
        warming, histories = Warming(self._reader, ingest.sight, config.clock), Histories(self._reader)
        health = None
        jobs = Jobs()
        jobs.every(config.flush_s, "flush", self._flush)
        jobs.every(_HEARTBEAT_S, "heartbeat", self._heartbeat)
        jobs.start()
        try:
            if config.health_port is not None:
                health = HealthServer(config.health_port, lambda: ingest.health.report(waiting=ingest.waiting))
                await health.start()
                _LOG.info("health check at %s", health.address)
            if await self._unless_stopped(front.start()):
                heap.settle()
                _LOG.info("connected: counting")
                warming.start()
                histories.start()
                self._send_posts(jobs, front, posts)
                jobs.every(_MEMBERS_S, "members", partial(self._bring_in_line, members))
                await self._unless_stopped(front.wait())
        finally:
            jobs.close()
            await members.close()
            await front.close()
            await self._charts.close()
            await warming.close()
            await histories.close()
            await self._recount.close()
            await self._archiving.close()
            if self._verifying is not None:
                await self._verifying.close()
            if health is not None:
                await health.close()
            await self._drain()
        if self._failure is not None:
            raise self._failure

    async def _unless_stopped(self, work: object) -> bool:
        """Await the work, but no longer than until a stop. True if it came to its end."""
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        stop = asyncio.create_task(self._stopped.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return not self._stopped.is_set()
        task.cancel()
        await asyncio.wait({task})
        return False

    def _send_posts(self, jobs: Jobs, front: Front, posts: Posts) -> None:
        ingest, config = self._ingest, self._config
        outbox = Outbox(
            rest=front.rest,
            intake=ingest,
            reports=self._reader,  # what is owed is written already: no flush for each of them
            deliveries=posts,
            renderers={
                "start": render_start,
                "notice": render_notice,
                "figures": render_figures,
                "backfill": render_backfill,
            },
            has_role=front.surroundings.has_role,
            pictures=self._pictures,
            icon=front.surroundings.icon,
        )
        runs = ReportRuns(self._database, ingest, posts)
        seen = CountedSight(ingest.sight, ingest.uncounted)
        schedule = ReportSchedule(config.clock, seen, runs, first_start=self._first_start)

        unblocking = front.unblocking(BlockedRuns(self._database, posts))

        async def owe() -> None:
            await unblocking.look()  # first, because they are older than what comes due now
            await schedule.look()

        async def reports() -> None:
            await owe()
            while await outbox.deliver():
                await owe()

        jobs.every(min(_LOOK_S, config.flush_s), "reports", reports)
        jobs.every(min(_COUNT_S, config.flush_s), "archive", self._archiving.look)
        outlook = Outlook(self._database, self._reader, ingest.health)
        notices = Notices(ingest, outlook, partial(posts.owe_post, kind="notice"))
        jobs.every(min(_COUNT_S, config.flush_s), "notices", notices.look)
        if config.verify is not None:
            figures = FigureNotices(ingest, outlook, partial(posts.owe_post, kind="figures"))
            self._verifying = Verifying(self._database, config.database_url, ingest, config.verify, figures.tell)
            jobs.every(min(_COUNT_S, config.flush_s), "verify", self._verifying.look)

    async def _bring_in_line(self, members: MemberOutbox) -> None:
        try:
            await members.deliver()
        except DatabaseError as error:
            _LOG.debug("members wait for the database: %s", error)  # those who write say so louder

    async def _flush(self) -> None:
        await self._ingest.flush()
        heap.tidy()

    async def _heartbeat(self) -> None:
        beat = partial(store.lease.heartbeat, self._database, self._lease, now=SystemClock().now())
        try:
            await self._ingest.write(beat)
        except LeaseLostError as error:
            self._fail(error)
        except TrackerError as error:
            _LOG.warning("no heartbeat: %s", error)

    async def _drain(self) -> None:
        written = await self._ingest.close(_DRAIN_S)
        self._reader.close()
        self._tidying.close()
        if written:
            _LOG.info("stopped: everything is written")
        elif self._ingest.waiting:
            raise DatabaseError(
                f"stopped without the database ({'; '.join(self._ingest.health.trouble.values())}): "
                f"the last {self._ingest.waiting} events could not be written and are lost"
            )
        else:
            _LOG.warning("stopped: every event is in the log, the figures will be brought up to date at the next start")
