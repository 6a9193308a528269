"""What all tests share: how Hypothesis searches, and a fresh, migrated database on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path
from signal import SIGINT, default_int_handler, signal

import pytest
from hypothesis import settings

from store import migrate
from store.engine import Database, open_database
from store.own_process import FETCHING, FOLDING, WRITING, compile_apart
from tests.databases import DIALECTS, fresh
from tests.laid_out import REALLY, lay_out
from tests.order import dealt, unmarked
from tests.servers import PostgresServer, start_postgres
from tracker.projections.kernel.compiled import Compiled, can_compile, compiled

# The same examples on every run, so that a red run stays red. `make test` draws a share of them (tests/examples.py).
settings.register_profile("all", derandomize=True, deadline=None)
settings.register_profile("share", settings.get_profile("all"), max_examples=10)
settings.load_profile("share")


def _in_memory() -> Path | None:
    """Where files are kept in memory, if there is such a place with room for a server; None: there is none.

    A fresh PostgreSQL database is some 300 new files: hundreds of milliseconds on a busy disk, and there are hundreds
    of tests. SQLite waits for the disk at every commit.
    """
    place = Path("/dev/shm")
    roomy = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free >= 2 << 30
    return place if roomy else None


if (memory := _in_memory()) is not None and "PYTEST_DEBUG_TEMPROOT" not in os.environ:
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(memory)  # where `tmp_path` is, of this process and of its workers


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Machine code that is not kept yet is compiled before there are several processes: each of them would do it.

    Without numba there is none.
    """
    if can_compile():
        compile_apart(FOLDING, FETCHING, (*WRITING, "store.columns_scan"))


@pytest.hookimpl(trylast=True)  # of what is not deselected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = dealt(items, lambda item: item.get_closest_marker("long") is not None, processes)


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests and all that they imported: the collector need not look through them again


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    calls = [r for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    marked = {r.nodeid for r in calls if "long" in r.keywords}
    if found := unmarked(((r.nodeid, r.duration) for r in calls), marked):
        terminalreporter.section("long, and not marked so (see tests/order.py)")
        terminalreporter.write_line("\n".join(found))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, also where the tests run in the background of a shell and it is ignored; processes inherit
    that.
    """
    before = signal(SIGINT, default_int_handler)
    yield
    signal(SIGINT, before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process, started when first asked for."""
    # Not pytest's tmp_path: the server's socket lives there too, and such a path may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="tracker-pg-", dir=_in_memory()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = start_postgres(folder / "data")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The compiled kernel: half a minute once a machine, then out of a file.

    Of several test processes one compiles it, and the others wait: at once, each would take as long.
    """
    with (tmp_path_factory.getbasetemp().parent / "kernel.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        return compiled()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without any event, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrate, "_migrate", REALLY)
        open_database(str(path)).close()
    return path


@pytest.fixture(scope="session", autouse=True)
def _laid_out() -> Iterator[None]:
    """See tests/laid_out.py."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrate, "_migrate", lay_out)
        yield


@pytest.fixture
def really_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is about how databases come to be, also new ones."""
    monkeypatch.setattr(migrate, "_migrate", REALLY)


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database, open: for tests of what stands above the store."""
    path = tmp_path / "tracker.db"
    shutil.copy(sqlite_template, path)
    db = open_database(str(path))
    yield db
    db.close()


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, migrated database: the test runs on SQLite and again on PostgreSQL."""
    with fresh(request, tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database, open."""
    db = open_database(database_url)
    yield db
    db.close()


@pytest.fixture
def open_again(database_url: str) -> Iterator[Callable[[], Database]]:
    """Opens the test's database once more, as another process would; closed after the test."""
    opened: list[Database] = []

    def opening() -> Database:
        opened.append(open_database(database_url))
        return opened[-1]

    yield opening
    for db in opened:
        db.close()
