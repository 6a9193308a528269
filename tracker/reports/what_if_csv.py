"""What other rules would change, as a CSV file that a spreadsheet opens as it is: a line for each member."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from tracker.ids import RoleId
from tracker.reports.csv_text import BYTE_ORDER_MARK, harmless
from tracker.reports.what_if import MemberChange, WhatIf

__all__ = ["what_if_csv"]

_COLUMNS: Final = (
    "member", "user_id", "present", "exp_before", "exp_after", "exp_change", "level_before", "level_after",
    "tiers_before", "tiers_after", "gained", "lost",
)  # fmt: skip


def what_if_csv(found: WhatIf) -> bytes:
    """The file's bytes: a line of headings, then everybody by user id, also those for whom nothing would change."""
    file = io.StringIO(newline="")
    lines = csv.writer(file, lineterminator="\r\n")
    lines.writerow(_COLUMNS)
    lines.writerows(_line(found, member) for member in found.members)
    return (BYTE_ORDER_MARK + file.getvalue()).encode()


def _line(found: WhatIf, member: MemberChange) -> list[str | int]:
    def named(roles: Iterable[RoleId]) -> str:
        return harmless(", ".join(found.tier_name(role) for role in roles))

    return [
        harmless(member.name),
        f"\t{member.user_id}",  # as text: a spreadsheet keeps 15 digits of a number
        "yes" if member.present else "no",
        member.exp_before,
        member.exp_after,
        member.exp,
        member.before.level,
        member.after.level,
        named(member.before.tier_roles),
        named(member.after.tier_roles),
        named(found.gained(member)),
        named(found.lost(member)),
    ]
