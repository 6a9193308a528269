"""Resident memory of the bot's process with thousands to a million known members."""

from __future__ import annotations

import time
from collections.abc import Iterator

from scripts.benchlib.figures import Figure
from scripts.benchlib.place import Place
from scripts.benchlib.processes import Child, memory_mib, sandbox
from scripts.simulate import fill
from store.engine import open_database
from tracker.events.channel import RoleDescribed
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.ids import DISCORD_EPOCH_MS, GuildId, Ms, RoleId, UserId, mint_event_id

__all__ = ["measure"]

_GUILD = 50_000
_START = 1_767_571_200_000
_IMPORTS = "import tracker.app; print('{}', flush=True); input()"


def measure(place: Place) -> list[Figure]:
    """MiB after the imports, with N members recovered from the database, and with N members told by the gateway."""
    figures = [_figure("imports", "imports alone", [_imports(place) for _ in range(place.runs)], None)]
    sizes = ((1_000, 90.0), (100_000, 110.0), (1_000_000, 250.0)) if not place.quick else ((500, None),)
    for size, aim in sizes:
        url = place.new_url("sqlite")
        database = open_database(url)
        fill(database, _members(size), flush_events=200_000)
        database.close()
        runs = [_recovered(place, url) for _ in range(place.runs)]
        figures.append(_figure(f"recovered.{size}", f"{size:,} members known from the database", runs, aim))
    for size, aim in sizes[:2]:
        runs = [_told(place, size) for _ in range(place.runs)]
        figures.append(_figure(f"told.{size}", f"{size:,} members told by the gateway", runs, aim))
    return figures


def _figure(name: str, what: str, runs: list[float], aim: float | None) -> Figure:
    note = "RSS of `tracker run` on SQLite, connected to the sandbox and at rest" if aim is not None else ""
    return Figure(name=f"memory.{name}", what=f"RSS, {what}", unit="MiB", runs=tuple(runs), aim=aim, note=note)


def _imports(place: Place) -> float:
    with Child(["-c", _IMPORTS], {}, place.folder / "imports.log") as child:
        child.read()
        return memory_mib(child.process)


def _recovered(place: Place, url: str) -> float:
    """A bot whose database knows them; Discord's guild is another one."""
    source, where = sandbox(place.folder, members=1, voice=1)
    with source, _run(place, where, url) as process:
        return _at_rest(process, place)


def _told(place: Place, members: int) -> float:
    """A bot with an empty database, in a guild with so many members."""
    url = place.new_url("sqlite")
    open_database(url).close()  # a bot that makes its database carries Alembic until its next start
    source, where = sandbox(place.folder, members=members, voice=10, list_members=1)
    with source, _run(place, where, url) as process:
        return _at_rest(process, place)


def _run(place: Place, where: dict[str, str], url: str) -> Child:
    environ = {
        "DISCORD_TOKEN": where["token"],
        "TRACKER_REST_URL": where["rest_url"],
        "TRACKER_DATABASE_URL": url,
        "TRACKER_FLUSH_S": "3",
    }
    log = place.folder / "run.log"
    log.unlink(missing_ok=True)
    return Child(["-m", "tracker", "run"], environ, log)


def _at_rest(child: Child, place: Place) -> float:
    """Connected, and two flushes with no more than a trace of processor time between them."""
    import psutil

    process = psutil.Process(child.process.pid)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and "connected: counting" not in child.log.read_text():
        if child.process.poll() is not None:
            raise RuntimeError(f"the bot ended early:\n{child.log.read_text()[-3000:]}")
        time.sleep(0.2)
    while time.monotonic() < deadline:
        before = process.cpu_times()
        time.sleep(place.scaled(7, 3))
        after = process.cpu_times()
        if after.user + after.system - before.user - before.system < 1.0:
            return memory_mib(child.process)
    raise RuntimeError("the bot never came to rest")


def _members(count: int) -> Iterator[Event]:
    """So many members in guilds of 50,000 at most, with one of twenty roles each."""
    for number in range(count):
        guild = GuildId((_START - DISCORD_EPOCH_MS + number // _GUILD) << 22)
        at = Ms(_START + number // 100)
        if number % _GUILD == 0:
            for role in range(20):
                yield _event(guild, None, at, RoleDescribed(role_id=RoleId(guild + 1 + role), name=f"role {role}"))
        user = UserId(guild + 100 + number % _GUILD)
        yield _event(guild, user, at, MemberJoined(name=f"a member named {number}"))
        yield _event(guild, user, at, MemberRolesChanged(role_ids=(RoleId(guild + 1 + number % 20),)))


def _event(guild: GuildId, user: UserId | None, at: Ms, data: Data) -> Event:
    return Event(id=mint_event_id(at), guild_id=guild, user_id=user, occurred_at=at, data=data)
