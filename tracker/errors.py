"""The one error root. Each error says what was wrong, where, and what to do, in one sentence a person can act on."""

from __future__ import annotations

__all__ = [
    "ArchiveAwayError",
    "ConfigError",
    "DatabaseError",
    "DatabaseNotOursError",
    "DatabaseTooNewError",
    "EventFormatError",
    "HeldByAnotherProcessError",
    "LeaseLostError",
    "LogCorruptError",
    "LoginError",
    "NotFoundError",
    "SettingsError",
    "TrackerError",
]


class TrackerError(Exception):
    """Root of all errors this project raises. `str(error)` is the whole sentence; `exit_code` is the command line's."""

    exit_code = 1


class ConfigError(TrackerError):
    """The process was started with something it cannot use (an environment variable, an option, a file)."""

    exit_code = 2


class LoginError(ConfigError):
    """Discord refused us: wrong token, missing privileged intent. Says what to click where."""


class SettingsError(TrackerError):
    """A settings document was refused as a whole. `key`: the dotted path of what is wrong (`voice.default.every_s`)."""

    exit_code = 2

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"settings: {key or 'document'}: {problem}")
        self.key = key
        self.problem = problem


class EventFormatError(TrackerError):
    """An event in exchange format or in the log cannot be read. `line` is 1-based; None: it is not out of a file."""

    exit_code = 2

    def __init__(self, problem: str, *, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.problem = problem
        self.line = line


class NotFoundError(TrackerError):
    """What was asked for (a guild, a role) is not in the database."""


class DatabaseError(TrackerError):
    """The database could not do what was asked: locked, full, read-only, away. Retrying may help."""


class DatabaseNotOursError(DatabaseError):
    """The file or database is not a tracker database (or not a database at all)."""

    exit_code = 2


class DatabaseTooNewError(DatabaseError):
    """The schema was made by a newer tracker than this one."""

    exit_code = 2


class HeldByAnotherProcessError(DatabaseError):
    """Another live process writes to this database; the sentence names its host, pid and since when.

    `who`: its pid and host. `is_bot`: it is the bot, which counts anew what is marked, and no command.
    """

    exit_code = 2

    def __init__(self, sentence: str, *, who: str = "another process", is_bot: bool = False) -> None:
        super().__init__(sentence)
        self.who = who
        self.is_bot = is_bot


class ArchiveAwayError(DatabaseError):
    """A file of the log's archive is not where it should be. The sentence names the file and what to do."""


class LeaseLostError(DatabaseError):
    """This process held the writer's lease and another one has taken it over: it must stop writing at once."""


class LogCorruptError(TrackerError):
    """The event log breaks its own promise (a hole in the positions, an event that cannot be read)."""
