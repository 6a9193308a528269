"""Application commands (https://discord.com/developers/docs/interactions/application-commands)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from tracker.sandbox.model import Json
from tracker.sandbox.validate.problems import Path, Problems
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["LOCALES", "check_command", "check_commands"]

_LANGUAGES = (
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN "
    "ja zh-TW ko"
)
LOCALES = frozenset(_LANGUAGES.split())
"""https://discord.com/developers/docs/reference#locales"""

_CHAT_INPUT, _ENTRY_POINT = 1, 4
_SUB, _GROUP = 1, 2
_MOST = {1: 100, 2: 15, 3: 15, 4: 1}
_LARGEST = 8000
_CHANNEL_TYPES = (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16)


def check_commands(commands: Any) -> None:
    """Check a bulk overwrite. Raises ApiError: 50035, or 30032 if there are too many."""
    problems = Problems()
    if not isinstance(commands, list):
        raise ApiError(
            Refusal.INVALID_FORM,
            errors={"_errors": [{"code": "LIST_TYPE_CONVERT", "message": "Only iterables may be used in a ListType"}]},
        )
    for kind, most in _MOST.items():
        if sum(1 for command in commands if command.get("type", 1) == kind) > most:
            raise ApiError(Refusal.TOO_MANY_COMMANDS)
    names: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        _check(problems, (index,), command)
        key = (command.get("type", 1), str(command.get("name")))
        if key in names:
            problems.add(
                (index, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
            )
        names.add(key)
    problems.raise_if_any()


def check_command(command: Json) -> None:
    """Check one command. Raises ApiError 50035."""
    problems = Problems()
    _check(problems, (), command)
    problems.raise_if_any()


def _check(problems: Problems, path: Path, command: Json) -> None:
    kind = command.get("type", _CHAT_INPUT)
    if not problems.one_of((*path, "type"), kind, (1, 2, 3, 4)):
        return
    if kind == _CHAT_INPUT:
        _check_name(problems, (*path, "name"), command.get("name"))
        problems.text((*path, "description"), command.get("description"), low=1, high=100, required=True)
        _check_options(problems, (*path, "options"), command.get("options"), depth=0)
    else:
        problems.text((*path, "name"), command.get("name"), low=1, high=32, required=True)
        if command.get("description"):
            problems.add(
                (*path, "description"),
                "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED",
                "Context menu commands cannot have description",
            )
    _check_localisations(problems, path, command, is_name=kind == _CHAT_INPUT)
    permissions = command.get("default_member_permissions")
    if permissions is not None and not str(permissions).isdigit():
        problems.add((*path, "default_member_permissions"), "BASE_TYPE_INVALID", "Not a permission bit set.")
    for context in problems.items((*path, "contexts"), command.get("contexts"), high=3):
        problems.one_of((*path, "contexts"), context, (0, 1, 2))
    for integration in problems.items((*path, "integration_types"), command.get("integration_types"), high=2):
        problems.one_of((*path, "integration_types"), integration, (0, 1))
    if _size(command) > _LARGEST:
        problems.add(path or ("_",), "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({_LARGEST})")


def _check_name(problems: Problems, path: Path, name: Any) -> None:
    """`^[-_'\\p{L}\\p{N}\\p{sc=Deva}\\p{sc=Thai}]{1,32}$`, in lower case where the script has one."""
    if problems.text(path, name, low=1, high=32, required=True) is None:
        return
    if name != name.lower() or not all(_may_be_in_name(character) for character in name):
        problems.add(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _may_be_in_name(character: str) -> bool:
    category = unicodedata.category(character)
    if character in "-_'" or category[0] in "LN":
        return True
    return category[0] == "M" and unicodedata.name(character, "").startswith(("DEVANAGARI", "THAI"))


def _check_localisations(problems: Problems, path: Path, thing: Json, *, is_name: bool) -> None:
    for locale, text in (thing.get("name_localizations") or {}).items():
        here: Path = (*path, "name_localizations", locale)
        problems.one_of(here, locale, sorted(LOCALES))
        if is_name:
            _check_name(problems, here, text)
        else:
            problems.text(here, text, low=1, high=32, required=True)
    for locale, text in (thing.get("description_localizations") or {}).items():
        here = (*path, "description_localizations", locale)
        problems.one_of(here, locale, sorted(LOCALES))
        problems.text(here, text, low=1, high=100, required=True)


def _check_options(problems: Problems, path: Path, options: Any, *, depth: int) -> None:
    names: set[str] = set()
    optional_seen = False
    items = problems.items(path, options, high=25)
    kinds = {option.get("type") in (_SUB, _GROUP) for option in items}
    if len(kinds) == 2:
        problems.add(
            path,
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive to all other types",
        )
    for index, option in enumerate(items):
        here: Path = (*path, index)
        _check_name(problems, (*here, "name"), option.get("name"))
        problems.text((*here, "description"), option.get("description"), low=1, high=100, required=True)
        _check_localisations(problems, here, option, is_name=True)
        if option.get("name") in names:
            problems.add(
                (*here, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists"
            )
        names.add(str(option.get("name")))
        if option.get("required") and optional_seen:
            problems.add(
                (*here, "required"),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")
        _check_option(problems, here, option, depth=depth)


def _check_option(problems: Problems, path: Path, option: Json, *, depth: int) -> None:
    kind = option.get("type")
    if not problems.one_of((*path, "type"), kind, range(1, 12)):
        return
    if (kind == _GROUP and depth > 0) or (kind == _SUB and depth > 1):
        problems.add((*path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Invalid nesting of sub-commands")
    if kind in (_SUB, _GROUP):
        if kind == _GROUP and not option.get("options"):
            problems.add((*path, "options"), "BASE_TYPE_REQUIRED", "This field is required")
        _check_options(problems, (*path, "options"), option.get("options"), depth=depth + 1)
        return
    if option.get("options"):
        problems.add((*path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Only sub-commands have options")
    if option.get("autocomplete") and (option.get("choices") or kind not in (3, 4, 10)):
        problems.add(
            (*path, "autocomplete"),
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
            "Autocomplete cannot be used here",
        )
    for channel_type in problems.items((*path, "channel_types"), option.get("channel_types"), high=len(_CHANNEL_TYPES)):
        problems.one_of((*path, "channel_types"), channel_type, _CHANNEL_TYPES)
    problems.number((*path, "min_length"), option.get("min_length"), low=0, high=6000)
    problems.number((*path, "max_length"), option.get("max_length"), low=1, high=6000)
    _check_choices(problems, (*path, "choices"), option.get("choices"), kind=int(kind or 0))


def _check_choices(problems: Problems, path: Path, choices: Any, *, kind: int) -> None:
    items = problems.items(path, choices, high=25)
    if items and kind not in (3, 4, 10):
        problems.add(
            path, "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "Choices are not allowed for this option type"
        )
    seen: set[str] = set()
    for index, choice in enumerate(items):
        here: Path = (*path, index)
        name = problems.text((*here, "name"), choice.get("name"), low=1, high=100, required=True)
        for locale, text in (choice.get("name_localizations") or {}).items():
            problems.one_of((*here, "name_localizations", locale), locale, sorted(LOCALES))
            problems.text((*here, "name_localizations", locale), text, low=1, high=100)
        value = choice.get("value")
        if kind == 3:
            problems.text((*here, "value"), value, low=1, high=100, required=True)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            problems.add((*here, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')
        if name in seen:
            problems.add(
                (*here, "name"),
                "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS",
                "Option choice name already exists",
            )
        seen.add(name or "")


def _longest(thing: Json, key: str) -> int:
    texts: Sequence[str] = [str(thing.get(key) or ""), *map(str, (thing.get(f"{key}_localizations") or {}).values())]
    return max(len(text) for text in texts)


def _size(thing: Json) -> int:
    """The characters that count: names, descriptions and string values, each in its longest localisation."""
    size = _longest(thing, "name") + _longest(thing, "description")
    for choice in thing.get("choices") or ():
        size += _longest(choice, "name") + len(str(choice.get("value", "")))
    return size + sum(_size(option) for option in thing.get("options") or ())
