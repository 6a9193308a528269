"""Each post once: after a crash, after a lost answer, after trouble; and never where it may not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.discord.reports import report
from tests.discord.wire import Wire
from tracker.discord.desk import ReportDesk
from tracker.discord.outbox import Outbox, Owed, ReportPost
from tracker.discord.start_embed import StartPost, render_start
from tracker.errors import DatabaseError, NotFoundError
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId
from tracker.sandbox import Overwrite, Permission

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
PAYLOAD = ReportPost(role_id="11", period="daily", day=20260218).text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    key: str = "report:1"
    guild_id: GuildId
    channel_id: ChannelId | None
    kind: str = "report"
    payload: str = PAYLOAD
    nonce: str = "a" * 25
    attempts: int = 0
    created_at: Ms


@dataclass
class Notes:
    """Deliveries in memory. `broken`: marking raises."""

    owed: dict[str, Post]
    states: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    broken: bool = False

    async def due(self, now: Ms) -> Sequence[Owed]:
        return [p for p in self.owed.values() if self.states.get(p.key, ("pending",))[0] in ("pending", "failed")]

    async def mark_sent(self, owed: Owed, message_id: MessageId) -> None:
        self._mark(owed, "sent", message_id)

    async def mark_failed(self, owed: Owed, error: str, next_attempt_at: Ms) -> None:
        self._mark(owed, "failed", error, next_attempt_at)

    async def mark_blocked(self, owed: Owed, error: str) -> None:
        self._mark(owed, "blocked", error)

    async def mark_dropped(self, owed: Owed, reason: str) -> None:
        self._mark(owed, "dropped", reason)

    async def keep_newest(self, owed: Owed, like: str) -> bool:
        return True

    async def member_name(self, guild: GuildId, user: UserId) -> str | None:
        return None

    def _mark(self, owed: Owed, *state: Any) -> None:
        if self.broken:
            raise DatabaseError("away")
        self.states[owed.key] = state
        self.owed[owed.key] = replace(self.owed[owed.key], attempts=owed.attempts + 1)


class Office:
    """An outbox in a running front-end, with one post owed to the text channel."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        wire.reader.answer = report(["Ana", "민준"])
        post = Post(guild_id=wire.guild_id, channel_id=ChannelId(wire.text.id), created_at=wire.intake.clock.now())
        self.notes = Notes({post.key: post})
        self.outbox = self.new_outbox()

    def new_outbox(self) -> Outbox:
        """What another process would have: it knows what is noted, and nothing else."""
        desk = ReportDesk(self.wire.intake, self.wire.reader)
        return Outbox(
            rest=self.wire.front.rest,
            intake=self.wire.intake,
            reports=desk,
            deliveries=self.notes,
            renderers={"start": render_start},
            pictures=self.wire.pictures,
            icon=lambda _guild: "https://cdn.example/icon.png",
        )

    def change(self, **changes: Any) -> None:
        self.notes.owed["report:1"] = replace(self.notes.owed["report:1"], **changes)

    @property
    def state(self) -> tuple[Any, ...]:
        return self.notes.states["report:1"]

    @property
    def posted(self) -> list[int]:
        return [m.id for m in self.wire.world.messages(self.wire.text) if m.author is self.wire.world.bot]


@pytest.fixture
async def office(wire: Wire) -> Office:
    await wire.start()
    return Office(wire)


async def test_a_post_is_sent_and_noted(office: Office) -> None:
    assert await office.outbox.deliver() == 1
    assert office.state == ("sent", office.posted[0])
    assert await office.outbox.deliver() == 0
    assert len(office.posted) == 1


async def test_a_post_of_another_kind_is_worded_by_its_own_renderer(office: Office) -> None:
    post = StartPost(at=office.wire.intake.clock.now(), away_ms=None, taken_over=0, begun=1, closed=0, known=3)
    office.change(kind="start", payload=post.text())
    assert await office.outbox.deliver() == 1
    (message,) = (m for m in office.wire.world.messages(office.wire.text) if m.author is office.wire.world.bot)
    assert message.embeds[0]["title"] == "Counting from now on"


async def test_a_process_that_died_before_noting_does_not_post_again(office: Office) -> None:
    office.notes.broken = True
    with pytest.raises(DatabaseError):
        await office.outbox.deliver()
    office.notes.broken = False
    assert await office.new_outbox().deliver() == 1
    assert office.state == ("sent", office.posted[0])
    assert len(office.posted) == 1


async def test_a_late_report_that_a_database_brought_back_knows_nothing_of_is_found_in_the_channel(
    office: Office,
) -> None:
    clock = office.wire.intake.clock
    due = clock.now()
    await office.outbox.deliver()
    clock.ms += 3 * 86_400_000
    office.notes.states.clear()
    office.wire.world.nonces.clear()
    late = ReportPost(role_id="11", period="daily", day=20260218, late=True, due_at=due)
    office.change(payload=late.text(), created_at=clock.now(), attempts=0)
    assert await office.new_outbox().deliver() == 1
    assert office.state == ("sent", office.posted[0])
    assert len(office.posted) == 1


async def test_nor_when_discord_has_forgotten_the_nonce(office: Office) -> None:
    office.notes.broken = True
    with pytest.raises(DatabaseError):
        await office.outbox.deliver()
    office.notes.broken = False
    office.wire.world.nonces.clear()
    office.wire.intake.clock.ms += 3_600_000
    assert await office.new_outbox().deliver() == 1
    assert len(office.posted) == 1


