"""Reports look as they did when somebody last read them (`snapshots/`), and keep every limit of Discord's."""

from __future__ import annotations

import pytest

from tests.discord.report_snapshots import CASES, FOLDER, LOCALES, embed_of, snapshot
from tests.discord.test_embeds import assert_within_limits, everything


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("case", CASES)
def test_a_report_looks_as_it_did(case: str, locale: str) -> None:
    assert snapshot(case, locale) == (FOLDER / f"report-{case}-{locale}.txt").read_text(encoding="utf-8")


def test_every_snapshot_is_of_a_case() -> None:
    kept = {path.name for path in FOLDER.iterdir()}
    assert kept == {f"report-{case}-{locale}.txt" for case in CASES for locale in LOCALES}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_limits_and_mentions_nobody(case: str, locale: str) -> None:
    embed = embed_of(case, locale)
    assert_within_limits(embed)
    said = "\n".join(everything(embed))
    assert "@everyone" not in said
    assert "<@123456789012345678>" not in said
    assert "https://evil.example" not in said
