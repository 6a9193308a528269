"""`tracker settings show | apply | validate`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from store import log, queries
from store.engine import Database, open_database
from tests.cli.support import GUILD, MINJUN, VOICE, community, event, tracker, written
from tracker.cli.documents import complete, complete_toml, differences
from tracker.events.settings import parse_settings
from tracker.events.ticks import TrackerLost
from tracker.ids import GuildId, Partition

STUDY = """
timezone = "Asia/Seoul"
locale = "ko"
[voice.channels.123]
every_s = 60
exp = 2
[[multipliers.windows]]
percent = 200
from = 2026-03-07T00:00:00+09:00
to = 2026-03-09T00:00:00+09:00
[[reports]]
period = "weekly"
weekday = "mon"
at = 09:00:00
"""


def settings_file(tmp_path: Path, text: str = STUDY) -> Path:
    file = tmp_path / "study.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_applied_settings_are_in_force_and_can_be_shown_and_applied_again(database_url: str, tmp_path: Path) -> None:
    result = tracker("settings", "apply", settings_file(tmp_path), "--guild", GUILD, "--database", database_url)
    assert result.code == 0
    assert 'timezone: "UTC" -> "Asia/Seoul"' in result.out
    assert "voice.channels.123.every_s: nothing -> 60" in result.out
    shown = tracker("settings", "show", "--guild", GUILD, "--database", database_url).out
    plain = json.loads(
        tracker("settings", "show", "--guild", GUILD, "--format", "json", "--database", database_url).out
    )
    assert parse_settings(tomllib.loads(shown)).zone.key == "Asia/Seoul"
    assert plain["reports"][0]["at"] == "09:00"
    assert plain["multipliers"]["windows"][0]["from"] == "2026-03-07T00:00:00+09:00"
    again = tracker("settings", "apply", settings_file(tmp_path, shown), "--guild", GUILD, "--database", database_url)
    assert (again.code, again.out) == (0, "")
    assert tracker("check", "--database", database_url).code == 0


def test_the_same_document_again_changes_nothing(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    file = settings_file(tmp_path)
    tracker("settings", "apply", file, "--guild", GUILD, "--database", url)
    with_one = tracker("check", "--database", url).out
    again = tracker("settings", "apply", file, "--guild", GUILD, "--database", url)
    assert (again.out, again.err) == ("", "these settings are in force already\n")
    assert tracker("check", "--database", url).out == with_one


def test_applying_credits_no_time_to_those_whom_nobody_watched(database: Database, tmp_path: Path) -> None:
    """The bot was killed with a member in voice; settings are changed days later, before it is started again."""
    url = database.engine.url.render_as_string(hide_password=False)
    lines = [
        *community()[:-1],
        event("v1", "voice.flags_changed", "18T07:16:52", user=MINJUN, channel=VOICE, flags=["video"]),
    ]
    tracker("import", written(tmp_path / "e.jsonl", lines), "--database", url)
    assert tracker("settings", "apply", settings_file(tmp_path), "--guild", GUILD, "--database", url).code == 0
    rows = queries.daily_rows(database, GuildId(int(GUILD)), 20260201, 20991231)
    assert [r.voice_ms for r in rows if r.voice_ms] == [3_600_000]
    assert [type(r.event.data) for r in log.read(database, Partition(0))].count(TrackerLost) == 1
    assert tracker("check", "--database", url).code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('timezone = "Asia/Seul"', "settings: timezone: 'Asia/Seul' is no IANA time zone (such as Asia/Seoul)"),
        ("[voice.default]\nevery_s = 0\n", "settings: voice.default.every_s: "),
        ('tiemzone = "UTC"', "settings: tiemzone: there is no such key"),
        ("timezone = ", "study.toml: "),
    ],
)
def test_a_wrong_document_is_refused_naming_the_key_and_those_in_force_stay(
    tmp_path: Path, text: str, problem: str
) -> None:
    url = str(tmp_path / "t.db")
    tracker("settings", "apply", settings_file(tmp_path), "--guild", GUILD, "--database", url)
    before = tracker("settings", "show", "--guild", GUILD, "--database", url).out
    wrong = settings_file(tmp_path, text)
    for result in (
        tracker("settings", "apply", wrong, "--guild", GUILD, "--database", url),
        tracker("settings", "validate", wrong),
    ):
        assert (result.code, result.out) == (2, "")
        assert problem in result.err
        assert result.err.count("\n") == 1
    assert tracker("settings", "show", "--guild", GUILD, "--database", url).out == before


def test_validating_says_what_applying_would_change_and_changes_nothing(tmp_path: Path) -> None:
    file, url = settings_file(tmp_path), str(tmp_path / "t.db")
    assert tracker("settings", "validate", file).err == f"{file}: good\n"
    open_database(url).close()
    result = tracker("settings", "validate", file, "--guild", GUILD, "--database", url)
    assert 'locale: nothing -> "ko"' in result.out
    assert tracker("settings", "validate", file, "--guild", GUILD, "--database", url).out == result.out


def test_the_settings_of_an_unknown_guild_are_the_defaults(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    open_database(url).close()
    shown = tracker("settings", "show", "--guild", GUILD, "--database", url).out
    assert complete(tomllib.loads(shown)) == complete({})


def test_no_voice_rule_is_shown_in_toml_as_a_rule_that_gives_nothing() -> None:
    assert tomllib.loads(complete_toml({"voice": {"default": None}}))["voice"]["default"] == {"every_s": 300, "exp": 0}


def test_differences_name_each_value() -> None:
    before = {"voice": {"default": {"exp": 1}}, "tiers": {"list": [{"name": "Bronze", "role_id": "5", "min_level": 1}]}}
    after = {"voice": {"default": {"exp": 2}}}
    assert differences(before, before) == []
    changed = differences(before, after)
    assert changed[1] == "voice.default.exp: 1 -> 2"
    assert changed[0].startswith('tiers.list: [{"name": "Bronze"')
