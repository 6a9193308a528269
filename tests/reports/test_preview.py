"""What other rules would do to the members, against a slow count of one member after the other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tracker.events.settings import GuildSettings, parse_settings
from tracker.projections.levels import level_of
from tracker.projections.standing import standing_of
from tracker.reports.preview import Person, Preview, TierCount, preview

ROLES = ("11", "12", "13", "14")


def rules(**document: Any) -> GuildSettings:
    return parse_settings(document)


def ladder(*levels: int, policy: str = "highest") -> dict[str, Any]:
    names = [{"name": f"tier {n}", "role_id": ROLES[n], "min_level": level} for n, level in enumerate(levels)]
    return {"policy": policy, "list": names}


def slowly(people: list[Person], before: GuildSettings, after: GuildSettings) -> Preview:
    """The same, one member and one question at a time."""
    managed = {tier.role_id for tier in after.tiers.tiers}
    rise = fall = gain = lose = 0
    counts = {role: [0, 0] for role in managed}
    for exp, basis, roles in people:
        was, becomes = level_of(before.curve, exp), level_of(after.curve, exp)
        rise, fall = rise + (becomes > was), fall + (becomes < was)
        held = {role for role in managed if str(role) in roles.split(",")}
        wanted = set(standing_of(after, exp, basis).tier_roles)
        gain, lose = gain + bool(wanted - held), lose + bool(held - wanted)
        for role in managed:
            counts[role][0] += role in held
            counts[role][1] += role in wanted
    tiers = tuple(TierCount(tier=t, held=counts[t.role_id][0], wanted=counts[t.role_id][1]) for t in after.tiers.tiers)
    return Preview(members=len(people), rise=rise, fall=fall, gain=gain, lose=lose, tiers=tiers)


exps = st.one_of(st.integers(-200, 2_000), st.integers(-10, 10**7))
people_of = st.lists(
    st.tuples(exps, exps, st.lists(st.sampled_from([*ROLES, "111", "1"]), unique=True).map(",".join)), max_size=30
)
curves = st.one_of(
    st.integers(1, 5_000).map(lambda n: {"kind": "linear", "exp_per_level": n}),
    st.just({"kind": "mee6"}),
    st.lists(st.integers(1, 5_000), min_size=1, max_size=8, unique=True).map(
        lambda costs: {"kind": "thresholds", "exp": sorted(costs)}
    ),
)
asked = st.one_of(
    st.integers(0, 12).map(lambda n: {"min_level": n}), st.integers(0, 3_000).map(lambda n: {"min_exp": n})
)
tiers_of = st.builds(
    lambda given, policy: {
        "policy": policy,
        "list": [{"name": str(n), "role_id": ROLES[n], **ask} for n, ask in enumerate(given)],
    },
    st.lists(asked, max_size=4),
    st.sampled_from(["highest", "stack"]),
)


@given(people=people_of, before=curves, after=curves, tiers=tiers_of)
def test_it_says_what_asking_each_member_would(people: list[Person], before: Any, after: Any, tiers: Any) -> None:
    old, new = rules(levels=before), rules(levels=after, tiers=tiers)
    assert preview(people, old, new) == slowly(people, old, new)


def test_roles_are_compared_with_those_that_members_hold_now() -> None:
    people = [(0, 0, "11"), (150, 150, "11,99"), (150, 150, ""), (900, 900, "12")]
    found = preview(people, rules(), rules(tiers=ladder(1, 5)))
    assert (found.members, found.gain, found.lose) == (4, 1, 1)
    assert [(count.held, count.wanted) for count in found.tiers] == [(2, 2), (1, 1)]


def test_the_role_of_a_tier_that_is_taken_out_stays_where_it_is() -> None:
    before = rules(tiers=ladder(1, 5))
    found = preview([(900, 900, "12"), (100, 100, "11")], before, rules(tiers=ladder(1)))
    assert (found.gain, found.lose) == (1, 0)


def test_stacked_tiers_are_all_held_and_the_highest_alone_takes_the_others_place() -> None:
    people = [(900, 900, "12")]
    assert preview(people, rules(), rules(tiers=ladder(1, 5, policy="stack"))).gain == 1
    assert preview(people, rules(), rules(tiers=ladder(1, 5))).gain == 0
    assert preview([(900, 900, "11,12")], rules(), rules(tiers=ladder(1, 5))).lose == 1


def test_levels_go_by_all_exp_and_tiers_by_their_basis() -> None:
    found = preview([(900, 0, ""), (900, 900, "")], rules(), rules(levels={"exp_per_level": 300}, tiers=ladder(1)))
    assert (found.rise, found.fall, found.gain) == (0, 2, 1)


def test_nobody_moves_where_nobody_is() -> None:
    found = preview([], rules(), rules(levels={"kind": "mee6"}, tiers=ladder(1)))
    assert (found.members, found.rise, found.fall, found.gain, found.lose) == (0, 0, 0, 0, 0)
    assert [(count.held, count.wanted) for count in found.tiers] == [(0, 0)]
