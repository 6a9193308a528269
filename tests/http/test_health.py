"""The health check answers what the health report says."""

from __future__ import annotations

import aiohttp
import pytest

from tracker.errors import ConfigError
from tracker.http.health import HealthServer
from tracker.http.metrics import exposition
from tracker.ids import Ms
from tracker.ingest.health import Health


async def asked(address: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.json()


async def test_health_is_200_while_well_and_503_with_the_reason_when_not() -> None:
    health = Health(last_flush_at=Ms(5))
    server = HealthServer(0, lambda: health.report(waiting=2))
    await server.start()
    try:
        status, report = await asked(server.address)
        assert (status, report["status"], report["events_waiting"], report["last_flush_at"]) == (200, "ok", 2, 5)
        health.bad("append", "the disk is full")
        status, report = await asked(server.address)
        assert (status, report["trouble"]) == (503, {"append": "the disk is full"})
        health.good("append")
        assert (await asked(server.address))[0] == 200
    finally:
        await server.close()


async def test_what_is_owed_to_discord_is_shown_as_last_counted_and_is_no_trouble_by_itself() -> None:
    health = Health()
    server = HealthServer(0, lambda: health.report(waiting=0))
    await server.start()
    try:
        assert (await asked(server.address))[1]["outbox"] == {}
        health.outbox = {"members": {"pending": 1, "sent": 24, "failed": 0, "blocked": 2}}
        status, report = await asked(server.address)
        assert (status, report["outbox"]) == (200, health.outbox)
    finally:
        await server.close()


async def test_metrics_say_how_often_what_is_kept_was_enough() -> None:
    health = Health(flushes=3, caches={"reports": lambda: {"hits": 9, "misses": 1, "bytes": 70}})
    server = HealthServer(0, lambda: health.report(waiting=2))
    await server.start()
    try:
        address = server.address.replace("/health", "/metrics")
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert answer.content_type == "text/plain"
            lines = (await answer.text()).splitlines()
        assert {"tracker_up 1", "tracker_events_waiting 2", "tracker_flushes_total 3"} <= set(lines)
        assert 'tracker_cache_hits_total{cache="reports"} 9' in lines
        assert 'tracker_cache_misses_total{cache="reports"} 1' in lines
        assert "# TYPE tracker_cache_bytes gauge" in lines
        health.bad("append", "the disk is full")
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert (answer.status, "tracker_up 0" in await answer.text()) == (200, True)
    finally:
        await server.close()


def test_what_was_not_counted_has_no_line() -> None:
    assert [line for line in exposition({}).splitlines() if not line.startswith("#")] == ["tracker_up 0"]


async def test_a_port_that_is_taken_is_refused_in_one_sentence() -> None:
    first = HealthServer(0, dict)
    await first.start()
    port = int(first.address.rsplit(":", 1)[1].split("/")[0])
    with pytest.raises(ConfigError, match=f"cannot listen on port {port}"):
        await HealthServer(port, dict).start()
    await first.close()


@pytest.mark.parametrize("source", ["append", "flush"])
def test_a_change_for_the_worse_and_back_is_logged_once_each(source: str, caplog: pytest.LogCaptureFixture) -> None:
    health = Health()
    for _ in range(5):
        health.bad(source, "the database is locked")
    health.good(source)
    health.good(source)
    assert [r.message for r in caplog.records] == [f"{source}: the database is locked", f"{source}: works again"]
    assert (health.failures, health.well) == (5, True)
