"""Buttons, menus and layout (https://discord.com/developers/docs/components/reference)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tracker.sandbox.model import Json
from tracker.sandbox.validate.problems import Path, Problems

__all__ = ["ComponentType", "check_components", "check_modal"]


class ComponentType(IntEnum):
    """What a component is."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17


_SELECTS = (3, 5, 6, 7, 8)
_TOP_V2 = (1, 9, 10, 12, 13, 14, 17)
_IN_CONTAINER = (1, 9, 10, 12, 13, 14)
_IN_ROW = (2, *_SELECTS)
_MOST_V2 = 40
_LINK, _PREMIUM = 5, 6


@dataclass(slots=True, kw_only=True)
class _Seen:
    problems: Problems
    ids: set[str] = field(default_factory=set)
    count: int = 0
    characters: int = 0


def check_components(problems: Problems, components: Any, *, v2: bool) -> None:
    """Check a message's components; with `v2` it is made of them (IS_COMPONENTS_V2), else it has at most five rows."""
    seen = _Seen(problems=problems)
    top = problems.items(("components",), components, high=_MOST_V2 if v2 else 5)
    _check_list(seen, ("components",), top, _TOP_V2 if v2 else (1,))
    if v2 and seen.count > _MOST_V2:
        problems.add(
            ("components",),
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            f"The total number of components is {seen.count}, at most {_MOST_V2}",
        )
    if seen.characters > 4000:
        problems.add(
            ("components",),
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            "Components displayable text size exceeds maximum size of 4000",
        )


def check_modal(problems: Problems, data: Json) -> None:
    """https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal"""
    problems.text(("data", "custom_id"), data.get("custom_id"), low=1, high=100, required=True)
    problems.text(("data", "title"), data.get("title"), low=1, high=45, required=True)
    problems.items(("data", "components"), data.get("components") or [], low=1, high=5)


def _check_list(seen: _Seen, path: Path, components: Sequence[Any], allowed: Sequence[int]) -> None:
    for index, component in enumerate(components):
        here: Path = (*path, index)
        if not isinstance(component, dict):
            seen.problems.add(here, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        elif seen.problems.one_of((*here, "type"), component.get("type"), allowed):
            seen.count += 1
            _check_one(seen, here, component)


def _check_one(seen: _Seen, path: Path, component: Json) -> None:
    kind = ComponentType(component["type"])
    inner: Path = (*path, "components")
    if kind is ComponentType.ACTION_ROW:
        parts = seen.problems.items(inner, component.get("components") or [], low=1, high=5)
        _check_list(seen, inner, parts, _IN_ROW)
        if len(parts) > 1 and any(part.get("type") in _SELECTS for part in parts if isinstance(part, dict)):
            seen.problems.add(
                inner, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width"
            )
    elif kind is ComponentType.CONTAINER:
        _check_list(
            seen, inner, seen.problems.items(inner, component.get("components") or [], low=1, high=40), _IN_CONTAINER
        )
    elif kind is ComponentType.SECTION:
        _check_list(seen, inner, seen.problems.items(inner, component.get("components") or [], low=1, high=3), (10,))
        accessory = component.get("accessory") or {}
        if seen.problems.one_of((*path, "accessory", "type"), accessory.get("type"), (2, 11)):
            seen.count += 1
            _check_one(seen, (*path, "accessory"), accessory)
    elif kind is ComponentType.TEXT_DISPLAY:
        seen.characters += len(
            seen.problems.text((*path, "content"), component.get("content"), low=1, high=4000, required=True) or ""
        )
    elif kind is ComponentType.BUTTON:
        _check_button(seen, path, component)
    elif kind in _SELECTS:
        _check_select(seen, path, component)


def _check_id(seen: _Seen, path: Path, component: Json) -> None:
    custom_id = seen.problems.text((*path, "custom_id"), component.get("custom_id"), low=1, high=100, required=True)
    if custom_id is not None and custom_id in seen.ids:
        seen.problems.add(
            (*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )
    seen.ids.add(custom_id or "")


def _check_button(seen: _Seen, path: Path, button: Json) -> None:
    style = button.get("style")
    if not seen.problems.one_of((*path, "style"), style, (1, 2, 3, 4, _LINK, _PREMIUM)):
        return
    seen.problems.text((*path, "label"), button.get("label"), high=80)
    if style == _LINK:
        seen.problems.text((*path, "url"), button.get("url"), low=1, high=512, required=True)
    elif style != _PREMIUM:
        _check_id(seen, path, button)
    if style != _PREMIUM and not button.get("label") and not button.get("emoji"):
        seen.problems.add((*path, "label"), "BUTTON_COMPONENT_INVALID", "A button must have a label or emoji")


def _check_select(seen: _Seen, path: Path, select: Json) -> None:
    _check_id(seen, path, select)
    seen.problems.text((*path, "placeholder"), select.get("placeholder"), high=150)
    seen.problems.number((*path, "min_values"), select.get("min_values"), low=0, high=25)
    seen.problems.number((*path, "max_values"), select.get("max_values"), low=1, high=25)
    if select["type"] != ComponentType.STRING_SELECT:
        return
    here: Path = (*path, "options")
    values: set[str] = set()
    for index, option in enumerate(seen.problems.items(here, select.get("options") or [], low=1, high=25)):
        seen.problems.text((*here, index, "label"), option.get("label"), low=1, high=100, required=True)
        seen.problems.text((*here, index, "description"), option.get("description"), high=100)
        value = seen.problems.text((*here, index, "value"), option.get("value"), low=1, high=100, required=True)
        if value in values:
            seen.problems.add(
                (*here, index, "value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        values.add(value or "")