async def test_nor_when_discord_does_not_give_the_nonce_back(office: Office) -> None:
    office.notes.broken = True
    with pytest.raises(DatabaseError):
        await office.outbox.deliver()
    office.notes.broken = False
    office.wire.world.nonces.clear()
    for message in office.wire.world.messages(office.wire.text):
        message.nonce = None
    office.wire.intake.clock.ms += 3_600_000
    assert await office.new_outbox().deliver() == 1
    assert len(office.posted) == 1


async def test_an_answer_that_was_lost_does_not_make_two(office: Office) -> None:
    office.wire.sandbox.faults.drop_rest("/messages", method="POST", after_processing=True)
    await office.outbox.deliver()
    assert office.state[0] == "failed"
    await office.outbox.deliver()
    assert office.state[0] == "sent"
    assert len(office.posted) == 1


async def test_a_late_post_of_which_there_is_no_trace_is_sent(office: Office) -> None:
    office.wire.intake.clock.ms += 3_600_000
    assert await office.outbox.deliver() == 1
    assert len(office.posted) == 1


async def test_trouble_is_tried_again_after_growing_pauses(office: Office) -> None:
    office.wire.sandbox.faults.fail_rest(503, "/messages", times=None)
    pauses = []
    for _ in range(3):
        await office.outbox.deliver()
        pauses.append(office.state[2] - office.wire.intake.clock.now())
    assert pauses == [5_000, 10_000, 20_000]
    assert "HTTP 503" in office.state[1]
    office.change(attempts=40)
    await office.outbox.deliver()
    assert office.state[2] - office.wire.intake.clock.now() == 3_600_000


async def test_a_channel_where_the_bot_may_not_post_blocks_and_says_so(office: Office) -> None:
    world, wire = office.wire.world, office.wire
    bot_role = next(r for r in wire.guild.roles.values() if r.managed)
    world.set_overwrite(wire.text, Overwrite(id=bot_role.id, deny=int(Permission.SEND_MESSAGES)))
    await office.outbox.deliver()
    assert office.state[0] == "blocked"
    assert "HTTP 403" in office.state[1]
    assert "permissions" in office.state[1]


async def test_a_report_that_was_taken_off_the_schedule_is_not_posted(office: Office) -> None:
    key = f"report:{office.wire.guild_id}:11:daily:log:20260218"
    office.notes.owed = {key: replace(office.notes.owed["report:1"], key=key)}
    assert await office.outbox.deliver() == 0
    assert office.notes.states[key] == ("dropped", "it was taken off the schedule before it was posted")
    assert office.posted == []


async def test_a_channel_that_is_gone_blocks(office: Office) -> None:
    office.wire.world.delete_channel(office.wire.text)
    await office.outbox.deliver()
    assert office.state[0] == "blocked"
    assert "HTTP 404" in office.state[1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channel_id": None}, "log_channel_id"),
        ({"payload": "{}"}, "payload"),
        ({"payload": "x"}, "payload"),
        ({"kind": "start"}, "payload"),
    ],
)
async def test_what_cannot_be_posted_as_it_is_blocks(office: Office, changes: dict[str, Any], reason: str) -> None:
    office.change(**changes)
    await office.outbox.deliver()
    assert office.state[0] == "blocked"
    assert reason in office.state[1]


async def test_a_role_that_is_gone_blocks(office: Office) -> None:
    office.wire.reader.answer = NotFoundError("there is no role 11 in this guild")
    await office.outbox.deliver()
    assert office.state == ("blocked", "there is no role 11 in this guild")


async def test_a_database_that_cannot_be_read_leaves_it_owed(office: Office) -> None:
    office.wire.reader.answer = DatabaseError("away")
    with pytest.raises(DatabaseError):
        await office.outbox.deliver()
    assert not office.notes.states


async def test_a_report_has_its_picture_and_its_buttons(office: Office) -> None:
    office.wire.pictures.png = PNG
    await office.outbox.deliver()
    (message,) = (m for m in office.wire.world.messages(office.wire.text) if m.id in office.posted)
    (file,) = message.attachments
    assert (file.filename, file.content) == ("report.png", PNG)
    assert message.embeds[0]["image"]["url"].endswith("/report.png")
    assert message.embeds[0]["thumbnail"]["url"].startswith("https://")
    assert len(message.components) == 2


async def test_where_the_bot_may_not_attach_files_a_report_goes_out_without_its_picture(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    world, wire = office.wire.world, office.wire
    wire.pictures.png = PNG
    bot_role = next(r for r in wire.guild.roles.values() if r.managed)
    world.set_overwrite(wire.text, Overwrite(id=bot_role.id, deny=int(Permission.ATTACH_FILES)))
    assert await office.outbox.deliver() == 1
    (message,) = (m for m in world.messages(wire.text) if m.id in office.posted)
    assert not message.attachments
    assert "image" not in message.embeds[0]
    assert "goes out without its picture" in caplog.text


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"late": True, "due_at": 1_771_426_860_000}, "This report is late: it was due 19 Feb, 00:01."),
        ({"late": True}, "This report is late: it was due 19 Feb, 00:00."),
        ({"late": False, "due_at": 1_771_426_860_000}, None),
    ],
)
async def test_a_report_that_is_late_says_since_when(office: Office, about: dict[str, Any], said: str | None) -> None:
    office.change(payload=ReportPost(role_id="11", period="daily", day=20260218, **about).text())
    await office.outbox.deliver()
    (message,) = (m for m in office.wire.world.messages(office.wire.text) if m.id in office.posted)
    lines = message.embeds[0]["description"].splitlines()
    assert [line.removeprefix("🕗 ") for line in lines[1:]] == ([] if said is None else [said])
