"""Texts in several languages: gettext `.po` files read as they are, without a build step.

A message's `msgid` is a stable key (`report.members`), its `msgstr` the text with named places (`{count}`), and a text
that depends on a number has plural forms, chosen by the value called `n`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

__all__ = ["DEFAULT_LOCALE", "LOCALES", "Translate", "catalogue", "locale_of"]

DEFAULT_LOCALE: Final = "en"
LOCALES: Final = ("en", "ko")


class Translate(Protocol):
    """Gives the text of a key with its places filled in. Raises KeyError for a key that no catalogue has."""

    def __call__(self, key: str, /, **values: Any) -> str:
        """The text of `key`; `n` chooses the plural form where there is one. Whole numbers are grouped (12,345)."""
        ...


def locale_of(name: str | None) -> str:
    """The language we speak that is nearest to `name` (`ko-KR`, `ko`, None…): English unless it is another of ours."""
    language = (name or "").replace("_", "-").partition("-")[0].lower()
    return language if language in LOCALES else DEFAULT_LOCALE


@lru_cache(maxsize=16)
def catalogue(folder: Path, locale: str) -> Translate:
    """The texts of `folder/<locale>.po`. Raises OSError or ValueError if the file is missing or malformed."""
    texts = _read(folder / f"{locale}.po", locale)

    def translate(key: str, /, **values: Any) -> str:
        forms = texts[key]
        form = forms[0] if len(forms) == 1 or values.get("n", 1) == 1 else forms[1]
        return form.format_map({k: f"{v:,}" if isinstance(v, int) else v for k, v in values.items()})

    return translate


def _read(path: Path, locale: str) -> Mapping[str, tuple[str, ...]]:
    from babel.messages.pofile import read_po  # only those who show texts pay for the import

    with path.open("rb") as file:
        messages = read_po(file, locale=locale, abort_invalid=True)
    texts = {}
    for message in messages:
        key, text = message.id, message.string
        if key:
            texts[key if isinstance(key, str) else key[0]] = (text,) if isinstance(text, str) else tuple(text or ())
    return texts
