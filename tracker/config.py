"""What a process is told by its environment. Everything is checked at once, before anything is opened or sent."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tracker.clock import Clock, PlayClock, SystemClock
from tracker.errors import ConfigError
from tracker.recurring import Recurring

__all__ = ["DEFAULT_DATABASE_URL", "Config", "archive_after_days", "hide_password"]

DEFAULT_DATABASE_URL: Final = "sqlite:///tracker.db"

_LEVELS = ("debug", "info", "warning", "error")
_KNOWN: Final = frozenset(
    {
        "TRACKER_DATABASE_URL",
        "TRACKER_REST_URL",
        "TRACKER_COMMIT_MS",
        "TRACKER_COMMIT_EVENTS",
        "TRACKER_FLUSH_S",
        "TRACKER_BUFFER_EVENTS",
        "TRACKER_HEALTH_PORT",
        "TRACKER_CHARTS",
        "TRACKER_VERIFY",
        "TRACKER_ARCHIVE_AFTER_DAYS",
        "TRACKER_CLOCK",
        "TRACKER_LOG_LEVEL",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Config:
    """The configuration of one process. Its repr shows neither the token nor a database password.

    `commit_ms` / `commit_events`: a group commit happens when its first event is that old or it has that many.
    `flush_s`: seconds between flushes. `buffer_events`: events that may wait for the database before the gateway
    reader waits too. `rest_url`: None means Discord itself. `health_port`: None means off, 0 any free port.
    `charts`: whether reports have a picture, drawn by a second process of some 80 MB. `verify`: when the figures are
    compared with the log, by a process of its own; None: never. `archive_after_days`: events older than that are moved
    into the archive's files, by and by; None: only when asked for; "auto": on PostgreSQL those of
    an hour ago, within the database.
    """

    database_url: str = DEFAULT_DATABASE_URL
    token: str | None = None
    rest_url: str | None = None
    commit_ms: int = 1000
    commit_events: int = 500
    flush_s: int = 60
    buffer_events: int = 100_000
    health_port: int | None = None
    charts: bool = True
    verify: Recurring | None = field(default_factory=Recurring)
    archive_after_days: int | Literal["auto"] | None = "auto"
    clock: Clock = field(default_factory=SystemClock)
    log_level: str = "info"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Config:
        """Read the variables; one that is set to nothing counts as not set.

        Raises ConfigError naming the variable and what is wanted; an unknown `TRACKER_…` variable is an error too,
        because a misspelt one would otherwise be obeyed by nobody.
        """
        _refuse_unknown(environ)
        values = {name: value.strip() for name, value in environ.items() if value.strip()}
        clock = values.get("TRACKER_CLOCK")
        return cls(
            database_url=values.get("TRACKER_DATABASE_URL", DEFAULT_DATABASE_URL),
            token=_token(values),
            rest_url=_rest_url(values),
            commit_ms=_whole(values, "TRACKER_COMMIT_MS", 1000, 0, 60_000),
            commit_events=_whole(values, "TRACKER_COMMIT_EVENTS", 500, 1, 100_000),
            flush_s=_whole(values, "TRACKER_FLUSH_S", 60, 1, 3600),
            buffer_events=_whole(values, "TRACKER_BUFFER_EVENTS", 100_000, 100, 100_000_000),
            health_port=_whole(values, "TRACKER_HEALTH_PORT", -1, 0, 65_535)
            if "TRACKER_HEALTH_PORT" in values
            else None,
            charts=_switch(values, "TRACKER_CHARTS"),
            verify=_verify(values),
            archive_after_days=archive_after_days(values),
            clock=SystemClock() if clock is None else PlayClock.parse(clock),
            log_level=_level(values),
        )

    def require_token(self) -> str:
        """The bot's token. Raises ConfigError if there is none."""
        if self.token is None:
            raise ConfigError(
                "DISCORD_TOKEN is not set: copy the bot's token from https://discord.com/developers/applications "
                "(your application, Bot, Reset Token) and set it; `tracker demo` needs none"
            )
        return self.token

    def __repr__(self) -> str:
        shown = [
            f"database_url={hide_password(self.database_url)!r}",
            f"token={'None' if self.token is None else '<hidden>'}",
            f"rest_url={self.rest_url!r}",
            f"commit_ms={self.commit_ms}",
            f"commit_events={self.commit_events}",
            f"flush_s={self.flush_s}",
            f"buffer_events={self.buffer_events}",
            f"health_port={self.health_port}",
            f"charts={self.charts}",
            f"verify={self.verify!r}",
            f"archive_after_days={self.archive_after_days}",
            f"clock={self.clock!r}",
            f"log_level={self.log_level!r}",
        ]
        return f"Config({', '.join(shown)})"


def hide_password(url: str) -> str:
    """A database URL that may be shown: its password, wherever it stands, is `***`."""
    url = re.sub(r"(?<=://)([^/:@?]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&](?:ssl)?password=)[^&]*", r"\1***", url)


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if name.upper().startswith("TRACKER_") and name not in _KNOWN:
            near = difflib.get_close_matches(name.upper(), sorted(_KNOWN), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_KNOWN))}"
            raise ConfigError(f"{name}: there is no such variable; {hint}")


def _whole(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = values.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high):
        raise ConfigError(f"{name}: {text!r} is not a whole number from {low} to {high}")
    return int(text)


def archive_after_days(environ: Mapping[str, str]) -> int | Literal["auto"] | None:
    """That field of `Config` alone, for who needs nothing else of it. Raises ConfigError."""
    name = "TRACKER_ARCHIVE_AFTER_DAYS"
    values = {name: environ.get(name, "").strip() or "auto"}
    match values[name].lower():
        case "auto":
            return "auto"
        case "off":
            return None
        case _:
            return _whole(values, name, 1, 1, 36_500)


def _switch(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "on").lower()
    if text not in ("on", "off"):
        raise ConfigError(f"{name}: {text!r} is neither on nor off")
    return text == "on"


def _verify(values: Mapping[str, str]) -> Recurring | None:
    text = values.get("TRACKER_VERIFY", "sun").lower()
    if text == "off":
        return None
    try:
        return Recurring.parse(text)
    except ValueError as error:
        raise ConfigError(f"TRACKER_VERIFY: {error}, nor off") from None


def _token(values: Mapping[str, str]) -> str | None:
    token = values.get("DISCORD_TOKEN")
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ConfigError("DISCORD_TOKEN: has white space or odd characters in it; set the token alone, without `Bot`")
    return token


def _rest_url(values: Mapping[str, str]) -> str | None:
    url = values.get("TRACKER_REST_URL")
    if url is not None and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise ConfigError(f"TRACKER_REST_URL: {url!r} is not an address such as http://127.0.0.1:8080/api/v10")
    return None if url is None else url.rstrip("/")


def _level(values: Mapping[str, str]) -> str:
    level = values.get("TRACKER_LOG_LEVEL", "info").lower()
    if level not in _LEVELS:
        raise ConfigError(f"TRACKER_LOG_LEVEL: {level!r} is not one of {', '.join(_LEVELS)}")
    return level
