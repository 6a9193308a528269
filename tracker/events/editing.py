"""A settings document × a change → the next document. The one given is never touched; what is default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["put", "with_member"]

_DEFAULTS: Final[Mapping[tuple[str, ...], Any]] = {
    ("timezone",): "UTC",
    ("voice", "default"): {"every_s": 300, "exp": 1},
    ("voice", "ignore", "patterns"): ["대기|waiting", "관전|spectator", "afk"],
    ("messages", "exp_min"): 1,
    ("messages", "exp_max"): 1,
    ("messages", "cooldown_s"): 60,
    ("interactions", "exp"): 0,
    ("interactions", "cooldown_s"): 0,
}
"""SEMANTICS §8; lists that are not here are empty."""


def put(document: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The document with `value` at `path`.

    None and the default take the entry out, and with it the sections that it leaves empty.
    """
    return _put(document, path, None if value == _DEFAULTS.get(path, []) else value)


def _put(section: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    head, *rest = path
    if rest:
        value = _put(section.get(head, {}), tuple(rest), value) or None
    if value is None:
        return {key: kept for key, kept in section.items() if key != head}
    return {**section, head: value}


def with_member(document: Mapping[str, Any], path: tuple[str, ...], member: str, *, on: bool) -> dict[str, Any]:
    """The document with `member` in the list at `path`, once, or without it."""
    *sections, last = path
    section = document
    for step in sections:
        section = section.get(step, {})
    before = section.get(last, _DEFAULTS.get(path, []))
    if (member in before) is on:
        return dict(document)
    return put(document, path, [*before, member] if on else [entry for entry in before if entry != member])
