"""What everybody does on the demo's day: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tracker.demo.cast import LATECOMER, MUSIC_BOT, PEOPLE, Person
from tracker.demo.timetable import CUT, NOON, START, at
from tracker.ids import Ms

__all__ = ["Act", "Room", "Step", "write_script"]

Room = Literal["study", "talk", "waiting", "watching", "afk"]
Act = Literal["join", "move", "leave", "mute", "unmute", "stream", "say", "delete", "cut"]

_MINUTE: Final = 60_000
_BEFORE_CUT: Final = 30_000
_AFTER_CUT: Final = 60_000
_NO_ONE: Final = ""
_ROOMS: Final[tuple[Room, ...]] = ("study", "talk", "waiting", "watching", "afk")
_LIKELY: Final = (10, 7, 2, 1, 1)
_PHRASES: Final = (
    "좋은 아침입니다 ☀️",
    "오늘 목표: 수학 3단원까지",
    "morning everyone!",
    "25분 집중하고 5분 쉬어요",
    "같이 하실 분 공부방으로 오세요",
    "anyone up for a quick review?",
    "커피 타 올게요 ☕",
    "ㅋㅋㅋㅋ",
    "문제 12번 어떻게 풀었어요?",
    "done with chapter 4 🎉",
    "점심 뭐 먹죠",
    "잠깐 쉬고 올게요",
)
_WHILE_CUT: Final = (
    ("emma", "is my mic working?"),
    ("roun", "저 방금 끊겼다 들어왔어요"),
    ("sua", "기록은 그대로 되나요?"),
    ("seoyeon", "네, 하나도 안 빠집니다 👍"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """At the played instant `at`, `who` (a user name) does something.

    `room`: where to, when somebody joins or moves. `text`: what is said.
    """

    at: Ms
    who: str
    act: Act
    room: Room = "study"
    text: str = ""


def write_script(seed: int) -> tuple[Step, ...]:
    """The steps of the day in their order. Nobody is in voice between noon and the evening."""
    dice = random.Random(seed)
    steps = [*_music(), *_while_cut(), *_evening(dice)]
    for person in PEOPLE:
        if not person.idle:
            steps += _voice(dice, person)
            steps += _chatter(dice, person)
    steps.append(Step(at=at(11, 5), who=_NO_ONE, act="delete"))
    return tuple(sorted(steps, key=lambda step: step.at))


def _voice(dice: random.Random, person: Person) -> Iterator[Step]:
    """One to three stays, with moves or breaks between them; all over by noon."""
    now = START + dice.randrange(1, 75) * _MINUTE + dice.randrange(_MINUTE)
    latest = NOON - dice.randrange(2, 20) * _MINUTE
    connected = False
    for _ in range(dice.randint(1, 3)):
        if now > latest - 5 * _MINUTE:
            break
        room = dice.choices(_ROOMS, _LIKELY)[0]
        yield Step(at=_beside_cut(now), who=person.username, act="move" if connected else "join", room=room)
        connected = True
        until = min(now + dice.randrange(12, 70) * _MINUTE + dice.randrange(_MINUTE), latest)
        yield from _fiddling(dice, person, room, now, until)
        now = until
        if dice.random() < 0.4:
            yield Step(at=_beside_cut(now), who=person.username, act="leave")
            connected = False
            now += dice.randrange(5, 25) * _MINUTE
    if connected:
        yield Step(at=_beside_cut(now), who=person.username, act="leave")


def _fiddling(dice: random.Random, person: Person, room: Room, start: int, end: int) -> Iterator[Step]:
    """Muting in the study room, streaming in the other."""
    third = (end - start) // 3
    if room == "study" and dice.random() < 0.6:
        yield Step(at=_beside_cut(start + third), who=person.username, act="mute")
        yield Step(at=_beside_cut(start + 2 * third), who=person.username, act="unmute")
    elif room == "talk" and dice.random() < 0.4:
        yield Step(at=_beside_cut(start + third), who=person.username, act="stream")


def _chatter(dice: random.Random, person: Person) -> Iterator[Step]:
    for _ in range(dice.randrange(6)):
        moment = _beside_cut(START + dice.randrange(2 * _MINUTE, NOON - START - 3 * _MINUTE))
        yield Step(at=moment, who=person.username, act="say", text=dice.choice(_PHRASES))


def _music() -> Iterator[Step]:
    """The other bot, which must not count."""
    yield Step(at=at(9, 5), who=MUSIC_BOT.username, act="join", room="talk")
    yield Step(at=at(9, 6), who=MUSIC_BOT.username, act="say", text="🎵 Now playing: lofi beats to study to")
    yield Step(at=at(11, 57), who=MUSIC_BOT.username, act="leave")


def _while_cut() -> Iterator[Step]:
    """The gateway is cut; what is said and done meanwhile must arrive with the resume."""
    yield Step(at=CUT, who=_NO_ONE, act="cut")
    for n, (who, text) in enumerate(_WHILE_CUT, start=1):
        yield Step(at=Ms(CUT + n * 400), who=who, act="say", text=text)
    yield Step(at=Ms(CUT + 1000), who=LATECOMER, act="join", room="talk")
    yield Step(at=at(11, 20), who=LATECOMER, act="leave")


def _evening(dice: random.Random) -> Iterator[Step]:
    """A few study across midnight, where the day's report must cut their session in two."""
    for person in PEOPLE[3:8]:
        yield Step(at=Ms(at(23, 45) + dice.randrange(8 * _MINUTE)), who=person.username, act="join", room="study")
        yield Step(at=Ms(at(24, 2) + dice.randrange(3 * _MINUTE)), who=person.username, act="leave")


def _beside_cut(moment: int) -> Ms:
    """The seconds around the cut belong to what is shown there: what would come in them or later comes later."""
    return Ms(moment if moment < CUT - _BEFORE_CUT else moment + _BEFORE_CUT + _AFTER_CUT)
