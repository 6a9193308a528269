"""Event data to JSON and back, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import DATA
from tracker.errors import EventFormatError
from tracker.events.codec import DATA_TYPES, data_from_json, data_to_json, decode_data, read_id
from tracker.events.envelope import Data
from tracker.events.settings import parse_settings


@given(data=st.one_of(*DATA.values()))
def test_data_survives_the_way_to_json_and_back(data: Data) -> None:
    text = data_to_json(data)
    assert data_from_json(data.TYPE, data.VERSION, text) == data
    assert data_to_json(data_from_json(data.TYPE, data.VERSION, text)) == text


def test_there_is_a_strategy_for_every_event_type() -> None:
    assert {cls.TYPE: cls for cls in DATA} == DATA_TYPES


@given(data=st.one_of(*DATA.values()))
def test_an_unknown_key_is_refused_by_its_name(data: Data) -> None:
    plain = json.loads(data_to_json(data)) | {"colour": 1}
    with pytest.raises(EventFormatError, match=r"unknown data key 'colour'"):
        decode_data(data.TYPE, data.VERSION, plain)


@pytest.mark.parametrize("cls", DATA_TYPES.values(), ids=DATA_TYPES)
def test_what_has_no_default_must_be_there_and_the_rest_may_be_left_out(cls: type[Any]) -> None:
    needed = [f.name for f in cls.__dataclass_fields__.values() if f.default is f.default_factory]
    if not needed:
        assert decode_data(cls.TYPE, 1, {}) == cls()
        return
    with pytest.raises(EventFormatError, match=rf"data\.{needed[0]} is missing"):
        decode_data(cls.TYPE, 1, {})


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("voice.joined", {"flags": "mute"}, "data.flags must be a list of voice flags"),
    ("voice.joined", {"flags": ["loud"]}, "data.flags must be a list of voice flags"),
    ("voice.joined", {"flags": [["mute"]]}, "data.flags must be a list of voice flags"),
    ("voice.joined", {"flags": None}, "data.flags must be a list of voice flags"),
    ("voice.joined", {"reason": "guess"}, "data.reason must be one of gateway, observed"),
    ("voice.joined", {"reason": 1}, "data.reason must be one of gateway, observed"),
    ("voice.moved", {"from_channel_id": "0"}, "data.from_channel_id must be an id"),
    ("voice.moved", {"from_channel_id": "-5"}, "data.from_channel_id must be an id"),
    ("voice.moved", {"from_channel_id": "٣"}, "data.from_channel_id must be an id"),
    ("voice.moved", {"from_channel_id": str(1 << 63)}, "data.from_channel_id must be an id"),
    ("voice.moved", {"from_channel_id": True}, "data.from_channel_id must be an id"),
    ("voice.moved", {"from_channel_id": None}, "data.from_channel_id must be an id"),
    ("message.sent", {"attachments": 1.0}, "data.attachments must be a whole number"),
    ("message.sent", {"attachments": True}, "data.attachments must be a whole number"),
    ("message.sent", {"attachments": 10**14}, "data.attachments must be a whole number"),
    ("message.sent", {"reply": 0}, "data.reply must be true or false"),
    ("message.sent", {"thread_id": "x"}, "data.thread_id must be an id (a string of digits) or null"),
    ("exp.adjusted", {"amount": -(10**40)}, "data.amount must be a whole number"),
    ("exp.adjusted", {"amount": "5"}, "data.amount must be a whole number"),
    ("member.renamed", {"name": "a\x00b"}, "data.name must be text"),
    ("member.renamed", {"name": None}, "data.name must be text"),
    ("member.roles_changed", {"role_ids": "12"}, "data.role_ids must be a list of ids"),
    ("member.roles_changed", {"role_ids": {"1": 2}}, "data.role_ids must be a list of ids"),
    ("member.roles_changed", {"role_ids": [None]}, "data.role_ids must be a list of ids"),
    ("settings.changed", {"settings": []}, "settings: document: must be an object of settings"),
    ("settings.changed", {"settings": {"timezone": "Mars"}}, "settings: timezone: 'Mars' is no IANA time zone"),
]


@pytest.mark.parametrize(("kind", "plain", "says"), WRONG)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(kind: str, plain: dict[str, Any], says: str) -> None:
    with pytest.raises(EventFormatError) as caught:
        decode_data(kind, 1, plain)
    assert str(caught.value).startswith(f"{kind}: {says}")
    assert caught.value.line is None


@pytest.mark.parametrize("plain", [None, [], "x", 5])
def test_data_that_is_no_object_is_refused(plain: object) -> None:
    with pytest.raises(EventFormatError, match="data must be an object"):
        decode_data("voice.left", 1, plain)


def test_an_unknown_type_and_a_version_from_the_future_are_refused() -> None:
    with pytest.raises(EventFormatError, match=r"unknown event type 'voice\.sung'"):
        decode_data("voice.sung", 1, {})
    with pytest.raises(EventFormatError, match=r"version 2 is not known here \(1 to 1\); update tracker"):
        decode_data("voice.left", 2, {})


@pytest.mark.parametrize("text", ["", "{", b"\xff", '{"name":NaN}', "[" * 100_000])
def test_stored_text_that_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(EventFormatError, match="data is not JSON"):
        data_from_json("member.renamed", 1, text)


def test_role_ids_are_read_ascending_and_once() -> None:
    data = decode_data("member.roles_changed", 1, {"role_ids": ["30", 4, "4"]})
    assert data_to_json(data) == '{"role_ids":["4","30"]}'


def test_ids_are_read_from_digits_and_from_whole_numbers() -> None:
    assert read_id("0042") == read_id(42) == 42
    assert read_id(str((1 << 63) - 1)) == (1 << 63) - 1


@given(kind=st.sampled_from(sorted(DATA_TYPES)), plain=st.data())
def test_no_json_value_makes_the_reader_fail_otherwise(kind: str, plain: st.DataObject) -> None:
    names = list(DATA_TYPES[kind].__dataclass_fields__) or ["x"]  # type: ignore[attr-defined]
    value = plain.draw(st.dictionaries(st.sampled_from(names) | st.text(max_size=3), JSON, max_size=4))
    try:
        data = decode_data(kind, 1, value)
    except EventFormatError:
        return
    assert data_from_json(kind, 1, data_to_json(data)) == data


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.integers(-5, 1 << 64).map(str)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def test_a_settings_document_is_kept_as_it_was_written() -> None:
    document = {"timezone": "Asia/Seoul", "voice": {"channels": {"12": {"every_s": 60}}}}
    data = decode_data("settings.changed", 1, {"settings": document, "by": "5"})
    assert (
        data_to_json(data)
        == '{"settings":{"timezone":"Asia/Seoul","voice":{"channels":{"12":{"every_s":60}}}},"by":"5"}'
    )
    assert parse_settings(document).voice_channels[12].every_ms == 60_000
