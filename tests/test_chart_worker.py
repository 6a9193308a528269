"""What goes over the pipes of the process that draws."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

from tests.reports.charts.samples import sample
from tracker.chart_worker import LENGTH_BYTES, framed, serve
from tracker.reports.charts import draw_charts


def answers(stream: bytes) -> list[object]:
    file, found = io.BytesIO(stream), list[object]()
    while head := file.read(LENGTH_BYTES):
        found.append(pickle.loads(file.read(int.from_bytes(head))))  # noqa: S301 - our own
    return found


def test_each_request_has_an_answer_and_an_error_is_one_too() -> None:
    report, data = sample()
    out = io.BytesIO()
    serve(io.BytesIO(framed((report, data, "ko")) + framed("nonsense") + framed((report, data, "en"))), out)
    korean, refused, english = answers(out.getvalue())
    assert korean == draw_charts(report, data, "ko")
    assert english == draw_charts(report, data, "en")
    assert isinstance(refused, str)
    assert refused.startswith("ValueError: ")


def test_the_process_ends_with_its_input_and_needs_no_database() -> None:
    script = "import sys, tracker.chart_worker as w; w.main(); assert not {'sqlalchemy', 'hikari'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    cut_short = subprocess.run(
        [sys.executable, "-m", "tracker.chart_worker"], input=b"\0\0", capture_output=True, check=False
    )
    assert (cut_short.returncode, cut_short.stdout) == (0, b"")
