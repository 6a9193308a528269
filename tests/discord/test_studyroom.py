"""`/studyroom`, from the click to the answer, with the real ingest on SQLite behind it."""

from __future__ import annotations

import pytest

from tests.discord.house import BoardHouse, check_embed, until
from tracker.discord.board_embeds import studyroom_embed
from tracker.errors import DatabaseError
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, Ms, UserId
from tracker.reports.boards import Occupant, Studyroom

HOUR, MINUTE = 3_600_000, 60_000


async def test_it_says_who_is_where_since_when_and_todays_total(house: BoardHouse) -> None:
    await house.open()
    clock, began = house.desk.clock, house.desk.clock.time
    house.world.join_voice(house.ana, house.talk)
    await house.in_rooms(1)
    clock.time += HOUR
    house.world.move_voice(house.ana, house.study)
    await until(lambda: house.in_voice().get(house.ana.id) == house.study.id)
    house.world.join_voice(house.minjun, house.talk)
    await house.in_rooms(2)
    clock.time += 25 * MINUTE
    message, call = await house.ask(house.minjun, "studyroom")
    (embed,) = message.embeds
    assert call.deferred
    assert not call.ephemeral
    assert embed["description"] == "2 members · 2 channels"
    since = (began + HOUR) // 1000
    assert [(f["name"], f["value"]) for f in embed["fields"]] == [
        ("🎙️대화 — 1", f"**민준** — <t:{since}:t> · 25 min today"),
        ("📝\\-공부방 — 1", f"**Ana** — <t:{since}:t> · 1 h 25 min today"),
    ]
    message, _ = await house.ask(house.ana, "studyroom", locale="ko")
    assert message.embeds[0]["title"] == "지금 접속 중"
    assert "오늘 1시간 25분" in str(message.embeds[0])


async def test_only_tracked_channels_are_shown_by_the_rules_in_force(house: BoardHouse) -> None:
    house.world.add_channel(house.guild, "대기실", kind="voice")
    await house.open()
    waiting = next(c for c in house.guild.channels.values() if c.name == "대기실")
    house.world.join_voice(house.ana, waiting)
    await house.in_rooms(1)
    message, _ = await house.ask(house.minjun, "studyroom")
    assert message.embeds[0]["description"] == "Nobody is in a channel that counts."
    assert not message.embeds[0].get("fields")
    house.fact(SettingsChanged(settings={"voice": {"ignore": {"patterns": []}}}))
    message, _ = await house.ask(house.minjun, "studyroom")
    assert [f["name"] for f in message.embeds[0]["fields"]] == ["대기실 — 1"]


async def test_totals_are_not_shown_where_boards_are_switched_off(house: BoardHouse) -> None:
    await house.open()
    house.fact(SettingsChanged(settings={"boards": {"enabled": False}}))
    house.world.join_voice(house.ana, house.talk)
    await house.in_rooms(1)
    message, _ = await house.ask(house.minjun, "studyroom")
    (field,) = message.embeds[0]["fields"]
    assert field["value"] == f"**Ana** — <t:{house.desk.clock.time // 1000}:t>"


async def test_three_hundred_with_hostile_names_fit(house: BoardHouse) -> None:
    names = [
        "*" * 32,
        "👩‍👩‍👧‍👦" * 4,
        "مرحبا" * 6,
        "@everyone",
        "https://evil.example",
        "`" * 32,
        "\u202eevil",
        "가" * 32,
    ]
    people = [house.world.add_member(house.guild, f"m{n}", nick=names[n % len(names)]) for n in range(300)]
    await house.open(302)
    for n, person in enumerate(people):
        house.world.join_voice(person, house.talk if n % 3 else house.study)
    await house.in_rooms(300)
    message, _ = await house.ask(house.ana, "studyroom")
    (embed,) = message.embeds
    check_embed(embed)
    assert embed["description"] == "300 members · 2 channels"
    values = [f["value"] for f in embed["fields"]]
    assert "@everyone" not in "".join(values)
    shown = sum(line.startswith("**") for value in values for line in value.split("\n"))
    left_out = sum(int(line.split()[1]) for value in values for line in value.split("\n") if line.startswith("and "))
    assert shown + left_out == 300
    assert shown >= 40


@pytest.mark.parametrize("locale", ["en-US", "ko"])
@pytest.mark.parametrize("name", ["*" * 100, "😀" * 100, "", "a"])
def test_many_channels_with_long_names_fit(locale: str, name: str) -> None:
    room = Studyroom(
        as_of=Ms(1_771_400_000_000),
        day_start=Ms(1_771_400_000_000),
        channels={ChannelId((1 << 62) + n): name for n in range(150)},
        occupants=tuple(
            Occupant(
                user_id=UserId((1 << 62) + n),
                name=name,
                channel_id=ChannelId((1 << 62) + n // 2),
                since=Ms(1_771_300_000_000),
                today_ms=86_399_999,
            )
            for n in range(300)
        ),
    )
    embed = studyroom_embed(room, locale, totals=True)
    check_embed(
        {
            "title": embed.title,
            "description": embed.description,
            "footer": {"text": embed.footer.text if embed.footer else ""},
            "fields": [{"name": f.name, "value": f.value} for f in embed.fields],
        }
    )
    assert len(embed.fields) >= 20
    assert "260" in (embed.description or ""), "what no field shows is said"


@pytest.mark.parametrize(
    ("locale", "said"), [("en-US", "My database cannot be reached"), ("ko", "데이터베이스에 연결할 수")]
)
async def test_a_database_that_is_away_is_told(
    house: BoardHouse, monkeypatch: pytest.MonkeyPatch, locale: str, said: str
) -> None:
    await house.open()

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr("store.studyroom.read_studyroom", away)
    message, _ = await house.ask(house.ana, "studyroom", locale=locale)
    assert said in message.content
