"""What Discord refuses about the body of a request, all problems of one body at once (error 50035)."""

from __future__ import annotations

from tracker.sandbox.validate.commands import check_command, check_commands
from tracker.sandbox.validate.messages import check_message
from tracker.sandbox.validate.problems import Problems

__all__ = ["Problems", "check_command", "check_commands", "check_message"]
