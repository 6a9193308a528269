"""The words of commands and answers, in the member's language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import hikari

from tracker.reports.catalogue import Translate, catalogue, locale_of

__all__ = ["command_texts", "translate"]

_FOLDER: Final = Path(__file__).parent / "locales"
_LANGUAGES: Final = {hikari.Locale.EN_US: "en", hikari.Locale.EN_GB: "en", hikari.Locale.KO: "ko"}


def translate(locale: str | None) -> Translate:
    """The texts in the language nearest to `locale`."""
    return catalogue(_FOLDER, locale_of(locale))


def command_texts(key: str) -> Mapping[hikari.Locale, str]:
    """lightbulb's localization provider: a command's name, description or choice in every language that we speak."""
    return {locale: catalogue(_FOLDER, language)(key) for locale, language in _LANGUAGES.items()}
