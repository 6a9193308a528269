"""A guild whose figures differ from the log is told so once, in its language, and nobody else is."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from store.engine import Database
from tests.discord.house import units
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD, HOUR
from tests.store.test_outlook import owe
from tracker.discord.notice_figures import FigureNotices, FiguresPost, figures_embed, render_figures
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, GuildId, Ms
from tracker.ingest.outlook import Outlook
from tracker.ingest.reader import Reader
from tracker.verify_worker import GuildVerdict, Verdict, WrongFigure

LOG = ChannelId(900)
SUNDAY = Ms(1_771_786_800_000)  # 2026-02-22 19:00 UTC
WRONG = WrongFigure(table="daily", column="voice_ms", user_id="20", day=20260218, live="52", replayed="51")
HERE = GuildVerdict(guild_id=GUILD, differences=3, first=(WRONG,))
ELSEWHERE = GuildVerdict(guild_id=99, differences=1, first=(WRONG,))


@dataclass
class Office:
    """Guilds whose notices are kept."""

    desk: Desk
    notices: FigureNotices = field(init=False)
    owed: dict[str, tuple[GuildId, ChannelId, FiguresPost]] = field(default_factory=dict)

    async def owe(self, guild: GuildId, channel: ChannelId, *, key: str, payload: str) -> bool:
        post = msgspec.json.decode(payload, type=FiguresPost)
        return self.owed.setdefault(key, (guild, channel, post))[2] is post


@pytest.fixture
async def office(database: Database, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Office]:
    caplog.set_level(logging.WARNING, logger="tracker.notice")
    desk = make_desk(database)
    reader = Reader(database, desk.clock)
    office = Office(desk=desk)
    office.notices = FigureNotices(desk.ingest, Outlook(database, reader, desk.ingest.health), office.owe)
    desk.ingest.accept(desk.fact(SettingsChanged(settings={"locale": "ko", "log_channel_id": str(LOG)}), None, None))
    yield office
    reader.close()
    await desk.ingest.close(10)


async def test_the_guilds_concerned_are_told_in_their_log_channel_once_a_week(office: Office) -> None:
    verdict = Verdict(events=1_000, guilds=(HERE,))
    for hours in (0, 1, 24, 6 * 24):
        await office.notices.tell(verdict, Ms(SUNDAY + hours * HOUR))
    assert list(office.owed) == [f"figures:{GUILD}:2026-W08", f"figures:{GUILD}:2026-W09"]
    first = office.owed[f"figures:{GUILD}:2026-W08"]
    assert first == (GUILD, LOG, FiguresPost(at=SUNDAY, events=1_000, differences=3, more=False, first=(WRONG,)))


async def test_without_a_log_channel_or_one_that_takes_posts_only_the_log_says_it(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    owe(office.desk.database, "start:1", "blocked", guild_id=GUILD, channel_id=LOG, kind="start")
    await office.notices.tell(Verdict(events=1, guilds=(HERE, ELSEWHERE)), SUNDAY)
    assert office.owed == {}
    assert caplog.messages == [
        f"guild {GUILD}: 3 figures are not what the log says", "guild 99: 1 figures are not what the log says",
    ]  # fmt: skip


def post(**more: object) -> FiguresPost:
    about: dict[str, object] = {"at": SUNDAY, "events": 12_345, "differences": 3, "more": False, "first": (WRONG,)}
    return FiguresPost(**{**about, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("locale", "title", "about", "line", "remedy"),
    [
        (
            "en",
            "Some figures differ from the event log",
            "The regular check counted 12,345 events anew and found 3 values of this server that are not what the "
            "events say. The events themselves are all there.",
            "• `daily.voice_ms` <@20> 2026-02-18: shown 52, by the events 51",
            "`tracker replay`",
        ),
        (
            "ko",
            "이벤트 기록과 다른 수치가 있습니다",
            "정기 점검에서 이벤트 12,345개를 처음부터 다시 집계해 보니, 이 서버의 값 3개가 이벤트 기록과 다릅니다. "
            "이벤트 기록 자체는 온전합니다.",
            "• `daily.voice_ms` <@20> 2026-02-18: 표시된 값 52, 기록상 값 51",
            "`tracker replay`",
        ),
    ],
)
def test_it_says_what_differs_and_what_to_do(locale: str, title: str, about: str, line: str, remedy: str) -> None:
    embed = render_figures(post().text(), locale)
    assert (embed.title, embed.description) == (title, about)
    assert embed.fields[0].value == line
    assert remedy in embed.fields[1].value


def test_that_there_may_be_more_is_said() -> None:
    assert "at least 3 values" in str(figures_embed(post(more=True), "en").description)
    assert "3개 이상" in str(figures_embed(post(more=True), "ko").description)


def test_what_people_wrote_is_harmless_and_short_and_a_whole_row_has_no_column() -> None:
    said = "@everyone **x**"
    name = WrongFigure(table="members", column="name", user_id="20", day=None, live=said, replayed="y" * 500)
    row = WrongFigure(table="roles", column="", user_id=None, day=None, live="", replayed="('a',)")
    first, second = figures_embed(post(first=(name, row)), "en").fields[0].value.splitlines()
    assert first.startswith("• `members.name` <@20>: shown @\u200beveryone \\*\\*x\\*\\*, by the events yyy")
    assert len(first) < 120
    assert second == "• `roles`: shown nothing, by the events \\('a',\\)"


def test_the_longest_notice_fits_into_an_embed() -> None:
    value, user = "😀*" * 99, "9" * 20
    longest = WrongFigure(
        table="season_totals", column="interaction_award_at", user_id=user, day=20260218, live=value, replayed=value
    )
    embed = figures_embed(post(first=(longest,) * 5), "ko")
    assert all(units(field.value) <= 1024 for field in embed.fields)
