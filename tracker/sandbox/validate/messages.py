"""Messages: content, embeds, nonce (https://discord.com/developers/docs/resources/message#create-message)."""

from __future__ import annotations

import re
from typing import Any

from tracker.sandbox.model import Json, MessageFlag
from tracker.sandbox.validate.components import check_components
from tracker.sandbox.validate.problems import Path, Problems
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["check_message"]

_SETTABLE = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.IS_COMPONENTS_V2
_URL = re.compile(r"(https?|attachment)://[^\s]+")
_TOTAL = 6000


def check_message(body: Json, *, files: int, extra_flags: int = 0, may_be_empty: bool = False) -> None:
    """Check a message's body. `extra_flags` may be set besides the usual ones (ephemeral in interactions).

    Raises ApiError: 50035 with every problem, or 50006 if there is nothing to show.
    """
    problems = Problems()
    problems.text(("content",), body.get("content"), high=2000)
    _check_embeds(problems, body.get("embeds"))
    v2 = bool(int(body.get("flags") or 0) & MessageFlag.IS_COMPONENTS_V2)
    check_components(problems, body.get("components"), v2=v2)
    flags = body.get("flags") or 0
    if not isinstance(flags, int) or flags & ~(_SETTABLE | extra_flags):
        problems.add(("flags",), "MESSAGE_FLAGS_INVALID", "The specified flags are invalid.")
    if v2 and any(body.get(key) for key in ("content", "embeds", "poll", "sticker_ids")):
        problems.add(
            ("content",),
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        )
    _check_nonce(problems, body)
    _check_mentions(problems, body.get("allowed_mentions"))
    if files > 10:
        problems.add(("attachments",), "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    problems.raise_if_any()
    has_something = any(body.get(key) for key in ("content", "embeds", "components", "sticker_ids", "poll")) or files
    if not has_something and not may_be_empty:
        raise ApiError(Refusal.EMPTY_MESSAGE)


def _check_nonce(problems: Problems, body: Json) -> None:
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > 25:
        problems.add(("nonce",), "NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer in length.")


def _check_mentions(problems: Problems, allowed: Any) -> None:
    if not isinstance(allowed, dict):
        return
    parse = allowed.get("parse") or []
    for kind in ("users", "roles"):
        problems.items(("allowed_mentions", kind), allowed.get(kind), high=100)
        if allowed.get(kind) and kind in parse:
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            problems.add(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)


def _check_embeds(problems: Problems, embeds: Any) -> None:
    """https://discord.com/developers/docs/resources/message#embed-object-embed-limits"""
    total = 0
    for index, embed in enumerate(problems.items(("embeds",), embeds, high=10)):
        path: Path = ("embeds", index)
        total += _check_embed(problems, path, problems.thing(path, embed))
    if total > _TOTAL:
        problems.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_TOTAL}")


def _check_embed(problems: Problems, path: Path, embed: Json) -> int:
    """Check one embed; returns how many characters of it count."""
    if not any(value not in (None, "", [], {}) for key, value in embed.items() if key not in ("type", "color")):
        problems.add((*path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
    texts = [
        problems.text((*path, "title"), embed.get("title"), high=256),
        problems.text((*path, "description"), embed.get("description"), high=4096),
    ]
    footer, author = (problems.thing((*path, key), embed.get(key)) for key in ("footer", "author"))
    if footer:
        texts.append(problems.text((*path, "footer", "text"), footer.get("text"), high=2048, required=True))
    if author:
        texts.append(problems.text((*path, "author", "name"), author.get("name"), high=256, low=1, required=True))
    for index, entry in enumerate(problems.items((*path, "fields"), embed.get("fields"), high=25)):
        here: Path = (*path, "fields", index)
        field = problems.thing(here, entry)
        texts.append(problems.text((*here, "name"), field.get("name"), high=256, required=True))
        texts.append(problems.text((*here, "value"), field.get("value"), high=1024, required=True))
        for key in ("name", "value"):
            if field.get(key) == "":
                problems.add((*here, key), "BASE_TYPE_REQUIRED", "This field is required")
    problems.number((*path, "color"), embed.get("color"), low=0, high=0xFFFFFF)
    _check_links(problems, path, embed)
    return sum(len(text.strip()) for text in texts if text)


def _check_links(problems: Problems, path: Path, embed: Json) -> None:
    places: list[tuple[Path, Any]] = [(("url",), embed.get("url"))]
    for key, link in (("image", "url"), ("thumbnail", "url"), ("footer", "icon_url"), ("author", "icon_url")):
        part = embed.get(key)
        places.append(((key, link), part.get(link) if isinstance(part, dict) else None))
        if part and link == "url" and not problems.thing((*path, key), part).get("url"):
            problems.add((*path, key, "url"), "BASE_TYPE_REQUIRED", "This field is required")
    for leaf, url in places:
        if url is not None and not _URL.fullmatch(str(url)):
            problems.add((*path, *leaf), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
