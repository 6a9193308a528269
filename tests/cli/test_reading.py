"""`tracker report` and `tracker activity` on a database into which history was imported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.support import ALEX, DAY, GUILD, JISOO, MINJUN, ROLE, TEXT, VOICE, community, event, tracker, written

SECONDS_BEFORE_MIDNIGHT = 8 * 3600 + 43 * 60 + 8


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> str:
    """A database with the community's history."""
    assert tracker("import", written(tmp_path / "e.jsonl", community()), "--database", database_url).code == 0
    return database_url


@pytest.fixture(scope="module")
def file_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same in one SQLite file for all tests of what is shown and what is refused."""
    folder = tmp_path_factory.mktemp("reading")
    url = f"sqlite:///{folder / 'tracker.db'}"
    assert tracker("import", written(folder / "e.jsonl", community()), "--database", url).code == 0
    return url


def row(user: str, day: str, channel: str | None, **counts: int) -> dict[str, object]:
    names = (
        "voice_ms", "sessions", "messages", "interactions",
        "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted",
    )  # fmt: skip
    return {"guild_id": GUILD, "user_id": user, "day": day, "channel_id": channel, **dict.fromkeys(names, 0), **counts}


def test_daily_rows_are_sorted_and_split_at_the_guilds_midnight(url: str) -> None:
    result = tracker("activity", "--guild", GUILD, "--from", DAY, "--to", "2026-02-19", "--json", "--database", url)
    assert json.loads(result.out) == [
        row(MINJUN, DAY, VOICE, voice_ms=SECONDS_BEFORE_MIDNIGHT * 1000, sessions=1, exp_voice=104),
        row(JISOO, DAY, None, exp_adjusted=50),
        row(JISOO, DAY, TEXT, messages=1, exp_messages=1),
        row(MINJUN, "2026-02-19", VOICE, voice_ms=(36_000 - SECONDS_BEFORE_MIDNIGHT) * 1000, sessions=1, exp_voice=16),
    ]


def test_the_last_day_is_included_and_no_other(file_url: str) -> None:
    def days(first: str, last: str) -> list[str]:
        result = tracker("activity", "--guild", GUILD, "--from", first, "--to", last, "--json", "--database", file_url)
        return sorted({r["day"] for r in json.loads(result.out)})

    assert days("2026-02-17", "2026-02-18") == ["2026-02-18"]
    assert days("2026-02-19", "2026-02-19") == ["2026-02-19"]
    assert days("2026-02-20", "2026-03-20") == []


def test_an_open_session_counts_up_to_the_newest_event(database_url: str, tmp_path: Path) -> None:
    lines = [*community()[:-1], event("message:2", "message.sent", "18T07:16:52", user=ALEX, channel=TEXT)]
    tracker("import", written(tmp_path / "e.jsonl", lines), "--database", database_url)
    result = tracker("activity", "--guild", GUILD, "--from", DAY, "--to", DAY, "--json", "--database", database_url)
    assert json.loads(result.out)[0] == row(MINJUN, DAY, VOICE, voice_ms=3_600_000, sessions=1, exp_voice=12)


def test_the_table_speaks_the_language_of_the_guild_and_shows_names_as_they_are(file_url: str) -> None:
    shown = tracker("activity", "--guild", GUILD, "--from", DAY, "--to", DAY, "--database", file_url).out
    assert all(text in shown for text in ("음성 시간", "민준", "🎙️대화", "8시간 43분", "직접 조정", "2026-02-18"))
    empty = tracker("activity", "--guild", GUILD, "--from", "2026-03-01", "--to", "2026-03-01", "--database", file_url)
    assert empty.out == "이 기간에는 활동이 없습니다.\n"


def test_a_report_has_the_figures_of_the_role(url: str) -> None:
    result = tracker("report", "--guild", GUILD, "--role", ROLE, "--date", DAY, "--json", "--database", url)
    plain = json.loads(result.out)
    expected = {
        "role": "스터디", "members": 3, "active": 2, "active_percent": 67,
        "total_voice_ms": SECONDS_BEFORE_MIDNIGHT * 1000, "messages": 1, "exp": 155,
    }  # fmt: skip
    assert {key: plain[key] for key in expected} == expected
    assert plain["average_voice_ms"] == SECONDS_BEFORE_MIDNIGHT * 500
    assert [e["user_id"] for e in plain["top"]] == [MINJUN, JISOO]
    assert [e["user_id"] for e in plain["low_activity"]] == [MINJUN, JISOO, ALEX]
    assert (plain["timezone"], plain["complete"], plain["away_ms"]) == ("Asia/Seoul", True, 0)


def test_a_session_over_midnight_is_one_in_each_day_and_one_in_the_week(file_url: str) -> None:
    def sessions(*arguments: str) -> int:
        result = tracker("report", "--guild", GUILD, "--role", ROLE, *arguments, "--json", "--database", file_url)
        return int(json.loads(result.out)["sessions"])

    assert sessions("--date", DAY) == 1
    assert sessions("--date", "2026-02-19") == 1
    assert sessions("--period", "weekly", "--date", DAY) == 1
    assert sessions("--period", "monthly", "--date", DAY) == 1
    assert sessions("--from", "2026-02-18", "--to", "2026-02-19") == 1


def test_a_change_is_from_the_day_before_and_the_last_known_day_is_the_default(file_url: str) -> None:
    result = tracker("report", "--guild", GUILD, "--role", "스터디", "--json", "--database", file_url)
    plain = json.loads(result.out)
    assert (plain["from"], plain["complete"]) == ("2026-02-19", False)
    assert plain["change"]["total_voice_ms"] == (36_000 - 2 * SECONDS_BEFORE_MIDNIGHT) * 1000
    assert plain["change"]["exp"] == 16 - 155


def test_a_report_is_shown_as_tables_in_the_language_of_the_guild(file_url: str) -> None:
    shown = tracker("report", "--guild", GUILD, "--role", ROLE, "--date", DAY, "--database", file_url).out
    expected = (
        "스터디 일간 활동 보고서",
        "2026년 2월 18일 (수)",
        "3명 중 2명 (67%)",
        "활동 상위 2명",
        "[bold]Alex",
        "전날 대비",
    )
    assert [text for text in expected if text not in shown] == []


def test_a_report_can_be_written_as_a_picture_and_as_a_table_beside_what_is_shown(url: str, tmp_path: Path) -> None:
    png, csv = tmp_path / "week.png", tmp_path / "week.csv"
    asked = ("report", "--guild", GUILD, "--role", ROLE, "--period", "weekly", "--date", DAY, "--database", url)
    shown = tracker(*asked, "--png", png, "--csv", csv)
    assert (shown.code, shown.out) == (0, tracker(*asked).out)
    with Image.open(png) as picture:
        assert picture.format == "PNG"
        assert picture.width < picture.height
    lines = csv.read_bytes().decode("utf-8-sig").split("\r\n")
    assert lines[0].startswith("순위,멤버,")
    assert lines[1] == "1,민준,\t20,10:00:00,36000000,1,10:00:00,0,0,120,2026-02-19 01:16:52"
    assert [line.split(",")[1] for line in lines[2:4]] == ["지수", "[bold]Alex"]
    assert lines[4:] == [""]


@pytest.mark.parametrize("option", ["--png", "--csv"])
def test_a_file_that_cannot_be_written_is_named(file_url: str, tmp_path: Path, option: str) -> None:
    result = tracker("report", "--guild", GUILD, option, tmp_path / "no" / "file", "--database", file_url)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"tracker: {tmp_path / 'no' / 'file'} cannot be written: No such file or directory\n"


def test_without_a_role_it_is_about_everyone(file_url: str) -> None:
    assert tracker("report", "--guild", GUILD, "--date", DAY, "--database", file_url).out.startswith("전체 멤버 일간")
    everyone = tracker("report", "--guild", GUILD, "--role", GUILD, "--date", DAY, "--json", "--database", file_url)
    assert json.loads(everyone.out)["members"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("report", "--guild", "11"), 1, "11"),
        (("report", "--guild", "x"), 2, "'x' is not an id"),
        (("report", "--guild", GUILD, "--role", "41"), 1, "41"),
        (("report", "--guild", GUILD, "--role", "Studio"), 1, "'Studio'"),
        (("report", "--guild", GUILD, "--date", "2026-02-30"), 2, "2026-02-30"),
        (("report", "--guild", GUILD, "--from", DAY), 2, "--to"),
        (("report", "--guild", GUILD, "--from", "2026-02-19", "--to", DAY), 2, "wrong way round"),
        (("activity", "--guild", "11", "--from", DAY, "--to", DAY), 1, "11"),
        (("activity", "--guild", GUILD, "--from", "2026-02-19", "--to", DAY), 2, "wrong way round"),
        (("activity", "--guild", GUILD, "--from", "soon", "--to", DAY), 2, "soon"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_said_in_one_sentence(
    file_url: str, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = tracker(*arguments, "--database", file_url)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("tracker: ")
    assert result.err.count("\n") == 1
    assert sentence in result.err


def test_reading_makes_no_database(tmp_path: Path) -> None:
    missing = tmp_path / "no.db"
    for arguments in (("activity", "--from", DAY, "--to", DAY), ("report",), ("settings", "show")):
        result = tracker(*arguments, "--guild", GUILD, "--database", missing)
        assert (result.code, result.err) == (1, f"tracker: database {missing} is not there\n")
    for arguments in (("check",), ("replay",), ("export",)):
        assert tracker(*arguments, "--database", missing).code == 1
    assert not missing.exists()
