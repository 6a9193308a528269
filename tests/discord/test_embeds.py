"""A report's embed says what the report says, and never breaks a limit of Discord's."""

from __future__ import annotations

import hikari
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.discord.reports import DAY, entry, report
from tracker.discord.embeds import FIELD_LIMIT, MOST_FIELDS, TITLE_LIMIT, TOTAL_LIMIT, length, report_embed
from tracker.ids import Ms

NASTY = [
    "\u202e" + "*_~`|" * 6 + "@@",
    "👩\u200d👩\u200d👧\u200d👦" * 8,
    "<@1>" * 8,
    "שלום" * 8,
    "\u200b",
    "𝕏" * 32,
    "[a](http://b)" * 3,
    "-" * 32,
    "가" * 32,
    "\n",
]


def everything(embed: hikari.Embed) -> list[str]:
    parts = [embed.title or "", embed.description or "", embed.footer.text or "" if embed.footer else ""]
    return parts + [part for field in embed.fields for part in (field.name, field.value)]


def assert_within_limits(embed: hikari.Embed) -> None:
    assert length(embed.title or "") <= TITLE_LIMIT
    assert len(embed.fields) <= MOST_FIELDS
    assert all(0 < length(f.value) <= FIELD_LIMIT and 0 < length(f.name) <= 256 for f in embed.fields)
    assert sum(length(part) for part in everything(embed)) <= TOTAL_LIMIT


@pytest.mark.parametrize("locale", ["en", "ko", None, "fr"])
def test_the_worst_names_fit(locale: str | None) -> None:
    embed = report_embed(report(NASTY, role_name="#" * 100, as_of=Ms(DAY.end - 5), away_ms=999_999), locale)
    assert_within_limits(embed)
    assert not any("@everyone" in part for part in everything(embed))


@given(st.lists(st.text(max_size=120), min_size=10, max_size=10), st.text(max_size=120), st.sampled_from(["en", "ko"]))
def test_whatever_people_are_called_it_fits(names: list[str], role: str, locale: str) -> None:
    assert_within_limits(report_embed(report(names, role_name=role), locale))


def test_it_says_the_figures_in_english() -> None:
    embed = report_embed(report(["Ana", "민준", "Cho", "Dan"], away_ms=600_000), "en-US")
    assert embed.title == "스터디: daily report"
    fields = {f.name: f.value for f in embed.fields}
    assert fields["At a glance"].splitlines() == [
        "👥 Active **21 of 24 (88%)**",
        "🎧 Total voice **24 h** ▼ 20 min",
        "⏱️ Average per active member **1 h 8 min**",
        "🚪 Sessions **60** ▲ 3",
        "💬 Messages **321** ±0",
        "⌨️ Interactions **4** ▼ 1",
        "✨ EXP **999** ▲ 12,345",
    ]
    top = fields["Top 4"].splitlines()
    assert [line.split()[0] for line in top[::2]] == ["🥇", "🥈", "🥉", "`"]
    assert top[:2] == ["🥇 **Ana** — 1 h", "`████████` 12 messages · 24 EXP"]
    assert "away for 10 min" in (embed.description or "")
    assert len(fields["Low activity · 3 did nothing"].splitlines()) == 4


def test_it_says_them_in_korean() -> None:
    embed = report_embed(report(["민준"]), "ko")
    assert embed.title == "스터디 일간 활동 보고서"
    assert "2026년 2월 18일" in (embed.description or "")
    assert any("24시간" in f.value for f in embed.fields)


def test_nobody_is_said_to_be_nobody() -> None:
    embed = report_embed(report([], members=0, active=0), "en")
    assert any(f.value == "Nobody has this role." for f in embed.fields)
    embed = report_embed(report([], active=0), "en")
    assert any(f.value == "Nobody was active in this period." for f in embed.fields)


def test_the_hours_in_which_most_were_in_voice_come_first() -> None:
    hours = [0] * 24
    hours[9], hours[23], hours[0], hours[7] = 60_000, 7_200_000, 120_000, 1
    embed = report_embed(report(["Ana"], hours=tuple(hours)), "en")
    fields = {f.name: f.value for f in embed.fields}
    assert fields["Busiest hours"].splitlines() == [
        "🕘 **23:00–24:00** — 2 h",
        "🕘 **00:00–01:00** — 2 min",
        "🕘 **09:00–10:00** — 1 min",
    ]


def test_bars_are_as_long_as_the_figure_that_made_the_order() -> None:
    top = (entry(1, "Ana", voice_ms=8_000_000), entry(2, "Ben", voice_ms=4_100_000), entry(3, "Cho", voice_ms=0))
    lines = report_embed(report([], top=top), "en").fields[1].value.splitlines()
    assert [line.count("█") for line in lines[1::2]] == [8, 4, 0]
    talkers = tuple(entry(n, "x", voice_ms=0, exp=0, messages=40 // n) for n in (1, 2))
    lines = report_embed(report([], top=talkers), "en").fields[1].value.splitlines()
    assert lines == ["🥇 **x** — 40 messages", "`████████`", "🥈 **x** — 20 messages", "`████░░░░`"]


def test_who_may_not_see_members_sees_none() -> None:
    shown = everything(report_embed(report(["Ana", "Ben"]), "en", top=False, low=False))
    assert not any("Ana" in part or "Ben" in part for part in shown)
    assert "21 of 24" in " ".join(shown)


def test_in_a_small_group_those_who_did_much_are_not_told_of_as_doing_little() -> None:
    names = ["Ana", "Ben", "Cho", "Dan"]
    entries = tuple(entry(n, name, voice_ms=3_600_000 // n) for n, name in enumerate(names, start=1))
    embed = report_embed(report([], members=4, top=entries, low=entries), "en")
    (low,) = (f.value for f in embed.fields if f.name.startswith("Low activity"))
    assert [name for name in names if name in low] == ["Cho", "Dan"]
    nothing = {"voice_ms": 0, "messages": 0, "interactions": 0, "exp": 0}
    idle = tuple(entry(n, name, **nothing) for n, name in enumerate(names, start=1))
    embed = report_embed(report([], members=4, active=0, low=idle), "en")
    (low,) = (f.value for f in embed.fields if f.name.startswith("Low activity"))
    assert [name for name in names if name in low] == names


def test_a_report_that_is_late_says_when_it_was_due() -> None:
    shown = report_embed(report(["Ana"]), "en", late_since=Ms(DAY.end + 60_000)).description or ""
    assert "This report is late: it was due 19 Feb, 00:01." in shown


def test_a_member_whose_name_was_never_seen_is_mentioned_by_id() -> None:
    embed = report_embed(report([""]), "en")
    assert any("<@1001>" in f.value for f in embed.fields)


def test_a_window_that_is_not_over_says_so() -> None:
    embed = report_embed(report(["Ana"], as_of=Ms(DAY.start + 3_600_000)), "en")
    assert "Not over yet" in (embed.description or "")
    assert embed.footer is not None
    assert embed.footer.text == "▲▼ Change from the whole day before"
    assert embed.timestamp is not None
    assert embed.timestamp.timestamp() * 1000 == DAY.start + 3_600_000
