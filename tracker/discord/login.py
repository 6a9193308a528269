"""Why Discord does not let us in, in one sentence that says what to click where. Never holds the token."""

from __future__ import annotations

from typing import Final

import hikari

from tracker.errors import LoginError

__all__ = ["refusal"]

_PORTAL: Final = "https://discord.com/developers/applications"
_WRONG_TOKEN: Final = (
    f"Discord refused the bot's token: open {_PORTAL} → your application → Bot → Reset Token, "
    "and set DISCORD_TOKEN to the new one"
)
_NO_MEMBERS_INTENT: Final = (
    f"Discord refused the login because the Server Members Intent is off: open {_PORTAL} → your application → Bot → "
    "Privileged Gateway Intents, switch on Server Members Intent, save, and start again"
)
_TOO_MANY: Final = (
    "Discord allows this bot no more logins today: leave it stopped until the allowance is renewed (24 hours at most), "
    "and find out what starts it so often"
)
_BY_CLOSE_CODE: Final = {
    hikari.ShardCloseCode.AUTHENTICATION_FAILED: _WRONG_TOKEN,
    hikari.ShardCloseCode.DISALLOWED_INTENT: _NO_MEMBERS_INTENT,
}


def refusal(error: Exception, *, server: str | None = None) -> LoginError:
    """The error to end with. `server`: the address that was asked instead of Discord's, None if it was Discord's."""
    return LoginError(_sentence(error, "Discord" if server is None else f"the server at {server}"))


def _sentence(error: Exception, who: str) -> str:
    if isinstance(error, hikari.UnauthorizedError) or type(error) is ValueError:
        return _WRONG_TOKEN
    if isinstance(error, hikari.GatewayServerClosedConnectionError):
        code = error.code
        known = _BY_CLOSE_CODE.get(hikari.ShardCloseCode(code)) if code is not None else None
        return known or f"{who} closed the connection for good (code {code}: {error.reason}): start the bot again"
    if isinstance(error, hikari.HTTPResponseError):
        return (
            f"{who} refused the login (HTTP {int(error.status)}): see https://discordstatus.com "
            "and whether TRACKER_REST_URL is what you mean, then start again"
        )
    if isinstance(error, hikari.RateLimitTooLongError):
        return f"{who} wants fewer requests from this address: wait {round(error.retry_after)} s, then start again"
    if isinstance(error, hikari.HTTPError | hikari.GatewayError | OSError):
        return f"{who} cannot be reached: see whether this machine is online, and TRACKER_REST_URL if it is set"
    if isinstance(error, hikari.HikariError):
        return f"{who} did not let the bot in ({type(error).__name__}): start it again"
    return _TOO_MANY if "more sessions" in str(error) else f"the login to {who} failed: start the bot again"
