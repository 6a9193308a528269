"""An embed in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from tracker.demo.terminal import embed_panel
from tracker.sandbox.model import Json


def _shown(embed: Json) -> str:
    output = io.StringIO()
    Console(file=output, width=100).print(embed_panel(embed))
    return output.getvalue()


def test_title_description_fields_and_footer_are_shown() -> None:
    fields = [
        {"name": "총 음성 시간", "value": "18시간", "inline": True},
        {"name": "메시지", "value": "3", "inline": True},
    ]
    shown = _shown({"title": "일간", "description": "**금요일**", "fields": fields, "footer": {"text": "전날 대비"}})
    assert "금요일" in shown
    assert "**" not in shown
    assert any("총 음성 시간" in line and "메시지" in line for line in shown.splitlines())
    assert "전날 대비" in shown


def test_escaped_names_are_shown_as_they_are() -> None:
    assert "Liam (UTC-5) [b]" in _shown({"description": "**Liam \\(UTC\\-5\\) \\[b\\]**"})


def test_an_instant_is_shown_in_the_guilds_zone() -> None:
    assert "2026년 3월 6일 00:00" in _shown({"description": "마지막 활동 <t:1772722800:R>"})
