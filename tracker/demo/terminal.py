"""An embed in the terminal, near to how Discord shows it."""

from __future__ import annotations

import re
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tracker.demo.embed import rows_of
from tracker.demo.markdown import moment
from tracker.demo.timetable import ZONE
from tracker.sandbox.model import Json

__all__ = ["embed_panel"]

_STYLED: Final = re.compile(
    r"\\(?P<literal>[^\w\s])|\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*|`(?P<code>[^`]+)`|<t:(?P<instant>\d{1,11})(?::\w)?>"
)
_STYLES: Final = {"code": "cyan", "literal": ""}


def embed_panel(embed: Json) -> Panel:
    """The embed, its fields in the rows that Discord gives them."""
    parts: list[RenderableType] = [_text(embed.get("title") or "", "bold")]
    if embed.get("description"):
        parts.append(_text(embed["description"]))
    for row in rows_of(embed.get("fields") or []):
        grid = Table.grid(padding=(0, 3), expand=False)
        for _ in row:
            grid.add_column(min_width=20 if len(row) > 1 else None)
        grid.add_row(*(Text(field["name"].strip("\u200b"), style="bold") for field in row))
        grid.add_row(*(_text(field["value"]) for field in row))
        parts.append(Padding(grid, (1, 0, 0, 0)))
    if embed.get("footer"):
        parts.append(Padding(Text(embed["footer"]["text"], style="dim"), (1, 0, 0, 0)))
    colour = f"#{int(embed.get('color') or 0x5865F2):06x}"
    return Panel(Group(*parts), border_style=Style.parse(colour), padding=(0, 2), expand=False)


def _text(markdown: str, style: str = "") -> Text:
    shown, end = Text(style=style), 0
    for found in _STYLED.finditer(markdown):
        shown.append(markdown[end : found.start()])
        kind = found.lastgroup or ""
        shown.append(_part(kind, found[kind]))
        end = found.end()
    return shown.append(markdown[end:])


def _part(kind: str, found: str) -> Text:
    if kind == "bold":
        return _text(found, "bold")
    if kind == "instant":
        return Text(moment(int(found) * 1000, ZONE))
    return Text(found, style=_STYLES[kind])
