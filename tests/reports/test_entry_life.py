"""Since when a scheduled report exists, and which one it was before its channel was changed."""

from __future__ import annotations

from typing import Any

from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import Ms
from tracker.reports.entry_life import EntryLife, family, heir, lives

DAILY = {"role_id": "7", "channel_id": "100"}
MOVED = {"role_id": "7", "channel_id": "200"}
THIRD = {"role_id": "7", "channel_id": "300"}
FOURTH = {"role_id": "7", "channel_id": "400"}
OTHER = {"role_id": "8", "channel_id": "100"}


def settings(*reports: dict[str, Any], **more: Any) -> GuildSettings:
    return parse_settings({"reports": list(reports), **more})


def life(*history: GuildSettings) -> list[tuple[str, int, int, tuple[str, ...]]]:
    """(key, since, formed, former keys) after these settings, one an instant."""
    found: tuple[EntryLife, ...] = lives((Ms(at), each) for at, each in enumerate(history, start=1))
    return [(e.entry.key, e.since, e.formed, e.former_keys) for e in found]


def test_an_entry_exists_since_the_settings_that_brought_it() -> None:
    assert life(settings(), settings(DAILY), settings(DAILY, OTHER), settings(DAILY, OTHER, bridge_s=5)) == [
        ("7:daily:100", 2, 2, ()),
        ("8:daily:100", 3, 3, ()),
    ]


def test_an_entry_that_was_taken_away_and_came_again_is_new() -> None:
    assert life(settings(DAILY), settings(), settings(DAILY)) == [("7:daily:100", 3, 3, ())]


def test_another_hour_or_zone_leaves_it_the_same_entry() -> None:
    later = DAILY | {"at": "09:00"}
    assert life(settings(DAILY), settings(later)) == [("7:daily:100", 1, 2, ())]
    assert life(settings(DAILY), settings(DAILY, timezone="Asia/Seoul")) == [("7:daily:100", 1, 2, ())]


def test_another_channel_leaves_it_the_same_entry_which_knows_its_former_keys() -> None:
    assert life(settings(DAILY), settings(MOVED)) == [("7:daily:200", 1, 2, ("7:daily:100",))]
    assert life(settings(DAILY), settings(MOVED), settings(DAILY)) == [("7:daily:100", 1, 3, ("7:daily:200",))]


def test_one_more_channel_is_a_new_entry() -> None:
    assert life(settings(DAILY), settings(MOVED, DAILY)) == [
        ("7:daily:200", 2, 2, ()),
        ("7:daily:100", 1, 1, ()),
    ]


def test_a_changed_period_is_a_new_entry() -> None:
    assert life(settings(DAILY), settings(DAILY | {"period": "weekly"})) == [("7:weekly:100", 2, 2, ())]


def test_two_that_move_at_once_keep_their_order() -> None:
    assert [e[3] for e in life(settings(DAILY, MOVED), settings(THIRD, FOURTH))] == [
        ("7:daily:100",),
        ("7:daily:200",),
    ]


def test_what_is_owed_follows_its_entry_into_another_channel() -> None:
    before = settings(DAILY, MOVED, OTHER)
    relatives = family(before.reports[0], before)
    assert relatives == ("7:daily:100", "7:daily:200")
    after = settings(THIRD, MOVED, FOURTH, OTHER)
    assert heir("7:daily:100", relatives, after) == after.reports[0]
    assert heir("7:daily:200", relatives, after) == after.reports[1]
    both = settings(THIRD, FOURTH)
    assert [heir(key, relatives, both) for key in relatives] == list(both.reports)


def test_what_is_owed_by_an_entry_that_is_gone_has_no_heir() -> None:
    before = settings(DAILY, MOVED)
    relatives = family(before.reports[0], before)
    assert heir("7:daily:100", relatives, settings(MOVED, OTHER)) is None
