"""Reports say what the slow oracle says: any community, window, role and zone, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import queries
from store.reporting import read_full_list, read_member_report, report_of_window
from tests.examples import examples
from tests.ingest.shelf import Fresh, fresh  # noqa: F401 - a fixture
from tests.oracle.oracle import Answer, Session, answer
from tests.properties.communities import GUILD, Community, communities
from tests.properties.documents import ROLES
from tests.store.living import Writer
from tests.store.support import START, fact
from tracker.events.channel import RoleDescribed
from tracker.events.envelope import Event
from tracker.ids import Ms, RoleId, UserId
from tracker.ingest.kept_reports import KeptReports
from tracker.projections.days import date_of, day_of, local_day
from tracker.reports.model import Report, Sums
from tracker.reports.window import PERIODS, Window, between, containing_moment


@dataclass(frozen=True)
class Did:
    """What one member did in a window."""

    user: int
    voice: int
    sessions: int
    messages: int
    interactions: int
    exp: int
    last: int | None

    @property
    def active(self) -> bool:
        return self.voice > 0 or self.messages > 0 or self.interactions > 0


def holders(events: Sequence[Event], role: int | None, at: int) -> set[int]:
    """Who is a member and holds the role after what occurred up to `at`; who is a bot now was never one."""
    held: dict[int, set[int]] = {}
    bots: dict[int, bool] = {}
    for event in events:
        user = event.user_id or 0
        if event.type == "member.joined":
            bots[user] = event.data.bot  # type: ignore[attr-defined]
        if event.occurred_at > at:
            continue
        if event.type == "member.joined":
            held.setdefault(user, set())
        elif event.type == "member.roles_changed":
            held[user] = set(event.data.role_ids)  # type: ignore[attr-defined]
        elif event.type == "member.left":
            held.pop(user, None)
    forgotten = {event.user_id for event in events if event.type == "member.forgotten"}
    return {
        user
        for user, roles in held.items()
        if (role is None or role in roles) and not bots.get(user) and user not in forgotten and user > 0
    }


def done(said: Answer, users: set[int], window: Window) -> list[Did]:
    """What each of them did, in the order of a report."""
    found = []
    for user in users:
        rows = [
            key
            for key in said.daily.keys() | said.last_at
            if key[1] == user and window.first_day <= key[0] <= window.last_day
        ]
        figures = [said.daily[key] for key in rows]
        days = range(window.first_day, window.last_day + 1)
        sessions = [s for s in said.sessions if s.user == user and any(day in days for day in s.days)]
        found.append(
            Did(
                user=user,
                voice=sum(f["voice_ms"] for f in figures),
                sessions=len(sessions),
                messages=sum(f["messages"] for f in figures),
                interactions=sum(f["interactions"] for f in figures),
                exp=sum(n for f in figures for name, n in f.items() if name.startswith("exp_")),
                last=max((said.last_at[key] for key in rows if key in said.last_at), default=None),
            )
        )
    return sorted(found, key=lambda did: (-did.voice, -did.exp, -did.messages, did.user))


def sums(found: Sequence[Did]) -> Sums:
    return Sums(
        voice_ms=sum(d.voice for d in found),
        sessions=sum(d.sessions for d in found),
        messages=sum(d.messages for d in found),
        interactions=sum(d.interactions for d in found),
        exp=sum(d.exp for d in found),
    )


def check(report: Report, community: Community, said: Answer, role: int | None) -> list[Did]:
    window, until = report.window, community.until

    def those_of(of: Window) -> list[Did]:
        return done(said, holders(community.events, role, of.end if of.end <= until else until), of)

    found, before = those_of(window), those_of(window.previous())
    active = sum(did.active for did in found)
    assert (report.members, report.active) == (len(found), active)
    assert report.active_percent == (int(100 * active / len(found) + 0.5) if found else 0)
    active_before = sum(did.active for did in before)
    assert report.percent_before == (int(100 * active_before / len(before) + 0.5) if before else 0)
    assert report.sums == sums(found)
    assert report.change == sums(found).minus(sums(before))
    assert report.average_voice_ms == (report.sums.voice_ms // active if active else 0)
    entries = [(n, d.user, d.voice, d.exp, d.messages, d.last) for n, d in enumerate(found, start=1)]
    seen = [entry for entry in entries if any(figure > 0 for figure in entry[2:5])]
    for shown, expected in ((report.top, seen[:10]), (report.low, entries[-5:])):
        told = [(e.rank, e.user_id, e.voice_ms, e.exp, e.messages, e.last_seen) for e in shown]
        assert told == expected
    lost = ((since, until if back is None else back) for since, back in said.away)
    assert report.away_ms == sum(max(0, min(b, window.end) - max(a, window.start)) for a, b in lost)
    whole = covers_itself(community, window) and not any(counted_in_part(s, window, until) for s in said.sessions)
    assert sum(report.hours) == report.sums.voice_ms or not whole
    return found


def counted_in_part(session: Session, window: Window, until: int) -> bool:
    """It goes beyond the window and not all of it counted: which of its hours did is not known, so all get a share."""
    begin, end = session.started_at, until if session.ended_at is None else session.ended_at
    beyond = begin < window.start < end or begin < window.end < end
    return beyond and 0 < session.voice_ms < end - begin


def covers_itself(community: Community, window: Window) -> bool:
    """All in the window was counted in days of its own zone: the community never moved to another."""
    zones = {e.data.settings.get("timezone") for e in community.events if e.type == "settings.changed"}  # type: ignore[attr-defined]
    return zones == {window.zone.key} and community.events[0].type == "settings.changed"


@given(community=communities(moves=60), first=st.integers(-9, 0), length=st.integers(0, 20))
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_report_says_what_the_oracle_says_whether_it_is_read_or_kept(
    fresh: Fresh,  # noqa: F811
    community: Community,
    first: int,
    length: int,
) -> None:
    said, until = answer(community.events, community.until), community.until
    with fresh() as db:
        begun = community.events[0].occurred_at - START
        writer = Writer(db)
        writer.write(
            [
                fact(RoleDescribed(role_id=RoleId(r), name="r"), user=None, channel=None, guild=GUILD, at=begun)
                for r in ROLES
            ]
        )
        writer.write(community.events)
        writer.flush(until)
        kept, zone = KeptReports(db, keep_from=0), queries.settings_of(db, GUILD).zone
        begin = date_of(local_day(zone, until).day).toordinal() + first
        days = [day_of(date_of(20260101).fromordinal(n)) for n in (begin, begin + length)]
        windows = [containing_moment(period, until, zone) for period in PERIODS] + [between(days[0], days[1], zone)]
        for role in (None, *map(RoleId, ROLES)):
            for window in windows:
                report = report_of_window(db, guild_id=GUILD, role_id=role, window=window, now=until)
                found = check(report, community, said, role)
                assert kept.report_of(GUILD, role, window, until) == report
            listed = read_full_list(db, guild_id=GUILD, role_id=role, window=windows[-1], now=until)
            assert [(e.rank, e.user_id, e.sessions) for e in listed] == [
                (n, did.user, did.sessions) for n, did in enumerate(found, start=1)
            ]
            if found:
                one = read_member_report(
                    db, guild_id=GUILD, role_id=role, user_id=UserId(found[-1].user), window=windows[-1], now=until
                )
                assert one is not None
                assert (one.member.rank, one.members, one.did) == (len(found), len(found), sums(found[-1:]))


def test_the_oracle_knows_that_who_left_holds_nothing() -> None:
    """The check itself: a role ends with the membership, and the past stays as it was."""
    from tracker.events.member import MemberJoined, MemberLeft, MemberRolesChanged

    user = UserId(1)
    events = [
        fact(MemberJoined(name="Ann"), user=user, channel=None),
        fact(MemberRolesChanged(role_ids=(RoleId(5),)), user=user, channel=None, at=1),
        fact(MemberLeft(), user=user, channel=None, at=9),
    ]
    assert [holders(events, 5, Ms(START + at)) for at in (0, 1, 8, 9)] == [set(), {1}, {1}, set()]
    assert holders(events, None, Ms(START)) == {1}
