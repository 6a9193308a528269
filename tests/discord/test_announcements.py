"""Levels are told as the guild wants it: once, to whom it concerns, in the words of its template."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from PIL import Image

import store.deliveries
from store.deliveries import Delivery, NewDelivery
from tests.discord.house import BoardHouse, until
from tests.discord.reports import report
from tests.discord.wire import CannedReader
from tracker.discord.bot import Front
from tracker.discord.desk import ReportDesk
from tracker.discord.outbox import Outbox, ReportPost
from tracker.discord.posts_level import LevelPost, LevelPosts
from tracker.errors import DatabaseError
from tracker.events.member import MemberOptedOut
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import ChannelId, MessageId, UserId
from tracker.ingest.posts import Posts
from tracker.ingest.reader import Reader
from tracker.sandbox import Member, Message, Overwrite, Permission

POST = "POST /channels/{channel}/messages"


class FragilePosts(Posts):
    """`broken`: it cannot be noted that something was sent."""

    broken = False

    async def mark_sent(self, owed: store.deliveries.Tried, message_id: MessageId) -> None:
        if self.broken:
            raise DatabaseError("away")
        await super().mark_sent(owed, message_id)


class Hall:
    """The town with its database and an outbox; announcements go into its text channel unless told otherwise."""

    def __init__(self, house: BoardHouse) -> None:
        self.house = house
        self.posts, self.outbox = self.new_process()
        self.exp: dict[int, int] = {}

    def new_process(self) -> tuple[FragilePosts, Outbox]:
        """What another process would have: it knows what is noted, and nothing else."""
        house = self.house
        self.posts = FragilePosts(house.desk.database, house.desk.ingest)
        desk = ReportDesk(house.desk.ingest, CannedReader(answer=report(["Ana"])))
        self.outbox = Outbox(rest=house.front.rest, intake=house.desk.ingest, reports=desk, deliveries=self.posts)
        return self.posts, self.outbox

    async def want(self, *, locale: str = "en", roles: Mapping[str, int] | None = None, **announcements: Any) -> None:
        """Settings from now on. `roles`: of the tiers Gold and so on, by the level they ask for."""
        tiers = [
            {"name": name, "role_id": str(90 + level), "min_level": level} for name, level in (roles or {}).items()
        ]
        said = {"mode": "channel", "channel_id": str(self.house.text.id), **announcements}
        document = {"locale": locale, "tiers": {"list": tiers}, "announcements": said}
        self.house.fact(SettingsChanged(settings=document))
        await self.house.desk.ingest.flush()

    async def reach(self, who: Member, level: int) -> str:
        """So much EXP that the flush owes an announcement; gives its key."""
        amount = level * 100 - self.exp.get(who.id, 0)
        self.exp[who.id] = level * 100
        self.house.fact(ExpAdjusted(amount=amount, reason="", by=UserId(1)), who)
        await self.house.desk.ingest.flush()
        self.house.desk.clock.time += 10  # a flush is never at the same instant as the one before
        key = f"level:{self.house.guild_id}:{who.id}:{level}"
        assert self.row(key).state == "pending"
        return key

    def row(self, key: str) -> Delivery:
        found = store.deliveries.find(self.house.desk.database, self.house.guild_id, key)
        assert found is not None
        return found

    @property
    def told(self) -> list[Message]:
        world = self.house.world
        return [m for m in world.messages(self.house.text) if m.author is world.bot]

    def told_privately(self, who: Member) -> list[str]:
        return [m.content for m in self.house.world.messages(self.house.world.dm_channel(who.user))]


@pytest.fixture
async def hall(house: BoardHouse) -> Hall:
    desk = house.desk
    reader = Reader(desk.database, desk.clock)
    house.front = Front(
        token=house.sandbox.token, intake=desk.ingest, reader=reader, rest_url=house.sandbox.rest_url, rest_retries=0
    )
    await house.open()
    return Hall(house)


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "<@{id}> reached level 5!\nNew role: **Gold**"),
        ("ko", "<@{id}> 님이 레벨 5에 도달했습니다!\n새 역할: **Gold**"),
    ],
)
async def test_a_level_is_told_in_the_guilds_language(hall: Hall, locale: str, words: str) -> None:
    await hall.want(locale=locale, roles={"Gold": 5})
    key = await hall.reach(hall.house.ana, 5)
    assert await hall.outbox.deliver() == 1
    (message,) = hall.told
    assert message.content == words.format(id=hall.house.ana.id)
    assert (hall.row(key).state, hall.row(key).message_id) == ("sent", message.id)
    assert await hall.outbox.deliver() == 0
    assert len(hall.told) == 1


async def test_nobody_is_notified_unless_the_guild_wants_it(hall: Hall) -> None:
    await hall.want()
    await hall.reach(hall.house.ana, 1)
    await hall.outbox.deliver()
    await hall.want(mentions=True)
    await hall.reach(hall.house.minjun, 1)
    await hall.outbox.deliver()
    assert [[user.id for user in message.mentions] for message in hall.told] == [[], [hall.house.minjun.id]]


async def test_placeholders_are_filled_in_all_at_once(hall: Hall) -> None:
    template = "{name} · {level} · {tier} · {exp} · {nope @everyone"
    await hall.want(template=template, roles={"{exp} *Gold*": 20})
    hall.house.world.set_nick(hall.house.minjun, "{level}*민준*")
    member = hall.house.desk.ingest.sight.member
    await until(
        lambda: bool((m := member(hall.house.guild_id, UserId(hall.house.minjun.id))) and m.is_named("{level}*민준*"))
    )
    await hall.reach(hall.house.minjun, 20)
    await hall.outbox.deliver()
    (message,) = hall.told
    first = message.content.splitlines()[0]
    assert first == r"{level}\*민준\* · 20 · {exp} \*Gold\* · 2,000 · {nope @everyone"
    assert not message.mention_everyone


async def test_several_levels_at_once_are_one_message(hall: Hall) -> None:
    await hall.want()
    await hall.reach(hall.house.ana, 7)
    await hall.outbox.deliver()
    assert [message.content for message in hall.told] == [f"<@{hall.house.ana.id}> reached level 7!"]


async def test_what_comes_late_is_one_message_per_member(hall: Hall) -> None:
    await hall.want()
    early = [await hall.reach(hall.house.ana, level) for level in (2, 3)]
    hall.house.desk.clock.time += 3_600_000
    late = await hall.reach(hall.house.ana, 9)
    other = await hall.reach(hall.house.minjun, 1)
    assert await hall.outbox.deliver() == 2
    words = sorted(message.content for message in hall.told)
    assert words == sorted(
        [f"<@{hall.house.ana.id}> reached level 9!", f"<@{hall.house.minjun.id}> reached level 1!"]
    )  # fmt: skip
    assert [hall.row(key).state for key in (*early, late, other)] == ["dropped", "dropped", "sent", "sent"]


@pytest.mark.parametrize(
    ("locale", "words"),
    [("en", "You reached level 4 in **study**!"), ("ko", "**study** 서버에서 레벨 4에 도달했습니다!")],
)
async def test_a_level_is_told_to_the_member_alone_and_where(hall: Hall, locale: str, words: str) -> None:
    await hall.want(mode="dm", locale=locale)
    await hall.reach(hall.house.ana, 4)
    assert await hall.outbox.deliver() == 1
    assert hall.told_privately(hall.house.ana) == [words]
    assert hall.told == []


async def test_a_template_of_the_guilds_own_says_where_too(hall: Hall) -> None:
    await hall.want(mode="dm", template="Level {level}, well done")
    await hall.reach(hall.house.ana, 4)
    await hall.outbox.deliver()
    assert hall.told_privately(hall.house.ana) == ["Level 4, well done\n-# study"]


@pytest.mark.parametrize("call", ["/users/@me/channels", "/messages"])
async def test_who_takes_no_messages_is_left_alone_for_good(hall: Hall, call: str) -> None:
    await hall.want(mode="dm")
    key = await hall.reach(hall.house.ana, 4)
    hall.house.sandbox.faults.fail_rest(403, call, times=None)
    assert await hall.outbox.deliver() == 0
    assert (hall.row(key).state, hall.row(key).error) == ("dropped", "the member takes no direct messages")
    hall.house.sandbox.faults.clear()
    assert await hall.outbox.deliver() == 0
    assert hall.told_privately(hall.house.ana) == []


@pytest.mark.parametrize("what", ["switched off", "left", "opted out"])
async def test_what_is_not_wanted_any_more_is_dropped_and_never_owed_again(hall: Hall, what: str) -> None:
    house = hall.house
    await hall.want()
    key = await hall.reach(house.ana, 4)
    if what == "switched off":
        await hall.want(mode="off")
    elif what == "left":
        house.world.remove_member(house.ana)
        await house.without(house.ana)
    else:
        house.fact(MemberOptedOut(), house.ana)
    assert await hall.outbox.deliver() == 0
    assert hall.row(key).state == "dropped"
    again = NewDelivery(
        key=key, guild_id=house.guild_id, channel_id=None, kind="level", payload="{}", at=house.desk.clock.now()
    )
    assert not store.deliveries.enqueue(house.desk.database, again)
    assert await hall.new_process()[1].deliver() == 0
    assert hall.told == []


@pytest.mark.parametrize("mode", ["channel", "dm"])
async def test_a_card_goes_with_it(hall: Hall, mode: str) -> None:
    await hall.want(mode=mode, card=True, locale="ko", roles={"골드": 3})
    await hall.reach(hall.house.minjun, 3)
    await hall.outbox.deliver()
    channel = hall.house.text if mode == "channel" else hall.house.world.dm_channel(hall.house.minjun.user)
    (message,) = [m for m in hall.house.world.messages(channel) if m.author is hall.house.world.bot]
    (file,) = message.attachments
    assert file.filename == "level.png"
    assert Image.open(io.BytesIO(file.content)).size == (900, 220)


async def test_where_the_bot_may_not_attach_files_a_level_is_told_without_its_card(hall: Hall) -> None:
    role = next(r for r in hall.house.guild.roles.values() if r.managed)
    hall.house.world.set_overwrite(hall.house.text, Overwrite(id=role.id, deny=int(Permission.ATTACH_FILES)))
    await hall.want(card=True)
    await hall.reach(hall.house.ana, 3)
    assert await hall.outbox.deliver() == 1
    assert hall.told[0].attachments == []


async def test_a_card_that_cannot_be_drawn_is_left_out(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.discord.cards.lettering._FONTS", (("nowhere", "a", "b"), ("nowhere", "a", "b")))
    monkeypatch.setattr("tracker.discord.cards.level.shown", lambda *_, **__: 1 / 0)
    await hall.want(card=True)
    await hall.reach(hall.house.ana, 3)
    assert await hall.outbox.deliver() == 1
    assert hall.told[0].attachments == []


@pytest.mark.parametrize("memory", ["nonces", "history", "words"])
@pytest.mark.parametrize("mode", ["channel", "dm"])
async def test_a_process_that_died_before_noting_does_not_tell_again(hall: Hall, mode: str, memory: str) -> None:
    house = hall.house
    await hall.want(mode=mode, card=True)
    key = await hall.reach(house.ana, 4)
    hall.posts.broken = True
    with pytest.raises(DatabaseError):
        await hall.outbox.deliver()
    channel = house.text if mode == "channel" else house.world.dm_channel(house.ana.user)
    if memory != "nonces":
        house.world.nonces.clear()
        house.desk.clock.time += 3_600_000
    if memory == "words":
        for message in house.world.messages(channel):
            message.nonce = None
    _, outbox = hall.new_process()
    assert await outbox.deliver() == 1
    assert hall.row(key).state == "sent"
    assert len([m for m in house.world.messages(channel) if m.author is house.world.bot]) == 1


async def test_an_answer_that_was_lost_does_not_make_two(hall: Hall) -> None:
    await hall.want()
    key = await hall.reach(hall.house.ana, 4)
    hall.house.sandbox.faults.drop_rest("/messages", method="POST", times=None, after_processing=True)
    await hall.outbox.deliver()
    assert hall.row(key).state == "failed"
    hall.house.sandbox.faults.clear()
    hall.house.world.nonces.clear()
    hall.house.desk.clock.time += 3_600_000
    assert await hall.outbox.deliver() == 1
    assert len(hall.told) == 1


async def test_words_that_fit_anybody_are_not_taken_for_the_post_of_somebody_else(hall: Hall) -> None:
    await hall.want(template="Somebody did it")
    await hall.reach(hall.house.ana, 4)
    await hall.outbox.deliver()
    hall.told[0].nonce = None
    await hall.reach(hall.house.minjun, 4)
    hall.house.desk.clock.time += 3_600_000
    assert await hall.new_process()[1].deliver() == 1
    assert len(hall.told) == 2


async def test_a_channel_where_the_bot_may_not_post_blocks_and_says_so(hall: Hall) -> None:
    await hall.want()
    key = await hall.reach(hall.house.ana, 4)
    role = next(r for r in hall.house.guild.roles.values() if r.managed)
    hall.house.world.set_overwrite(hall.house.text, Overwrite(id=role.id, deny=int(Permission.SEND_MESSAGES)))
    await hall.outbox.deliver()
    assert hall.row(key).state == "blocked"
    assert "HTTP 403" in str(hall.row(key).error)


async def test_a_channel_that_is_gone_blocks(hall: Hall) -> None:
    await hall.want()
    key = await hall.reach(hall.house.ana, 4)
    hall.house.world.delete_channel(hall.house.text)
    await hall.outbox.deliver()
    assert hall.row(key).state == "blocked"
    assert "HTTP 404" in str(hall.row(key).error)


async def test_without_any_channel_it_blocks(hall: Hall) -> None:
    await hall.want(channel_id=None)
    key = await hall.reach(hall.house.ana, 4)
    await hall.outbox.deliver()
    assert hall.row(key).state == "blocked"
    assert "log_channel_id" in str(hall.row(key).error)


async def test_trouble_is_tried_again_and_keeps_the_order(hall: Hall) -> None:
    await hall.want()
    keys = [await hall.reach(who, 1) for who in (hall.house.ana, hall.house.minjun)]
    hall.house.sandbox.faults.fail_rest(503, "/messages", method="POST", times=None)
    assert await hall.outbox.deliver() == 0
    assert [hall.row(key).state for key in keys] == ["failed", "pending"]  # the second one waits behind the first
    hall.house.sandbox.faults.clear()
    hall.house.desk.clock.time += 5_000
    assert await hall.outbox.deliver() == 2
    said = [message.content for message in hall.told]
    assert said == [f"<@{who.id}> reached level 1!" for who in (hall.house.ana, hall.house.minjun)]


async def test_a_storm_of_announcements_in_one_channel_does_not_hold_up_a_report_in_another(hall: Hall) -> None:
    house = hall.house
    await hall.want()
    other = house.world.add_channel(house.guild, "보고", kind="text")
    crowd = [house.world.add_member(house.guild, f"m{n}") for n in range(500)]
    sight = house.desk.ingest.sight
    await until(lambda: len(list(sight.members(house.guild_id))) >= 502)
    for member in crowd:
        house.fact(ExpAdjusted(amount=100, reason="", by=UserId(1)), member)
    await house.desk.ingest.flush()
    house.desk.clock.time += 10
    hold = house.sandbox.faults.drop_rest(f"/channels/{house.text.id}/messages", times=None, after_processing=False)
    house.desk.clock.time += 1_000
    payload = ReportPost(role_id=None, period="daily", day=20260218).text()
    for channel in (other, house.text):
        await hall.posts.owe_post(
            house.guild_id, ChannelId(channel.id), kind="report", key=f"report:{channel.id}", payload=payload
        )
    assert await hall.outbox.deliver() == 1
    assert hold.hits > 0
    assert [m.embeds[0]["title"] for m in house.world.messages(other)] != []
    house.sandbox.faults.clear()
    house.desk.clock.time += 600_000
    first = await hall.outbox.deliver()
    assert first <= 6
    assert hall.told[0].embeds  # the report before the announcements
    while await hall.outbox.deliver():
        pass
    said = [message.content for message in hall.told if message.content]
    assert sorted(said) == sorted(f"<@{member.id}> reached level 1!" for member in crowd)
    assert house.sandbox.calls[POST, 200] == 502


async def test_a_channel_that_is_slow_goes_on_while_others_are_served(hall: Hall) -> None:
    house = hall.house
    await hall.want()
    slow = await hall.reach(house.ana, 1)
    gate = asyncio.Event()

    class Slow(LevelPosts):
        async def __call__(self, *about: Any) -> Any:
            await gate.wait()
            return await super().__call__(*about)

    ingest = house.desk.ingest
    desk = ReportDesk(ingest, CannedReader(answer=report(["Ana"])))
    outbox = Outbox(rest=house.front.rest, intake=ingest, reports=desk, deliveries=hall.posts, round_s=0.01)
    outbox._renderers["level"] = Slow(house.front.rest, ingest, hall.posts)
    assert await outbox.deliver() == 0
    other = house.world.add_channel(house.guild, "보고", kind="text")
    payload = ReportPost(role_id=None, period="daily", day=20260218).text()
    await hall.posts.owe_post(house.guild_id, ChannelId(other.id), kind="report", key="report:1", payload=payload)
    sent = 0
    async with asyncio.timeout(300):
        while not sent:
            sent = await outbox.deliver()
    assert (sent, hall.row(slow).state) == (1, "pending")
    gate.set()
    async with asyncio.timeout(300):
        while hall.row(slow).state == "pending":
            await outbox.deliver()
    assert [m.content for m in hall.told] == [f"<@{house.ana.id}> reached level 1!"]


async def test_the_longest_words_fit_a_message(hall: Hall) -> None:
    await hall.want(template="{name}" * 33, roles={"*" * 32: 1})
    hall.house.world.rename(hall.house.ana, "*" * 32)
    sight = hall.house.desk.ingest.sight
    await until(
        lambda: bool((m := sight.member(hall.house.guild_id, UserId(hall.house.ana.id))) and m.is_named("*" * 32))
    )
    key = await hall.reach(hall.house.ana, 1)
    await hall.outbox.deliver()
    assert hall.row(key).state == "sent"
    assert 1_500 < len(hall.told[0].content) <= 2_000


async def test_a_payload_that_cannot_be_read_blocks(hall: Hall) -> None:
    await hall.want()
    owed = NewDelivery(
        key="level:x", guild_id=hall.house.guild_id, channel_id=None, kind="level", payload="{}",
        at=hall.house.desk.clock.now(),
    )  # fmt: skip
    store.deliveries.enqueue(hall.house.desk.database, owed)
    await hall.outbox.deliver()
    assert (hall.row("level:x").state, hall.row("level:x").error) == ("blocked", "its payload cannot be read")


async def test_the_flush_and_the_outbox_mean_the_same_by_a_payload(hall: Hall) -> None:
    await hall.want(roles={"Gold": 3})
    await hall.reach(hall.house.ana, 2)
    key = await hall.reach(hall.house.ana, 4)
    about = msgspec.json.decode(hall.row(key).payload, type=LevelPost)
    assert about == LevelPost(
        user_id=str(hall.house.ana.id), level=4, before=2, exp=400, tier_roles="93", new_roles="93"
    )
