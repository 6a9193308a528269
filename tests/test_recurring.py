"""What recurs is due when it says, whatever the day and the hour from which one counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clock import from_ms, to_ms
from tracker.recurring import Recurring

WEEK_MS = 7 * 86_400_000


def moment(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("sun", "2026-02-18T12:00:00", "2026-02-22T19:00:00"),
        ("sun", "2026-02-22T18:59:59.999", "2026-02-22T19:00:00"),
        ("sun", "2026-02-22T19:00:00", "2026-03-01T19:00:00"),
        ("wed 03:30", "2026-02-18T03:29:00", "2026-02-18T03:30:00"),
        ("wed 03:30", "2026-12-31T00:00:00", "2027-01-06T03:30:00"),
        ("1h", "2026-02-18T12:00:00.500", "2026-02-18T13:00:00.500"),
        ("168h", "2026-02-18T12:00:00", "2026-02-25T12:00:00"),
    ],
)
def test_it_is_due_at_the_next_such_moment(text: str, after: str, due: str) -> None:
    assert Recurring.parse(text).next_after(moment(after)) == moment(due)


@given(
    day=st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    minute=st.integers(0, 1439),
    after=st.integers(0, 4_000_000_000_000),
)
def test_each_week_has_one(day: str, minute: int, after: int) -> None:
    when = Recurring.parse(f"{day} {minute // 60:02}:{minute % 60:02}")
    due = when.next_after(after)
    assert after < due <= after + WEEK_MS
    assert f"{from_ms(due):%a %H:%M:%S}".lower() == f"{day} {minute // 60:02}:{minute % 60:02}:00"
    assert when.next_after(due) == due + WEEK_MS


@pytest.mark.parametrize("text", ["", "weekly", "0h", "24", "h", "99999h", "sun 24:00", "sun 3:30", "SUN"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither hours"):
        Recurring.parse(text)
