"""The process that folds histories anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import replay
from store.state import Checkpoint
from tests.projections.history import GUILD
from tracker.ids import Ms, Partition, Position
from tracker.ingest import recount_worker
from tracker.ingest.recount_worker import Request


@pytest.mark.parametrize("is_kept", [False, True])
def test_the_kernel_is_compiled_by_another_process_unless_it_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """What compiling takes is not given back, and this process may not be so big."""
    done = tmp_path / "compiled"
    monkeypatch.setattr(recount_worker, "_COMPILE", f"open({str(done)!r}, 'w')")
    monkeypatch.setattr(replay, "is_kept", lambda: is_kept)
    monkeypatch.setattr(replay, "can_compile", lambda: True)
    request = Request(
        url=f"sqlite:///{tmp_path / 'nowhere.db'}",  # where there is nothing to be folded
        path=tmp_path / "scratch.db",
        partition=Partition(0),
        checkpoint=Checkpoint(position=Position(replay.WORTH_COMPILING), as_of=Ms(1)),
        guilds=(GUILD,),
    )
    assert "is not there" in request.answer()
    assert done.exists() is not is_kept
