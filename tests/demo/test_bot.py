"""The bot's process, as the demo keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.demo.bot import Bot


def test_a_bot_that_cannot_start_leaves_its_code_and_its_last_words(tmp_path: Path) -> None:
    with Bot({"DISCORD_TOKEN": "x", "TRACKER_FLUSH_S": "never"}, tmp_path / "bot.log") as bot:
        assert bot.wait() == 2
    assert "TRACKER_FLUSH_S" in bot.lines[-1]
    assert "TRACKER_FLUSH_S" in (tmp_path / "bot.log").read_text(encoding="utf-8")


def test_what_the_environment_says_for_the_real_bot_is_not_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "the-real-one")
    monkeypatch.setenv("TRACKER_FLUSH_S", "never")
    with Bot({}, tmp_path / "bot.log") as bot:
        bot.wait()
    assert bot.exit_code == 2
    assert any("DISCORD_TOKEN is not set" in line for line in bot.lines)
