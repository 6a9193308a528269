"""Nicknames that show how far a member has come, by a guild's template."""

from __future__ import annotations

import re
from typing import Final

from tracker.events.level_rules import NICKNAME_PLACEHOLDERS
from tracker.graphemes import clusters, cut

__all__ = ["LONGEST", "nickname_for"]

LONGEST: Final = 32
"""Characters (code points) that Discord takes."""

_PLACEHOLDER: Final = re.compile(r"\{(" + "|".join(NICKNAME_PLACEHOLDERS) + r")\}")


def nickname_for(template: str, tier: str | None, name: str, level: int, exp: int) -> str:
    """`template` filled in, in at most 32 characters; what is too long is taken from the end of `name` first.

    `tier` None: the member holds none, and of a template that shows tiers only the name is left. White space comes
    out as Discord would make it: single spaces, none at the ends. Empty if nothing fits (a template of nothing but a
    name whose first character alone has more than 32 code points).
    """
    name = _tidy(name)
    if tier is None and "{tier}" in template:
        return cut(name, LONGEST).rstrip()
    values = {"tier": tier or "", "level": str(level), "exp": str(exp)}
    pieces = clusters(cut(name, LONGEST))
    for kept in range(len(pieces), -1, -1):
        filled = _filled(template, {**values, "name": "".join(pieces[:kept])})
        if len(filled) <= LONGEST:
            return filled
    return cut(filled, LONGEST).rstrip()


def _filled(template: str, values: dict[str, str]) -> str:
    """All placeholders at once: one that stands in a name is a part of that name."""
    return _tidy(_PLACEHOLDER.sub(lambda found: values[found[1]], template))


def _tidy(text: str) -> str:
    return " ".join(text.split())
