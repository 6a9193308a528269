"""Answering interactions (https://discord.com/developers/docs/interactions/receiving-and-responding)."""

from __future__ import annotations

import time
from typing import Any

from tracker.sandbox.interactions import CallbackType, InteractionCall, InteractionType
from tracker.sandbox.model import Json, Message, MessageFlag
from tracker.sandbox.payloads import user_json
from tracker.sandbox.rest.call import Answer, Call, Route
from tracker.sandbox.rest.posting import apply_edit, build_message
from tracker.sandbox.validate import Problems
from tracker.sandbox.validate.components import check_modal
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["ROUTES"]

_EPHEMERAL = int(MessageFlag.EPHEMERAL)
_MESSAGE_TYPES = {InteractionType.COMMAND: 20, InteractionType.COMPONENT: 19, InteractionType.MODAL: 0}
_ALLOWED = {
    InteractionType.COMMAND: {4, 5, 9},
    InteractionType.COMPONENT: {4, 5, 6, 7, 9},
    InteractionType.AUTOCOMPLETE: {8},
    InteractionType.MODAL: {4, 5, 6, 7},
}


def _refusing(call: Call, interaction: InteractionCall, act: Any) -> Any:
    """Do it, and note a refusal on the interaction."""
    try:
        return act(call, interaction)
    except ApiError as error:
        interaction.errors.append((error.status, error.code))
        interaction.changed()
        raise


def callback(call: Call) -> Answer:
    """Create Interaction Response: once, within three seconds."""
    interaction = call.world.interactions.get(call.path["token"])
    if interaction is None or interaction.id != call.id("interaction"):
        raise ApiError(Refusal.UNKNOWN_INTERACTION)
    answer: Answer = _refusing(call, interaction, _first_answer)
    return answer


def _first_answer(call: Call, interaction: InteractionCall) -> Answer:
    if interaction.callback is not None:
        raise ApiError(Refusal.ALREADY_ACKNOWLEDGED)
    if time.monotonic() - interaction.started > call.world.options.interaction_ack_s:
        raise ApiError(Refusal.UNKNOWN_INTERACTION)
    body, problems = call.form(), Problems()
    if not problems.one_of(("type",), body.get("type"), sorted(_ALLOWED[interaction.type])):
        problems.raise_if_any()
    kind, data = CallbackType(body["type"]), body.get("data") or {}
    _ANSWERS[kind](call, interaction, data)
    interaction.acknowledge(kind)
    if call.query.get("with_response", "").lower() != "true":
        return None
    return _described(call, interaction, kind)


def _described(call: Call, interaction: InteractionCall, kind: CallbackType) -> Json:
    """The callback's answer for who asked `with_response`."""
    about: Json = {"id": str(interaction.id), "type": int(interaction.type)}
    resource: Json = {"type": int(kind)}
    message = interaction.message if kind in (4, 5) else interaction.source if kind in (6, 7) else None
    if message is not None:
        about["response_message_id"] = str(message.id)
        about["response_message_loading"] = message.loading
        about["response_message_ephemeral"] = message.ephemeral_to is not None
        resource["message"] = call.world.message_body(message)
    return {"interaction": about, "resource": resource}


def _send(call: Call, interaction: InteractionCall, data: Json) -> None:
    interaction.message = _new_message(call, interaction, data)
    _dress(call, interaction, interaction.message)
    interaction.ephemeral = interaction.message.ephemeral_to is not None
    call.world.store(interaction.message)


def _new_message(call: Call, interaction: InteractionCall, data: Json) -> Message:
    message = build_message(call, interaction.channel, data, extra_flags=_EPHEMERAL)
    message.flags |= int(data.get("flags") or 0) & _EPHEMERAL
    return message


def _dress(call: Call, interaction: InteractionCall, message: Message) -> None:
    """What messages of interactions have besides: type, webhook, metadata, who sees them."""
    world = call.world
    message.type = _MESSAGE_TYPES[interaction.type]
    message.webhook_id = message.application_id = world.application_id
    if message.flags & _EPHEMERAL:
        message.ephemeral_to = interaction.user.id
    message.interaction = {
        "id": str(interaction.id),
        "type": int(interaction.type),
        "user": user_json(interaction.user),
        "authorizing_integration_owners": {"0": str(interaction.channel.guild_id or 0)},
    }
    if interaction.type is InteractionType.COMMAND:
        message.interaction["name"] = interaction.data["name"]
        message.interaction["command_type"] = interaction.data["type"]
    elif interaction.source is not None:
        message.interaction["interacted_message_id"] = str(interaction.source.id)
    else:
        message.type, message.interaction = 0, None


def _defer(call: Call, interaction: InteractionCall, data: Json) -> None:
    world, channel = call.world, interaction.channel
    message = Message(id=world.next_id(), channel_id=channel.id, author=world.bot, created_at=world.now())
    message.guild_id = channel.guild_id
    message.flags = int(data.get("flags") or 0) & _EPHEMERAL | MessageFlag.LOADING
    _dress(call, interaction, message)
    interaction.message, interaction.ephemeral = message, message.ephemeral_to is not None
    world.store(message)


