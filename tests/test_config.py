"""The environment is checked whole: what is wrong is named, and secrets are never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clock import PlayClock, SystemClock
from tracker.config import Config, hide_password
from tracker.errors import ConfigError
from tracker.recurring import Recurring


def test_an_empty_environment_gives_the_defaults() -> None:
    config = Config.from_env({"PATH": "/usr/bin", "DISCORD_TOKEN": " ", "TRACKER_FLUSH_S": ""})
    assert config == Config()
    assert config.database_url == "sqlite:///tracker.db"
    assert config.health_port is None
    assert isinstance(config.clock, SystemClock)


def test_the_figures_are_verified_each_sunday_unless_that_is_off() -> None:
    assert Config.from_env({}).verify == Recurring.parse("sun 19:00")
    assert Config.from_env({"TRACKER_VERIFY": "off"}).verify is None


def test_when_old_events_are_archived_may_be_left_to_the_tracker_said_or_never() -> None:
    assert Config.from_env({}).archive_after_days == "auto"
    assert Config.from_env({"TRACKER_ARCHIVE_AFTER_DAYS": "Auto"}).archive_after_days == "auto"
    assert Config.from_env({"TRACKER_ARCHIVE_AFTER_DAYS": "off"}).archive_after_days is None


def test_every_variable_is_read() -> None:
    config = Config.from_env(
        {
            "TRACKER_DATABASE_URL": "postgresql://me@db/tracker",
            "DISCORD_TOKEN": "abc.def\n",
            "TRACKER_REST_URL": "http://127.0.0.1:8080/api/v10/",
            "TRACKER_COMMIT_MS": "0",
            "TRACKER_COMMIT_EVENTS": "1",
            "TRACKER_FLUSH_S": "5",
            "TRACKER_BUFFER_EVENTS": "1000",
            "TRACKER_HEALTH_PORT": "8081",
            "TRACKER_CHARTS": "Off",
            "TRACKER_VERIFY": "Wed 03:30",
            "TRACKER_ARCHIVE_AFTER_DAYS": "90",
            "TRACKER_CLOCK": "0:0,10:100",
            "TRACKER_LOG_LEVEL": "DEBUG",
        }
    )
    assert config == Config(
        database_url="postgresql://me@db/tracker",
        token="abc.def",
        rest_url="http://127.0.0.1:8080/api/v10",
        commit_ms=0,
        commit_events=1,
        flush_s=5,
        buffer_events=1000,
        health_port=8081,
        charts=False,
        verify=Recurring(weekday=2, minute=210),
        archive_after_days=90,
        clock=PlayClock(points=((0, 0), (10, 100))),
        log_level="debug",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRACKER_COMMIT_MS", "-1"),
        ("TRACKER_COMMIT_MS", "60001"),
        ("TRACKER_COMMIT_MS", "1.5"),
        ("TRACKER_COMMIT_EVENTS", "0"),
        ("TRACKER_FLUSH_S", "soon"),
        ("TRACKER_FLUSH_S", "١"),
        ("TRACKER_BUFFER_EVENTS", "9" * 40),
        ("TRACKER_HEALTH_PORT", "65536"),
        ("TRACKER_REST_URL", "localhost:80"),
        ("TRACKER_CHARTS", "0"),
        ("TRACKER_VERIFY", "weekly"),
        ("TRACKER_ARCHIVE_AFTER_DAYS", "0"),
        ("TRACKER_CLOCK", "later"),
        ("TRACKER_LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as refusal:
        Config.from_env({name: value})
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_a_misspelt_variable_does_not_pass_silently() -> None:
    with pytest.raises(ConfigError, match=r"TRACKER_FLUSH_SECONDS.*TRACKER_FLUSH_S\?"):
        Config.from_env({"TRACKER_FLUSH_SECONDS": "5"})
    with pytest.raises(ConfigError, match="TRACKER_DATABASE_URL"):
        Config.from_env({"tracker_database_url": "x"})


def test_a_token_is_never_shown_even_when_it_is_refused() -> None:
    config = Config(token="s3cret", database_url="postgresql://me:p4ss@db:5432/tracker?sslpassword=k3y&x=1")
    for shown in (repr(config), str(config), f"{config}"):
        assert not any(secret in shown for secret in ("s3cret", "p4ss", "k3y"))
        assert "postgresql://me:***@db:5432/tracker" in shown
    with pytest.raises(ConfigError) as refusal:
        Config.from_env({"DISCORD_TOKEN": "Bot s3cret"})
    assert "s3cret" not in str(refusal.value)


def test_a_missing_token_is_explained() -> None:
    with pytest.raises(ConfigError, match="DISCORD_TOKEN is not set"):
        Config().require_token()
    assert Config(token="abc").require_token() == "abc"


@given(st.text(st.characters(codec="ascii", exclude_characters="*\n", categories=["L", "N", "P"]), min_size=6))
def test_no_part_of_a_password_survives_however_odd_it_is(password: str) -> None:
    assert hide_password(f"postgresql://me:{password}@db/tracker") == "postgresql://me:***@db/tracker"


def test_a_url_without_a_password_stays_as_it_is() -> None:
    for url in ("sqlite:///tracker.db", "postgresql://me@db/tracker", "postgresql:///tracker?host=/run/postgresql"):
        assert hide_password(url) == url
