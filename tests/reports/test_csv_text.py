"""The full list as a file: what Excel and a program that reads it find."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.ids import Ms, UserId
from tracker.reports.csv_text import csv_name, full_list_csv
from tracker.reports.model import MemberEntry
from tracker.reports.window import between, containing

WEEK = containing("weekly", 20260218, ZoneInfo("Asia/Seoul"))


def entry(name: str = "민준", **figures: int) -> MemberEntry:
    nothing = dict.fromkeys(("voice_ms", "sessions", "average_session_ms", "messages", "interactions", "exp"), 0)
    return MemberEntry(
        rank=1, user_id=UserId(1_100_000_000_000_000_021), name=name, last_seen=None, **{**nothing, **figures}
    )


def read(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def test_the_bytes_are_what_excel_expects_and_the_headings_are_in_the_language_of_the_guild() -> None:
    did = entry(voice_ms=450_189_999, sessions=3, average_session_ms=150_063_333, messages=12, interactions=1, exp=-5)
    did = MemberEntry(**{f: getattr(did, f) for f in did.__slots__} | {"last_seen": Ms(1_771_395_412_000)})
    file = full_list_csv([did], WEEK, "ko").decode()
    assert file == (
        "\ufeff순위,멤버,사용자 ID,음성 시간,음성 시간 (ms),접속,평균 접속 시간,메시지,명령어,경험치,"
        "마지막 활동 (Asia/Seoul)\r\n"
        "1,민준,\t1100000000000000021,125:03:09,450189999,3,41:41:03,12,1,-5,2026-02-18 15:16:52\r\n"
    )
    assert full_list_csv([], WEEK, "en-GB").decode("utf-8-sig").startswith("#,Member,User ID,Voice,Voice (ms),")


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "−", "\t=", "\r=", "\n@", " \u200b="])
def test_a_name_that_a_spreadsheet_would_reckon_with_begins_with_an_apostrophe(begins: str) -> None:
    ((_, shown, *_),) = read(full_list_csv([entry(f"{begins}HYPERLINK(1)")], WEEK, None))[1:]
    assert shown.startswith("'")
    assert shown.endswith("HYPERLINK(1)")


@given(name=st.text(max_size=40))
def test_every_name_stays_in_its_cell_and_on_its_line(name: str) -> None:
    file = full_list_csv([entry(name), entry("after")], WEEK, None)
    lines = read(file)
    assert [len(line) for line in lines] == [11, 11, 11]
    assert lines[2][1] == "after"
    assert file.count(b"\r\n") == 3
    assert int(lines[1][2]) == 1_100_000_000_000_000_021
    kept = lines[1][1].removeprefix("'")
    assert kept[:1] not in {*"=+-@"} or lines[1][1].startswith("'")
    assert name.isprintable() is False or " ".join(name.split()) in (kept, lines[1][1])


def test_the_name_of_the_file_says_which_days() -> None:
    assert csv_name(WEEK) == "activity-2026-02-16-to-2026-02-22.csv"
    assert csv_name(between(20260201, 20260201, WEEK.zone)) == "activity-2026-02-01.csv"
