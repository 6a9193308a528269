"""What a member's roles and nickname should become follows from what is noted and what is there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.member_sync import MemberSync
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.member_plan import Look, NickPlan, concerns_nickname, plan_nick, plan_roles
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, Ms, RoleId, UserId

BRONZE, SILVER = RoleId(10), RoleId(11)
TEMPLATE = "[{tier}] {name}"


def rules(*, enabled: bool = True, template: str = TEMPLATE) -> GuildSettings:
    tiers = [{"name": n, "role_id": str(r), "min_level": i} for i, (n, r) in enumerate((("B", BRONZE), ("S", SILVER)))]
    return parse_settings({"tiers": {"list": tiers}, "nickname": {"template": template, "enabled": enabled}})


def noted(**changes: Any) -> MemberSync:
    plain: dict[str, Any] = {
        "guild_id": GuildId(1), "user_id": UserId(2), "level": 3, "exp": 345, "tier_roles": (BRONZE,), "revision": 1,
        "state": "pending", "attempts": 0, "next_attempt_at": Ms(0), "error": None, "managed": False,
        "set_nick": None, "meant_nick": None, "original_nick": None,
    }  # fmt: skip
    return MemberSync(**{**plain, **changes})


def look(nick: str | None, account: str = "Ana") -> Look:
    return Look(roles=frozenset(), nick=nick, account=account)


@given(held=st.frozensets(st.integers(1, 40)), wanted=st.sampled_from([(), (BRONZE,), (BRONZE, SILVER), (RoleId(40),)]))
def test_only_roles_of_tiers_are_ever_given_or_taken(held: frozenset[int], wanted: tuple[RoleId, ...]) -> None:
    plan = plan_roles(noted(tier_roles=wanted), rules(), held, Hierarchy())
    assert plan.wanted ^ held <= {BRONZE, SILVER}
    assert plan.wanted & {BRONZE, SILVER} == {BRONZE, SILVER} & set(wanted)
    assert plan.changes == (plan.wanted != held)


@pytest.mark.parametrize(
    ("sync", "there", "nick", "original"),
    [
        (noted(), None, "[B] Ana", None),
        (noted(), "Annie", "[B] Annie", "Annie"),
        (noted(managed=True, set_nick="[S] Annie", original_nick="Annie"), "[S] Annie", "[B] Annie", "Annie"),
        (noted(managed=True, meant_nick="[S] Annie", original_nick="Annie"), "[S] Annie", "[B] Annie", "Annie"),
        (noted(managed=True, set_nick="[S] Annie", original_nick="Annie"), "chosen", "[B] chosen", "chosen"),
        (noted(managed=True, set_nick="[S] Annie", original_nick="Annie"), None, "[B] Ana", None),
    ],
    ids=["no nickname", "their own", "ours", "ours, not noted", "chosen since", "taken away since"],
)
def test_what_is_not_ours_is_the_original(sync: MemberSync, there: str | None, nick: str, original: str | None) -> None:
    plan = plan_nick(sync, rules(), look(there))
    assert (plan.changes, plan.managed, plan.nick, plan.original) == (True, True, nick, original)
    assert plan.there == (there if there is not None and there.startswith("[S]") else None)


@pytest.mark.parametrize(
    ("template", "there", "nick", "ours"),
    [
        (TEMPLATE, "[S] Ana", "[B] Ana", True),
        (TEMPLATE, "[S] Annie", "[B] [S] Annie", False),
        ("{name} · {level}", "Ana · 12", "Ana · 3", True),
        ("[{tier}] {name} {exp}", "[S] Ana 1200", "[B] Ana 345", True),
        ("{name}!", "Ana 12", "Ana 12!", False),
    ],
)
def test_a_nickname_of_ours_of_another_time_that_nobody_remembers_is_known_by_the_template(
    template: str, there: str, nick: str, ours: bool
) -> None:
    plan = plan_nick(noted(), rules(template=template), look(there))
    assert (plan.nick, plan.changes, plan.managed) == (nick, True, True)
    assert (plan.original, plan.there) == ((None, there) if ours else (there, None))


def test_what_is_right_is_left_as_it_is() -> None:
    sync = noted(managed=True, meant_nick="[B] Ana")
    plan = plan_nick(sync, rules(), look("[B] Ana"))
    assert plan == NickPlan(changes=False, managed=True, nick="[B] Ana", there="[B] Ana")


@pytest.mark.parametrize("settings", [rules(enabled=False), rules(template="{name}")], ids=["off", "nothing to show"])
def test_the_original_is_put_back_only_in_the_place_of_ours(settings: GuildSettings) -> None:
    sync = noted(managed=True, set_nick="[B] Annie", original_nick="Annie")
    back = plan_nick(sync, settings, look("[B] Annie"))
    assert (back.changes, back.managed, back.nick) == (True, False, "Annie")
    kept = plan_nick(sync, settings, look("chosen"))
    assert (kept.changes, kept.managed) == (False, False)


def test_a_name_of_which_nothing_is_left_is_not_touched() -> None:
    family = "\u200d".join("👨" * 40)
    plan = plan_nick(noted(), rules(template="{name}"), look(None, family))
    assert (plan.changes, plan.managed) == (False, False)


def test_a_nickname_is_of_concern_if_one_is_wanted_or_may_be_there() -> None:
    assert concerns_nickname(noted(), rules())
    assert not concerns_nickname(noted(tier_roles=()), rules())
    assert concerns_nickname(noted(tier_roles=()), rules(template="{name} {level}"))
    assert concerns_nickname(noted(managed=True), rules(enabled=False))
    assert not concerns_nickname(noted(), rules(enabled=False))
