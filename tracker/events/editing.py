"""A settings document × a change → the next document. The one given is never touched; what is default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["put", "with_member"]

_DEFAULTS: Final[Mapping[tuple[str, ...], Any]] = {
    ("timezone",): "UTC",
    ("voice", "default"): {"every_s": 300, "exp": 1},
    ("messages", "exp_min"): 1,
    ("messages", "exp_max"): 1,
    ("messages", "cooldown_s"): 60,
    ("interactions", "exp"): 0,
    ("interactions", "cooldown_s"): 0,
}
"""SEMANTICS §8. A value that is not here is always kept."""


def put(document: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The document with `value` at `path`.

    None, an empty list and the default take the entry out, and with it the sections that it leaves empty.
    """
    return _put(document, path, None if value == [] or value == _DEFAULTS.get(path) else value)


def _put(section: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    head, *rest = path
    if rest:
        value = _put(section.get(head, {}), tuple(rest), value) or None
    if value is None:
        return {key: kept for key, kept in section.items() if key != head}
    return {**section, head: value}


def with_member(document: Mapping[str, Any], path: tuple[str, ...], member: str, *, on: bool) -> dict[str, Any]:
    """The document with `member` in the list at `path`, once, or without it."""
    found: Any = document
    for step in path:
        found = found.get(step, {})
    others = [entry for entry in found or [] if entry != member]
    return put(document, path, [*others, member] if on else others)
