"""The application, its user, its gateway and its direct messages."""

from __future__ import annotations

from tracker.sandbox.model import Guild, Json
from tracker.sandbox.payloads import channel_json, user_json
from tracker.sandbox.permissions import in_guild
from tracker.sandbox.rest.call import Answer, Call, Route
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["ROUTES"]


def gateway(call: Call) -> Answer:
    """Get Gateway."""
    return {"url": call.hub.url}


def gateway_bot(call: Call) -> Answer:
    """Get Gateway Bot."""
    shards = call.world.options.shards
    return {"url": call.hub.url, "shards": shards, "session_start_limit": call.hub.start_limit()}


def me(call: Call) -> Answer:
    """Get Current User."""
    extra: Json = {"verified": True, "mfa_enabled": True, "email": None, "locale": "en-US", "flags": 0}
    return user_json(call.world.bot) | extra


def user(call: Call) -> Answer:
    """Get User."""
    found = call.world.users.get(call.id("user"))
    if found is None:
        raise ApiError(Refusal.UNKNOWN_USER)
    return user_json(found)


def my_guilds(call: Call) -> Answer:
    """Get Current User Guilds, in the order of their ids."""
    limit = call.number("limit", 200, low=1, high=200)
    after, before = call.query_id("after") or 0, call.query_id("before")
    found = [g for g in sorted(call.world.guilds.values(), key=lambda g: g.id) if g.id > after]
    found = [g for g in found if before is None or g.id < before][:limit]
    counted = call.query.get("with_counts", "").lower() == "true"
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": guild.owner_id == call.world.bot.id,
            "permissions": str(int(in_guild(guild, call.world.me(guild)))),
            "features": ["COMMUNITY"],
            **(_counts(guild) if counted else {}),
        }
        for guild in found
    ]


def _counts(guild: Guild) -> Json:
    return {"approximate_member_count": len(guild.members), "approximate_presence_count": 0}


def leave_guild(call: Call) -> Answer:
    """Leave Guild."""
    call.world.remove_guild(call.guild())
    return None


def application(call: Call) -> Answer:
    """Get Current Application."""
    world = call.world
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "rpc_origins": [],
        "bot_public": True,
        "bot_require_code_grant": False,
        "bot": user_json(world.bot),
        "owner": user_json(world.owner),
        "team": None,
        "verify_key": "00" * 32,
        "flags": call.hub.application_flags,
        "tags": [],
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "integration_types_config": {
            "0": {"oauth2_install_params": {"scopes": ["bot", "applications.commands"], "permissions": "0"}}
        },
    }


def open_dm(call: Call) -> Answer:
    """Create DM."""
    recipient = call.world.users.get(int(call.form().get("recipient_id") or 0))
    if recipient is None:
        raise ApiError(Refusal.UNKNOWN_USER)
    if recipient.bot:
        raise ApiError(Refusal.CANNOT_DM)
    return channel_json(call.world.dm_channel(recipient))


ROUTES = (
    Route(method="GET", template="/gateway", handler=gateway, auth=False),
    Route(method="GET", template="/gateway/bot", handler=gateway_bot),
    Route(method="GET", template="/users/@me", handler=me),
    Route(method="GET", template="/users/@me/guilds", handler=my_guilds),
    Route(method="DELETE", template="/users/@me/guilds/{guild}", handler=leave_guild),
    Route(method="POST", template="/users/@me/channels", handler=open_dm),
    Route(method="GET", template="/users/{user}", handler=user),
    Route(method="GET", template="/applications/@me", handler=application),
    Route(method="GET", template="/oauth2/applications/@me", handler=application),
)
