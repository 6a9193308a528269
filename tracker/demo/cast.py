"""Who is in the demo's community. All of them are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DILIGENT", "DISTRACTED", "LATECOMER", "MEMBER", "MUSIC_BOT", "PEOPLE", "STAFF", "STUDY", "Person"]

STUDY: Final = "스터디원"
STAFF: Final = "운영진"
MEMBER: Final = "Member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member: the account's user name, what the client shows, and the roles."""

    username: str
    shown: str
    roles: tuple[str, ...]
    idle: bool = False
    """The dice give this member nothing to do."""


def _person(username: str, shown: str, *roles: str, idle: bool = False) -> Person:
    return Person(username=username, shown=shown, roles=(MEMBER, *roles), idle=idle)


PEOPLE: Final = (
    _person("seoyeon", "김서연", STUDY, STAFF),
    _person("doyun", "이도윤", STUDY),
    _person("jiho.park", "박지호", STUDY),
    _person("haeun", "최하은 📚", STUDY),
    _person("minjun", "정민준", STUDY),
    _person("sua", "☕ 수아", STUDY),
    _person("eunwoo", "조은우", STUDY),
    _person("jiyu", "윤지유", STUDY),
    _person("siwoo", "장시우", STUDY),
    _person("chaewon", "임채원", STUDY),
    _person("yejun", "한예준", STUDY, idle=True),
    _person("yuna_oh", "오유나", STUDY),
    _person("daeun", "서다은 (공시생)", STUDY),
    _person("roun", "신로운", STUDY),
    _person("soyul", "권소율", idle=True),
    _person("dohyun", "황도현", STAFF, idle=True),
    _person("emma", "Emma", STUDY),
    _person("liam", "Liam (UTC-5)", STUDY),
    _person("noah", "Noah", idle=True),
    _person("olivia", "Olivia 🌿", STUDY),
    _person("mia", "Mia", STUDY, idle=True),
    _person("lucas", "Lucas"),
    _person("hana", "Hana", STUDY),
    _person("theo", "Theo"),
)
"""The 24 people; the first owns the guild."""

MUSIC_BOT: Final = Person(username="dj.bot", shown="DJ봇", roles=())
"""Another bot that sits in voice and writes, and must not count."""

LATECOMER: Final = "dohyun"
"""Who joins voice while the gateway is cut, and asks for a report."""

DILIGENT: Final = "jiyu"
"""Who asks for a rank."""

DISTRACTED: Final = "siwoo"
"""Who asks why the day did not earn more."""