def _nothing(call: Call, interaction: InteractionCall, data: Json) -> None:
    """A deferred update shows nothing."""


def _update(call: Call, interaction: InteractionCall, data: Json) -> None:
    if interaction.source is None:
        raise ApiError(Refusal.UNKNOWN_MESSAGE)
    apply_edit(call, interaction.source, data)
    call.world.edited(interaction.source)


def _suggest(call: Call, interaction: InteractionCall, data: Json) -> None:
    problems = Problems()
    choices = problems.items(("data", "choices"), data.get("choices") or [], high=25)
    for index, choice in enumerate(choices):
        problems.text(("data", "choices", index, "name"), choice.get("name"), low=1, high=100, required=True)
    problems.raise_if_any()
    interaction.choices = list(choices)


def _show_form(call: Call, interaction: InteractionCall, data: Json) -> None:
    problems = Problems()
    check_modal(problems, data)
    problems.raise_if_any()
    interaction.modal = data


_ANSWERS = {
    CallbackType.MESSAGE: _send,
    CallbackType.DEFERRED_MESSAGE: _defer,
    CallbackType.DEFERRED_UPDATE: _nothing,
    CallbackType.UPDATE: _update,
    CallbackType.AUTOCOMPLETE: _suggest,
    CallbackType.MODAL: _show_form,
}


def _webhook(call: Call) -> InteractionCall:
    """The interaction of a follow-up's path: acknowledged, and its token not older than 15 minutes."""
    interaction = call.world.interactions.get(call.path["token"])
    if call.id("webhook") != call.world.application_id or interaction is None:
        raise ApiError(Refusal.UNKNOWN_WEBHOOK)
    refusal = None
    if time.monotonic() - interaction.started > call.world.options.interaction_token_s:
        refusal = Refusal.INVALID_WEBHOOK_TOKEN
    elif interaction.callback is None:
        refusal = Refusal.UNKNOWN_WEBHOOK
    if refusal is not None:
        error = ApiError(refusal)
        interaction.errors.append((error.status, error.code))
        raise error
    return interaction


def _answer_of(call: Call, interaction: InteractionCall) -> Message:
    """The message that the path names: `@original` or a follow-up's id."""
    if call.path["message"] == "@original":
        updates = interaction.callback in (CallbackType.DEFERRED_UPDATE, CallbackType.UPDATE)
        found = interaction.source if updates else interaction.message
        known = [] if found is None else [found]
    else:
        own = [interaction.message, interaction.source, *interaction.followups]
        known = [message for message in own if message is not None and message.id == call.id("message")]
    for message in known:
        channel = call.world.channel(message.channel_id)
        if channel is not None and message.id in channel.messages:
            return message
    raise ApiError(Refusal.UNKNOWN_MESSAGE)


def get_answer(call: Call) -> Answer:
    """Get Original Interaction Response, or a follow-up."""
    return call.world.message_body(_answer_of(call, _webhook(call)))


def edit_answer(call: Call) -> Answer:
    """Edit Original Interaction Response, or a follow-up."""
    interaction = _webhook(call)
    answer: Answer = _refusing(call, interaction, _edit)
    return answer


def _edit(call: Call, interaction: InteractionCall) -> Answer:
    message = _answer_of(call, interaction)
    apply_edit(call, message, call.form(), extra_flags=_EPHEMERAL)
    call.world.edited(message)
    interaction.changed()
    return call.world.message_body(message)


def delete_answer(call: Call) -> Answer:
    """Delete Original Interaction Response, or a follow-up."""
    interaction = _webhook(call)
    call.world.delete_message(_answer_of(call, interaction))
    interaction.changed()
    return None


def follow_up(call: Call) -> Answer:
    """Create Followup Message. Straight after a deferral it fills in the deferred answer instead, as on Discord."""
    interaction = _webhook(call)
    answer: Answer = _refusing(call, interaction, _follow)
    return answer


def _follow(call: Call, interaction: InteractionCall) -> Answer:
    if interaction.message is not None and interaction.message.loading:
        apply_edit(call, interaction.message, call.form(), extra_flags=_EPHEMERAL)
        call.world.edited(interaction.message)
        interaction.changed()
        return call.world.message_body(interaction.message)
    message = _new_message(call, interaction, call.form())
    _dress(call, interaction, message)
    interaction.followups.append(message)
    call.world.store(message)
    interaction.changed()
    return call.world.message_body(message)


_HOOK = "/webhooks/{webhook}/{token}"
_ANSWER = f"{_HOOK}/messages/{{message}}"
ROUTES = (
    Route(
        method="POST",
        template="/interactions/{interaction}/{token}/callback",
        handler=callback,
        auth=False,
        limited=False,
    ),
    Route(method="POST", template=_HOOK, handler=follow_up, auth=False),
    Route(method="GET", template=_ANSWER, handler=get_answer, auth=False),
    Route(method="PATCH", template=_ANSWER, handler=edit_answer, auth=False),
    Route(method="DELETE", template=_ANSWER, handler=delete_answer, auth=False),
)
