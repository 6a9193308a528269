"""Generated settings documents, around an instant."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tracker.clock import from_ms

__all__ = ["BASES", "CATEGORIES", "CHANNELS", "ROLES", "TEXT_CHANNELS", "documents"]

BASES = (
    ("Asia/Seoul", "2026-03-07T21:30:00+09:00"),
    ("America/New_York", "2026-03-07T22:00:00-05:00"),  # clocks go from 02:00 to 03:00 in the night
    ("America/New_York", "2026-10-31T22:00:00-04:00"),  # and back from 02:00 to 01:00
    ("Australia/Lord_Howe", "2026-04-04T22:30:00+11:00"),  # back by half an hour, 02:00 to 01:30
    ("Australia/Lord_Howe", "2026-10-03T22:30:00+10:30"),  # forth by half an hour
)
"""Zones with an evening before a night worth looking at."""

CHANNELS = (201, 202, 203, 204, 205)
TEXT_CHANNELS = (221, 222)
CATEGORIES = (301, 302)
ROLES = (401, 402, 403)

_RULE = st.fixed_dictionaries(
    {}, optional={"every_s": st.sampled_from([20, 60, 61, 300, 900, 3600, 20_000]), "exp": st.integers(0, 9)}
)
_PERCENT = st.sampled_from([0, 50, 99, 100, 133, 150, 200, 1000])


def _keyed(ids: tuple[int, ...], value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(ids).map(str), value, max_size=2)


def _some(ids: tuple[int, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(ids).map(str), max_size=1)


_VOICE = st.fixed_dictionaries(
    {},
    optional={
        "default": st.none() | _RULE,
        "channels": _keyed(CHANNELS, _RULE),
        "categories": _keyed(CATEGORIES, _RULE),
        "ignore": st.fixed_dictionaries(
            {},
            optional={
                "patterns": st.sampled_from([[], ["공부"], ["대기|waiting", "^general$"], ["^$"]]),
                "channels": _some(CHANNELS),
                "categories": _some(CATEGORIES),
            },
        ),
        "require": st.fixed_dictionaries(
            {},
            optional={
                "min_members": st.sampled_from([1, 1, 2, 3]),
                "undeafened": st.sampled_from([True, True, False]),
                "unmuted": st.sampled_from([True, True, False]),
            },
        ),
    },
)


@st.composite
def _messages(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 3))
    return {
        "exp_min": low,
        "exp_max": low + draw(st.integers(0, 10)),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "cooldown_s": st.sampled_from([0, 1, 60, 3600]),
                    "revoke_s": st.sampled_from([0, 1, 300, 86_400]),
                    "ignore_channels": _some(TEXT_CHANNELS),
                },
            )
        ),
    }


@st.composite
def _windows(draw: st.DrawFn, begin: int) -> list[dict[str, Any]]:
    cuts = sorted(draw(st.sets(st.integers(0, 48 * 60), min_size=2, max_size=4)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return [
        {"percent": draw(_PERCENT), "from": _text(begin + a * 60_000), "to": _text(begin + b * 60_000)}
        for a, b in pairs
    ]


def _text(ms: int) -> str:
    return from_ms(ms).isoformat(timespec="milliseconds")


def documents(zone: str, begin: int) -> st.SearchStrategy[dict[str, Any]]:
    """Documents mostly of this zone (half of them), with timed windows in the two days after `begin`."""
    zones = st.sampled_from([zone] * 5 + ["UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu"])
    return st.fixed_dictionaries(
        {"timezone": zones},
        optional={
            "bridge_s": st.sampled_from([0, 300, 600, 3600]),
            "voice": _VOICE,
            "messages": _messages(),
            "interactions": st.fixed_dictionaries(
                {"exp": st.integers(0, 5)}, optional={"cooldown_s": st.sampled_from([0, 30, 3600])}
            ),
            "multipliers": st.fixed_dictionaries(
                {},
                optional={
                    "channels": _keyed(CHANNELS + TEXT_CHANNELS, _PERCENT),
                    "roles": _keyed(ROLES, _PERCENT),
                    "windows": _windows(begin),
                },
            ),
        },
    )
