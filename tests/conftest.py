"""What all tests share: how Hypothesis searches. The same examples on every run, so that a red run stays red."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("default", derandomize=True, deadline=None)
settings.load_profile("default")
