"""The parts of a Discord message as HTML: embeds, buttons, files."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from tracker.clock import to_ms
from tracker.demo.markdown import Names, moment, to_html
from tracker.sandbox.model import Attachment, Json

__all__ = ["components_html", "embed_html", "files_html", "rows_of"]

_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BUTTONS = {1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "secondary"}
_BUTTON, _SELECTS = 2, (3, 5, 6, 7, 8)


def embed_html(embed: Json, files: Iterable[Attachment], names: Names) -> str:
    """One embed; pictures that are attached to the message are shown in it."""
    parts = [_author(embed), _title(embed, names)]
    if embed.get("description"):
        parts.append(f'<div class="description">{to_html(embed["description"], names)}</div>')
    parts.append(_fields(embed.get("fields") or [], names))
    image = _attached(embed.get("image"), files)
    if image:
        parts.append(f'<img class="picture" src="{image}" alt="">')
    parts.append(_footer(embed, names))
    thumbnail = _attached(embed.get("thumbnail"), files)
    side = f'<img class="thumbnail" src="{thumbnail}" alt="">' if thumbnail else ""
    colour = f"#{int(embed.get('color') or 0x1E1F22):06x}"
    return f'<article class="embed" style="border-color:{colour}"><div>{"".join(parts)}</div>{side}</article>'


def _author(embed: Json) -> str:
    author = embed.get("author")
    return f'<div class="embed-author">{escape(author["name"])}</div>' if author else ""


def _title(embed: Json, names: Names) -> str:
    if not embed.get("title"):
        return ""
    return f'<div class="title">{to_html(embed["title"], names)}</div>'


def rows_of(fields: Iterable[Json]) -> Iterator[list[Json]]:
    """The fields in the rows that Discord lays them out in: inline ones up to three, others alone."""
    for inline, group in groupby(fields, key=lambda field: bool(field.get("inline"))):
        together = list(group)
        size = 3 if inline else 1
        yield from (together[n : n + size] for n in range(0, len(together), size))


def _fields(fields: list[Json], names: Names) -> str:
    shown = []
    for row in rows_of(fields):
        cells = "".join(
            f'<div><div class="name">{to_html(field["name"], names)}</div>'
            f'<div class="value">{to_html(field["value"], names)}</div></div>'
            for field in row
        )
        kind = "inline" if row[0].get("inline") else "alone"
        shown.append(f'<div class="row {kind} n{len(row)}">{cells}</div>')
    return f'<div class="fields">{"".join(shown)}</div>' if shown else ""


def _footer(embed: Json, names: Names) -> str:
    parts = [escape(embed["footer"]["text"])] if embed.get("footer") else []
    if embed.get("timestamp"):
        parts.append(moment(_instant(embed["timestamp"]), names.zone))
    return f"<footer>{' • '.join(parts)}</footer>" if parts else ""


def _instant(text: str) -> int:
    from datetime import datetime

    return to_ms(datetime.fromisoformat(text))


def _attached(picture: Json | None, files: Iterable[Attachment]) -> str:
    """The picture's bytes as a data URL; empty if it is not one of the attached files."""
    name = str((picture or {}).get("url", "")).rpartition("/")[2]
    return next((_data_url(file) for file in files if file.filename == name and file.content_type in _IMAGES), "")


def _data_url(file: Attachment) -> str:
    return f"data:{file.content_type};base64,{base64.b64encode(file.content).decode()}"


def files_html(files: Iterable[Attachment], shown_in_embeds: str) -> str:
    """The attachments that no embed shows: pictures as such, others by name and size."""
    parts = []
    for file in files:
        if file.content_type in _IMAGES:
            url = _data_url(file)
            if url not in shown_in_embeds:
                parts.append(f'<img class="picture" src="{url}" alt="{escape(file.filename)}">')
        else:
            size = f"{len(file.content):,} B"
            parts.append(f'<div class="file">📄 <b>{escape(file.filename)}</b> <small>{size}</small></div>')
    return "".join(parts)


def components_html(rows: Iterable[Json]) -> str:
    """Buttons and menus; they do nothing on this page."""
    shown = []
    for row in rows:
        cells = "".join(_component(c) for c in row.get("components") or [])
        shown.append(f'<div class="components">{cells}</div>')
    return "".join(shown)


def _component(component: Json) -> str:
    kind = component.get("type")
    emoji = escape(str((component.get("emoji") or {}).get("name") or ""))
    if kind == _BUTTON:
        label = f"{emoji} {escape(component.get('label') or '')}".strip()
        disabled = " disabled" if component.get("disabled") else ""
        return f'<span class="button {_BUTTONS.get(component.get("style", 2), "secondary")}{disabled}">{label}</span>'
    if kind in _SELECTS:
        return f'<span class="select">{escape(component.get("placeholder") or "선택하세요")}<i>⌄</i></span>'
    return ""
