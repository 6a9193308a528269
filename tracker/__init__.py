"""tracker: an event-sourced activity tracker for Discord communities."""

__version__ = "0.1.0"
