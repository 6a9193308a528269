"""The way of most bots, in Python: an event at a time, a row at a time through an ORM. To be held against.

It knows none of the tracker's rules, only messages, and time in voice by a column that says since when.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import BigInteger, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tracker.events.envelope import Event
from tracker.events.message import MessageSent
from tracker.events.voice import VoiceJoined, VoiceLeft

__all__ = ["counted"]

_COMMIT_EVERY = 100
_EXP_A_MESSAGE = 2
_EXP_A_MINUTE = 1
_MINUTE_MS = 60_000


class _Base(DeclarativeBase):
    pass


class _Member(_Base):
    __tablename__ = "members"
    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    exp: Mapped[int] = mapped_column(BigInteger, default=0)
    messages: Mapped[int] = mapped_column(BigInteger, default=0)
    voice_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    since: Mapped[int] = mapped_column(BigInteger, default=0)


def counted(events: Sequence[Event], folder: Path) -> float:
    """Seconds in which what of these events is about messages and voice is counted. Reading them is not timed."""
    engine = create_engine(f"sqlite:///{folder / 'peers.db'}")
    _Base.metadata.create_all(engine)
    began = time.perf_counter()
    with Session(engine) as session:
        done = 0
        for one in events:
            if one.user_id is None or not isinstance(one.data, (MessageSent, VoiceJoined, VoiceLeft)):
                continue
            _count(session, one, int(one.user_id))
            done += 1
            if done % _COMMIT_EVERY == 0:
                session.commit()
        session.commit()
    taken = time.perf_counter() - began
    engine.dispose()
    return taken


def _count(session: Session, one: Event, user_id: int) -> None:
    member = session.get(_Member, (int(one.guild_id), user_id))
    if member is None:
        member = _Member(guild_id=int(one.guild_id), user_id=user_id, exp=0, messages=0, voice_ms=0, since=0)
        session.add(member)
    at = int(one.occurred_at)
    if isinstance(one.data, MessageSent):
        member.messages += 1
        member.exp += _EXP_A_MESSAGE
    elif isinstance(one.data, VoiceJoined):
        member.since = at
    elif member.since:
        member.voice_ms += at - member.since
        member.exp += (at - member.since) // _MINUTE_MS * _EXP_A_MINUTE
        member.since = 0
