"""`/exp multiplier`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from tests.discord.house import Options
from tests.discord.ruled import RuledHouse


async def test_a_channel_or_a_role_multiplies_until_it_is_set_back(ruled: RuledHouse) -> None:
    await ruled.open()
    room, role = f"<#{ruled.talk.id}>", f"<@&{ruled.role.id}>"
    answer = await ruled.order("exp multiplier", {"percent": 200, "channel": ruled.talk})
    assert answer == f"Multiplier: **{room} 200%** (before: {room} 100%)"
    answer = await ruled.order("exp multiplier", {"percent": 150, "role": ruled.role}, locale="ko")
    assert answer == f"배율: **{role} 150%** (이전: {role} 100%)"
    assert ruled.document == {
        "multipliers": {"channels": {str(ruled.talk.id): 200}, "roles": {str(ruled.role.id): 150}}
    }
    both: Options = {"percent": 5, "role": ruled.role, "channel": ruled.talk}
    neither: Options = {"percent": 5}
    for nothing in (both, neither):
        assert (await ruled.order("exp multiplier", nothing, locale="ko")).startswith("채널과 역할 중 하나만")
    await ruled.order("exp multiplier", {"percent": 100, "channel": ruled.talk})
    await ruled.order("exp multiplier", {"percent": 100, "role": ruled.role})
    assert ruled.document == {}
    assert len(await ruled.changes()) == 4
