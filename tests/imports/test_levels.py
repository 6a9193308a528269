"""The leaderboards and exports of other bots are totals of members."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.imports.samples import ALEX, GUILD, JISOO, MINJUN, lurkr, mee6, polaris, text_of
from tracker.errors import EventFormatError
from tracker.imports.levels import FORMATS, Total, guilds_named, read_totals

EXP = {MINJUN: 12_345, JISOO: 678, ALEX: 0}


def read(plain: object, form: str) -> tuple[list[Total], list[str]]:
    file, refused = io.BytesIO(text_of(plain)), list[str]()
    guilds_named(file, form)
    return list(read_totals(file, form, lambda error: refused.append(str(error)))), refused


@pytest.mark.parametrize(("form", "plain"), [("mee6", mee6(EXP)), ("lurkr", lurkr(EXP)), ("polaris", polaris(EXP))])
def test_each_format_gives_members_and_their_exp(form: str, plain: object) -> None:
    totals, refused = read(plain, form)
    assert {t.user_id: t.exp for t in totals} == EXP
    assert [t.entry for t in totals] == [1, 2, 3]
    assert {t.name for t in totals} == ({"user20", "user21", "user22"} if form != "polaris" else {""})
    assert refused == []


def test_pages_of_mee6_may_be_in_a_list_and_so_may_players_alone() -> None:
    first, second = mee6({MINJUN: 1}), mee6({JISOO: 2})
    for plain in ([first, second], [*first["players"], *second["players"]], [{"id": "20", "xp": 1}, second]):
        totals, refused = read(plain, "mee6")
        assert ([(t.user_id, t.exp) for t in totals], refused) == ([(MINJUN, 1), (JISOO, 2)], [])


def test_the_server_is_read_from_the_file_where_it_is_in_it() -> None:
    def named(plain: object, form: str = "mee6") -> set[int]:
        return {int(g) for g in guilds_named(io.BytesIO(text_of(plain)), form)}

    assert (
        named(mee6(EXP)) == named([mee6(EXP)]) == named(mee6(EXP)["players"]) == named(lurkr(EXP), "lurkr") == {GUILD}
    )
    assert named(mee6(EXP, guild=None)) == named(polaris(EXP), "polaris") == set()
    assert named([mee6(EXP), mee6(EXP, guild=5)]) == {GUILD, 5}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("plain", [{}, {"other": []}, "text", 5, {"x": {"players": [], "levels": [], "users": {}}}])
def test_what_has_no_members_is_no_such_file(form: str, plain: object) -> None:
    with pytest.raises(EventFormatError, match="not a file of"):
        read(plain, form)


def test_the_file_of_another_bot_is_not_taken_for_this_ones() -> None:
    for form, plain in (("mee6", polaris(EXP)), ("polaris", mee6(EXP)), ("polaris", [mee6(EXP)]), ("lurkr", mee6(EXP))):
        with pytest.raises(EventFormatError, match="not a file of"):
            read(plain, form)


def test_every_bad_entry_is_named_by_its_number_and_the_others_are_read() -> None:
    bad: list[Any] = [
        {"id": "20", "xp": 5},
        None,
        {"xp": 5},
        {"id": "me", "xp": 5},
        {"id": "20"},
        {"id": "20", "xp": -1},
        {"id": "20", "xp": 1.5},
        {"id": "20", "xp": "5"},
        {"id": "20", "xp": True},
        {"id": "20", "xp": 1 << 60},
        {"id": "21", "xp": 7.0},
    ]
    totals, refused = read({"players": bad}, "mee6")
    assert [(t.user_id, t.exp) for t in totals] == [(20, 5), (21, 7)]
    assert [text.partition(": ")[0] for text in refused] == [f"player {n}" for n in range(2, 11)]
    assert refused[0] == "player 2: a player must be a JSON object, and is None"
    assert refused[5] == "player 7: xp must be a whole number from 0 on, and is 1.5"


def test_a_bad_key_of_polaris_is_named() -> None:
    totals, refused = read({"users": {"20": {"xp": 1}, "x": {"xp": 1}}}, "polaris")
    assert len(totals) == 1
    assert refused == ["user 2: its key must be an id (a string of digits), and is 'x'"]


@pytest.mark.parametrize(("form", "plain"), [("mee6", mee6(EXP)), ("lurkr", lurkr(EXP)), ("polaris", polaris(EXP))])
def test_a_file_that_is_cut_off_is_refused_after_the_entries_that_are_whole(form: str, plain: object) -> None:
    whole = text_of(plain)
    for cut in range(2, len(whole) - 1, 61):
        refused: list[str] = []
        totals = list(read_totals(io.BytesIO(whole[:cut]), form, lambda e: refused.append(str(e))))  # noqa: B023
        assert len(refused) == 1
        assert refused[0].startswith(f"after {FORMATS[form].word} {len(totals)}: not JSON, or cut off")


@given(st.binary(max_size=100), st.sampled_from(sorted(FORMATS)))
def test_no_bytes_whatever_do_more_than_be_refused(content: bytes, form: str) -> None:
    refused: list[EventFormatError] = []
    assert list(read_totals(io.BytesIO(content), form, refused.append)) == []
    try:
        guilds_named(io.BytesIO(content), form)
    except EventFormatError:
        return
    assert content.lstrip().startswith(b"[")
