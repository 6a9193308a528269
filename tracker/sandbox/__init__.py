"""A loopback Discord: REST v10 and gateway v10 on 127.0.0.1, as strict as the real one, and able to misbehave.

    async with Sandbox() as sandbox:
        guild = sandbox.world.add_guild("study")
        bot = hikari.GatewayBot(sandbox.token, rest_url=sandbox.rest_url)

What people do is done through `Sandbox.world`, what goes wrong through `Sandbox.faults`. From another process:
`python -m tracker.sandbox --help`.
"""

from __future__ import annotations

from tracker.sandbox.faults import Faults, RestFault
from tracker.sandbox.gateway.session import STAMP, Dispatch
from tracker.sandbox.interactions import InteractionCall
from tracker.sandbox.model import (
    Attachment,
    Channel,
    ChannelType,
    Guild,
    Member,
    Message,
    MessageFlag,
    Overwrite,
    Role,
    User,
)
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.permissions import Permission
from tracker.sandbox.rest.pipeline import Request
from tracker.sandbox.server import Sandbox
from tracker.sandbox.thread import SandboxThread
from tracker.sandbox.world import World

__all__ = [
    "STAMP",
    "Attachment",
    "Channel",
    "ChannelType",
    "Dispatch",
    "Faults",
    "Guild",
    "InteractionCall",
    "Member",
    "Message",
    "MessageFlag",
    "Overwrite",
    "Permission",
    "Request",
    "RestFault",
    "Role",
    "Sandbox",
    "SandboxOptions",
    "SandboxThread",
    "User",
    "World",
]
