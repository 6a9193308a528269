"""One event per line of JSON: what is written is read back, and a bad line is refused by its number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import DATA, EVENTS, line_of
from tests.events.test_codec import JSON
from tracker.errors import EventFormatError
from tracker.events.codec import DATA_TYPES
from tracker.events.envelope import NO_GUILD, Data, Event
from tracker.events.exchange import MAX_LINE, from_line, to_line
from tracker.events.member import MemberRenamed
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.ticks import TrackerTicked
from tracker.events.voice import VoiceJoined
from tracker.ids import MessageId, Ms

GOOD: dict[str, Any] = {
    "id": "a1",
    "type": "voice.joined",
    "guild_id": "10",
    "user_id": "20",
    "channel_id": "30",
    "occurred_at": "2026-02-18T06:16:52.000Z",
    "data": {"flags": [], "reason": "gateway"},
}


@given(event=EVENTS)
def test_an_event_survives_the_way_to_a_line_and_back(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert from_line(line) == event
    assert from_line(line.encode(), number=3) == event
    assert to_line(from_line(line)) == line


def test_the_line_of_the_semantics_page_is_read() -> None:
    event = from_line(json.dumps(GOOD))
    assert (event.id, event.guild_id, event.user_id, event.channel_id) == ("a1", 10, 20, 30)
    assert event.occurred_at == 1_771_395_412_000
    assert event.data == VoiceJoined()


def test_version_data_and_nulls_may_be_left_out() -> None:
    event = from_line('{"id":"x","type":"tracker.lost","guild_id":"10","occurred_at":"2026-02-18T15:16:52+09:00"}')
    assert (event.user_id, event.channel_id, event.occurred_at) == (None, None, 1_771_395_412_000)


def test_a_tick_has_no_guild() -> None:
    event = from_line(line_of(TrackerTicked(as_of=Ms(1_771_395_412_345))))
    assert event.guild_id == NO_GUILD
    assert '"guild_id":null' in to_line(event)


@given(data=st.one_of(*DATA.values()))
def test_every_type_has_a_line(data: Data) -> None:
    assert from_line(line_of(data)).data == data


def _changed(**keys: object) -> str:
    return json.dumps({**GOOD, **keys})


def _without(key: str) -> str:
    return json.dumps({k: v for k, v in GOOD.items() if k != key})


BAD: list[tuple[str | bytes, str]] = [
    ("", "not JSON"),
    ("voice.joined", "not JSON"),
    (json.dumps(GOOD)[:-1], "not JSON"),
    (json.dumps(GOOD) + "}", "not JSON"),
    (b'{"id":"\xff"}', "not JSON"),
    ('{"id":"\\ud800"}', "not JSON"),
    ("[" * 200_000, "not JSON"),
    ('{"id":' * 100_000, "not JSON"),
    (_changed(occurred_at=float("nan")), "not JSON"),
    ("[]", "not a JSON object"),
    ("null", "not a JSON object"),
    (_changed(colour="red"), "unknown key 'colour'"),
    (_changed(position=5), "unknown key 'position'"),
    (json.dumps(GOOD)[:-1] + ',"id":"a2"}', "key 'id' is there twice"),
    (json.dumps(GOOD)[:-1] + ' , "id" : "a1"}', "key 'id' is there twice"),
    (_changed(data={}).replace("{}", '{"flags":[],"flags":["mute"]}'), "key 'flags' is there twice"),
    (_without("type"), "type is missing"),
    (_changed(type="voice.sung"), "unknown event type 'voice.sung'"),
    (_changed(type=["voice.joined"]), "unknown event type ['voice.joined']"),
    (_changed(type="v" * 100_000), "unknown event type 'vvv"),
    (_changed(version=2), "voice.joined: version 2 is not known here"),
    (_changed(version=0), "voice.joined: version 0 is not known here"),
    (_changed(version="1"), "version must be a whole number"),
    (_changed(version=True), "version must be a whole number"),
    (_changed(version=1.0), "version must be a whole number"),
    (_changed(version=10**20), "voice.joined: version 100000000000000000000 is not known here"),
    (_without("id"), "id must be text of 1 to 100 characters"),
    (_changed(id=""), "id must be text of 1 to 100 characters"),
    (_changed(id=7), "id must be text of 1 to 100 characters"),
    (_changed(id="a" * 101), "id must be text of 1 to 100 characters"),
    (_changed(id="a\x00"), "id must be text of 1 to 100 characters"),
    (_changed(id="a\n"), "id must be text of 1 to 100 characters"),
    (_without("guild_id"), "guild_id is missing"),
    (_without("user_id"), "user_id is missing"),
    (_without("channel_id"), "channel_id is missing"),
    (_changed(user_id=None), "user_id is missing"),
    (_changed(guild_id=""), "guild_id must be an id"),
    (_changed(guild_id="0"), "guild_id must be an id"),
    (_changed(guild_id=-1), "guild_id must be an id"),
    (_changed(guild_id=1 << 63), "guild_id must be an id"),
    (_changed(guild_id=10**400), "guild_id must be an id"),
    (_changed(guild_id="N").replace('"N"', "9" * 5000), "not JSON"),
    (_changed(guild_id="9" * 5000), "guild_id must be an id"),
    (_changed(user_id="20 "), "user_id must be an id"),
    (_changed(user_id=20.0), "user_id must be an id"),
    (_changed(user_id=["20"]), "user_id must be an id"),
    (_changed(channel_id="²"), "channel_id must be an id"),
    (_without("occurred_at"), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at=1_771_395_412_000), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at="2026-02-18T06:16:52"), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at="2026-02-30T06:16:52Z"), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at="yesterday"), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at="0001-01-01T00:00:00+23:59"), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at="9999-12-31T23:59:59-23:59"), "occurred_at must be an RFC 3339 instant"),
    (_changed(occurred_at="2014-12-31T23:59:59Z"), "occurred_at must be an RFC 3339 instant"),
    (_changed(data=[]), "voice.joined: data must be an object"),
    (_changed(data=None), "voice.joined: data must be an object"),
    (_changed(data={"volume": 1}), "voice.joined: unknown data key 'volume'"),
    (_changed(data={"flags": ["loud"]}), "voice.joined: data.flags must be"),
    (line_of(MessageSent()).replace("message:", "message:0"), "id 'message:0147"),
    (line_of(MessageSent()).replace("message:", "msg:"), "id 'msg:1470000000000000001' is not"),
    (line_of(MessageSent()).replace("message:1470000000000000001", f"message:{1 << 63}"), "id 'message:92"),
    (line_of(MessageDeleted(message_id=MessageId(5))).replace('d:5"', 'd:6"'), "id must be `message-deleted:"),
    (line_of(TrackerTicked(as_of=Ms(1_771_395_412_345))).replace("tick:0:", "tick:x:"), "id 'tick:x:"),
    (line_of(TrackerTicked(as_of=Ms(1_771_395_412_345))).replace("tick:0:1", "tick:0:2"), "a tick's id must be"),
    (line_of(TrackerTicked(as_of=Ms(1_771_395_412_345))).replace('"guild_id":null', '"guild_id":"10"'), "a tick's id"),
    (line_of(TrackerTicked(as_of=Ms(1_771_395_412_345))).replace(".345Z", ".344Z"), "a tick's as_of must be"),
    (line_of(MemberRenamed(name="x" * MAX_LINE)), "longer than 1048576 bytes"),
]


@pytest.mark.parametrize(("line", "says"), BAD, ids=range(len(BAD)))
def test_a_bad_line_is_refused_by_its_number_in_one_sentence(line: str | bytes, says: str) -> None:
    with pytest.raises(EventFormatError) as caught:
        from_line(line, number=17)
    assert str(caught.value).startswith(f"line 17: {says}")
    assert caught.value.line == 17
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


def test_a_name_that_looks_like_a_key_is_no_second_key() -> None:
    name = '":":"name":,"id" : "data"'
    line = line_of(MemberRenamed(name=name))
    assert from_line(line).data == MemberRenamed(name=name)


def _check(line: str | bytes) -> None:
    """Reads the line or has it refused by its number; anything else that is raised fails the test."""
    try:
        event = from_line(line, number=1)
    except EventFormatError as error:
        refused_at = error.line
    else:
        assert from_line(to_line(event)) == event
        refused_at = 1
    assert refused_at == 1


@given(line=st.text() | st.binary())
def test_no_text_makes_the_reader_fail_otherwise(line: str | bytes) -> None:
    _check(line)


@given(key=st.sampled_from([*GOOD, "version", "extra"]), value=JSON)
def test_no_json_value_in_an_envelope_makes_the_reader_fail_otherwise(key: str, value: object) -> None:
    _check(_changed(**{key: value}))


@given(event=EVENTS, cut=st.integers(0, 400), patch=st.binary(max_size=6))
def test_no_damage_to_a_good_line_makes_the_reader_fail_otherwise(event: Event, cut: int, patch: bytes) -> None:
    line = to_line(event).encode()
    _check(line[:cut] + patch + line[cut + len(patch) :])
    _check(line[:cut] + patch)


@given(kind=st.sampled_from(sorted(DATA_TYPES)), data=st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_no_json_data_makes_the_reader_fail_otherwise(kind: str, data: dict[str, Any]) -> None:
    _check(_changed(type=kind, data=data))
