"""Plays the day in the sandbox, waits for what the bot must do by itself, and asks it for a report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tracker.clock import PlayClock
from tracker.demo.cast import DILIGENT, DISTRACTED, LATECOMER, MEMBER, STUDY
from tracker.demo.script import Step
from tracker.demo.stage import ROOM_NAMES, Stage
from tracker.demo.timetable import DAY
from tracker.ids import Ms
from tracker.projections.days import date_of
from tracker.sandbox.interactions import InteractionCall
from tracker.sandbox.model import Message
from tracker.sandbox.world.options import OptionValue

__all__ = ["Director", "MissingError", "Phase", "View"]

Phase = Literal["starting", "playing", "report", "asking", "done"]

_START_WITHIN_S: Final = 60.0
_REPORT_WITHIN_S: Final = 60.0
_ANSWER_WITHIN_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.02


class MissingError(Exception):
    """What was expected of the bot did not come; says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What can be seen at one instant. `rooms`: who is where, as the client shows it."""

    phase: Phase
    now: Ms
    steps_done: int
    steps: int
    rooms: Mapping[str, Sequence[str]]
    messages: int
    connected: bool
    resumes: int
    replayed: int
    last_step: str


class Director:
    """Belongs to the sandbox's event loop: call its methods there."""

    def __init__(self, stage: Stage, script: Sequence[Step], clock: PlayClock) -> None:
        self._stage = stage
        self._script = script
        self._clock = clock
        self._phase: Phase = "starting"
        self._done = 0
        self._last = ""
        self._task: asyncio.Task[None] | None = None
        self.report: Message | None = None
        """The scheduled report in the log channel, once it is there."""
        self.calls: dict[str, InteractionCall] = {}
        """The commands that members used so far, by name."""

    def begin(self) -> None:
        """Start in the background."""
        self._task = asyncio.get_running_loop().create_task(self._perform(), name="the demo's day")

    async def end(self) -> None:
        """Stop playing, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def is_over(self) -> bool:
        """Whether the day has been played. Raises what went wrong: MissingError for what did not come."""
        if self._task is None or not self._task.done():
            return False
        self._task.result()
        return True

    def view(self) -> View:
        """As things are now."""
        stage, hub = self._stage, self._stage.sandbox.hub
        rooms: dict[str, list[str]] = {ROOM_NAMES[room]: [] for room in stage.rooms}
        for member in stage.guild.in_voice():
            room = stage.room_of(member)
            if room is not None:
                rooms[ROOM_NAMES[room]].append(member.display_name)
        return View(
            phase=self._phase,
            now=self._clock.now(),
            steps_done=self._done,
            steps=len(self._script),
            rooms=rooms,
            messages=len(stage.chat.messages),
            connected=any(session.wire is not None for session in hub.sessions.values()),
            resumes=hub.counters.resumes,
            replayed=hub.counters.replayed,
            last_step=self._last,
        )

    async def _perform(self) -> None:
        await self._wait(self._bot_is_ready, _START_WITHIN_S, "the bot did not log in and register /report")
        self._phase = "playing"
        for step in self._script:
            await asyncio.sleep(max(0.0, self._clock.real(step.at) / 1000 - time.time()))
            self._stage.play(step)
            self._done += 1
            self._last = self._told(step) or self._last
        self._phase = "report"
        await self._wait(self._report_is_there, _REPORT_WITHIN_S, "the bot did not post the daily report")
        self._phase = "asking"
        await self._ask()
        self._phase = "done"

    async def _ask(self) -> None:
        """Members use commands in the log channel, one after the other."""
        await self._use(LATECOMER, "report", {"role": self._stage.roles[MEMBER], "period": "weekly"})
        await self._use(DILIGENT, "rank", {})
        await self._use(DISTRACTED, "why", {"day": date_of(DAY).isoformat()})

    async def _use(self, who: str, command: str, options: Mapping[str, OptionValue]) -> None:
        stage = self._stage
        call = stage.sandbox.world.use_command(stage.people[who], stage.log, command, options)
        self.calls[command] = call
        try:
            message = await call.answered(_ANSWER_WITHIN_S)
        except TimeoutError:
            raise MissingError(f"/{command} was not answered within {_ANSWER_WITHIN_S:g} s") from None
        if message is None or not message.embeds:
            raise MissingError(f"/{command} was answered without figures")

    async def _wait(self, condition: Callable[[], bool], within_s: float, missing: str) -> None:
        latest = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > latest:
                raise MissingError(f"{missing} within {within_s:g} s")
            await asyncio.sleep(_LOOK_AGAIN_S)

    def _bot_is_ready(self) -> bool:
        sandbox = self._stage.sandbox
        known = {command["name"] for command in sandbox.world.commands()}
        return sandbox.counters.identifies > 0 and "report" in known

    def _report_is_there(self) -> bool:
        role = self._stage.roles[STUDY].name  # the bot posts a summary of its start, too
        posted = (m for m in self._stage.log.messages.values() if m.author.bot and m.embeds)
        self.report = next((m for m in posted if role in m.embeds[0].get("title", "")), None)
        return self.report is not None

    def _told(self, step: Step) -> str:
        """The step in words, for those who watch; empty for what is not worth a line."""
        name = self._stage.people[step.who].display_name if step.who else ""
        room = ROOM_NAMES[step.room]
        return {
            "join": f"{name} joins {room}",
            "move": f"{name} moves to {room}",
            "leave": f"{name} leaves voice",
            "mute": f"{name} mutes",
            "unmute": f"{name} unmutes",
            "stream": f"{name} shares the screen",
            "say": f"{name}: {step.text}",
            "delete": "a message is deleted",
            "cut": "the gateway's socket is cut",
        }[step.act]
