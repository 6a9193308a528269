"""The full list of a report's members as a CSV file that Excel opens as it is, in Korean too.

UTF-8 with a byte order mark (without one, Excel takes the machine's old code page), commas, CRLF. Durations are there
twice: as `H:MM:SS` to read and in milliseconds to reckon with.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable
from typing import Final

from tracker.clock import from_ms
from tracker.ids import Ms
from tracker.reports import text
from tracker.reports.model import MemberEntry
from tracker.reports.window import Window

__all__ = ["BYTE_ORDER_MARK", "csv_name", "full_list_csv", "harmless"]

BYTE_ORDER_MARK: Final = "\ufeff"
_STARTS_A_FORMULA: Final = "=+-@＝＋－＠−"
_COLUMNS: Final = (
    "rank", "member", "user_id", "voice", "voice_ms", "sessions", "average_session", "messages", "interactions", "exp",
)  # fmt: skip


def full_list_csv(entries: Iterable[MemberEntry], window: Window, locale: str | None) -> bytes:
    """The file's bytes: a line of headings, then one line for each member."""
    t = text.translate(locale)
    file = io.StringIO(newline="")
    lines = csv.writer(file, lineterminator="\r\n")
    lines.writerow([*(t(f"column.{name}") for name in _COLUMNS), t("column.last_seen_in", zone=window.zone.key)])
    for entry in entries:
        lines.writerow(_line(entry, window))
    return (BYTE_ORDER_MARK + file.getvalue()).encode()


def csv_name(window: Window) -> str:
    """What to call the file: `activity-2026-02-18.csv`, `activity-2026-02-16-to-2026-02-22.csv`."""
    first, last = (
        f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}" for day in (window.first_day, window.last_day)
    )
    return f"activity-{first}.csv" if first == last else f"activity-{first}-to-{last}.csv"


def _line(entry: MemberEntry, window: Window) -> list[str | int]:
    return [
        entry.rank,
        harmless(entry.name),
        # Excel keeps 15 digits of a number and an id has more. A tab makes it text, is not shown, and whoever reads
        # the file by program need not know: int() and strip() take it away.
        f"\t{entry.user_id}",
        _clock(entry.voice_ms),
        entry.voice_ms,
        entry.sessions,
        _clock(entry.average_session_ms),
        entry.messages,
        entry.interactions,
        entry.exp,
        _local(entry.last_seen, window),
    ]


def harmless(name: str) -> str:
    """A name on one line that no spreadsheet takes for a formula: one that begins like one gets an apostrophe."""
    line = " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name).split())
    begins = next((c for c in line if unicodedata.category(c) not in ("Cf", "Zs")), "")
    return f"'{line}" if begins and begins in _STARTS_A_FORMULA else line


def _clock(ms: int) -> str:
    """`125:03:09`: hours, minutes and seconds, rounded down."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _local(moment: Ms | None, window: Window) -> str:
    return "" if moment is None else from_ms(moment).astimezone(window.zone).strftime("%Y-%m-%d %H:%M:%S")
