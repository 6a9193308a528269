"""REST v10: one module for each family of resources."""

from __future__ import annotations

from tracker.sandbox.rest import channels, commands, interactions, members, messages, roles, threads, users
from tracker.sandbox.rest.call import Route

__all__ = ["ROUTES"]

ROUTES: tuple[Route, ...] = (
    *users.ROUTES,
    *members.ROUTES,
    *roles.ROUTES,
    *channels.ROUTES,
    *threads.ROUTES,
    *messages.ROUTES,
    *commands.ROUTES,
    *interactions.ROUTES,
)
