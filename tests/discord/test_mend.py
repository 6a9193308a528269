"""A snapshot is not lost for one member that is missing in it."""

from __future__ import annotations

from typing import Any

from tracker.discord.mend import mend_snapshot


def member(user: str) -> dict[str, Any]:
    return {"user": {"id": user}}


def test_a_whole_snapshot_stays_as_it_is() -> None:
    payload = {"id": "1", "members": [member("2")], "voice_states": [{"user_id": "2"}]}
    mend_snapshot(payload)
    assert payload == {"id": "1", "members": [member("2")], "voice_states": [{"user_id": "2"}]}


def test_a_member_that_only_the_state_carries_is_put_in() -> None:
    payload: dict[str, Any] = {"voice_states": [{"user_id": "2", "member": member("2")}]}
    mend_snapshot(payload)
    assert payload["members"] == [member("2")]
    assert len(payload["voice_states"]) == 1


def test_a_state_without_any_member_is_left_out() -> None:
    payload = {"id": "1", "members": [member("2")], "voice_states": [{"user_id": "3"}, {"user_id": "2"}]}
    mend_snapshot(payload)
    assert payload["voice_states"] == [{"user_id": "2"}]


def test_a_guild_with_nobody_in_voice_is_left_alone() -> None:
    payload: dict[str, Any] = {"id": "1"}
    mend_snapshot(payload)
    assert payload == {"id": "1"}
