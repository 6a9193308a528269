"""Discord's way of saying no: status, JSON error code, message, nested form errors.

https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from tracker.sandbox.model import Json

__all__ = ["ApiError", "Refusal", "form_error"]


class Refusal(Enum):
    """The refusals that the sandbox knows, as (HTTP status, JSON code, message)."""

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    NOT_FOUND = (404, 0, "404: Not Found")
    METHOD = (405, 0, "405: Method Not Allowed")
    UNKNOWN_APPLICATION = (404, 10002, "Unknown Application")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_ROLE = (404, 10011, "Unknown Role")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    UNKNOWN_VOICE_STATE = (404, 10065, "Unknown Voice State")
    BOTS_CANNOT = (403, 20001, "Bots cannot use this endpoint")
    TOO_MANY_ROLES = (400, 30005, "Maximum number of guild roles reached (250)")
    TOO_MANY_COMMANDS = (400, 30032, "Maximum number of application commands reached (100).")
    TOO_LARGE = (413, 40005, "Request entity too large")
    NOT_IN_VOICE = (400, 40032, "Target user is not connected to voice.")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_YOUR_MESSAGE = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_DM = (403, 50007, "Cannot send messages to this user")
    NOT_A_TEXT_CHANNEL = (400, 50008, "Cannot send messages in a non-text channel")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    BULK_COUNT = (
        400,
        50016,
        "Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 messages "
        "to delete",
    )
    WRONG_CHANNEL_TYPE = (400, 50024, "Cannot execute action on this channel type")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    INVALID_ROLE = (400, 50028, "Invalid Role")
    BULK_TOO_OLD = (400, 50034, "You can only bulk delete messages that are under 14 days old.")
    INVALID_FORM = (400, 50035, "Invalid Form Body")
    INVALID_VERSION = (400, 50041, "Invalid API version provided")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    ARCHIVED = (400, 50083, "Thread is archived")


class ApiError(Exception):
    """A request that Discord refuses."""

    def __init__(
        self, refusal: Refusal, *, errors: Json | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.code, self.message = refusal.value
        super().__init__(f"{self.status} {self.code} {self.message}")
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self) -> Json:
        """The JSON body of the answer."""
        body: Json = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


def form_error(path: str, code: str, message: str) -> ApiError:
    """An "Invalid Form Body" with one error at the dotted `path`."""
    errors: Any = {"_errors": [{"code": code, "message": message}]}
    for key in reversed(path.split(".")):
        errors = {key: errors}
    return ApiError(Refusal.INVALID_FORM, errors=errors)
