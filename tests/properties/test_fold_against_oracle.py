"""The fast fold says what the slow oracle says, of any community."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle.oracle import answer
from tests.properties.communities import Community, communities
from tests.properties.folding import expected, fold, found


def _check_agreement(community: Community) -> None:
    told, said = found(fold(community.events, community.until)), expected(answer(community.events, community.until))
    for name in said:
        assert told[name] == said[name], name


@given(community=communities())
def test_the_fold_says_what_the_oracle_says(community: Community) -> None:
    _check_agreement(community)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(community=communities(moves=80))
def test_the_fold_says_what_the_oracle_says_of_a_thousand_communities(community: Community) -> None:
    _check_agreement(community)
