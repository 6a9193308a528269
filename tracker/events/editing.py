"""A settings document × a change → the next document. The one given is never touched; what is default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tracker.events.settings_model import Document

__all__ = ["put", "with_member"]

_DEFAULTS: Final[Mapping[str, Any]] = msgspec.to_builtins(Document())
_KEPT: Final = {("locale",)}
"""English that was asked for is another thing than no language: then it is the server's own."""


def put(document: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The document with `value` at `path`.

    None and the default take the entry out, and with it the sections that it leaves empty.
    """
    return _put(document, path, None if path not in _KEPT and value == _default(path) else value)


def _put(section: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    head, *rest = path
    if rest:
        value = _put(section.get(head, {}), tuple(rest), value) or None
    if value is None:
        return {key: kept for key, kept in section.items() if key != head}
    return {**section, head: value}


def _default(path: tuple[str, ...]) -> Any:
    """What the model takes for granted at `path`; None for an entry that nothing is taken for granted of."""
    section: Any = _DEFAULTS
    for step in path:
        section = section.get(step) if isinstance(section, Mapping) else None
    return section


def with_member(document: Mapping[str, Any], path: tuple[str, ...], member: str, *, on: bool) -> dict[str, Any]:
    """The document with `member` in the list at `path`, once, or without it."""
    *sections, last = path
    section = document
    for step in sections:
        section = section.get(step, {})
    before = section.get(last, _default(path) or [])
    if (member in before) is on:
        return dict(document)
    return put(document, path, [*before, member] if on else [entry for entry in before if entry != member])
