"""Snapshots that hikari would drop whole for one voice state without its member."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["mend_snapshot"]

_LOG = logging.getLogger("tracker.discord")


def mend_snapshot(payload: dict[str, Any]) -> None:
    """Make GUILD_CREATE decodable: every voice state's member is among the members, in place.

    Discord sends the members of all who are in voice. Should one be missing, hikari 2.6 raises and the guild would
    stay unseen; so the member that the state itself carries is put in, or the state is left out until it changes.
    """
    states = payload.get("voice_states")
    if not states:
        return
    members = payload.setdefault("members", [])
    known = {member["user"]["id"] for member in members}
    kept = []
    for state in states:
        user = state["user_id"]
        if user not in known:
            if "member" not in state:
                _LOG.warning("guild %s: the snapshot has a voice state of %s and no member", payload.get("id"), user)
                continue
            members.append(state["member"])
            known.add(user)
        kept.append(state)
    payload["voice_states"] = kept
