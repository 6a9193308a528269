"""Application commands, buttons and menus, as people use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tracker.clock import Clock
from tracker.sandbox.interactions import InteractionCall, InteractionType
from tracker.sandbox.model import Channel, Guild, Json, Member, Message, User
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.payloads import member_json, user_json
from tracker.sandbox.permissions import Permission, in_channel
from tracker.sandbox.world.base import Emission
from tracker.sandbox.world.chat import Chat
from tracker.sandbox.world.options import OptionValue, Typed, channel_part, type_options

__all__ = ["Commands"]

_REMEMBERED = 10_000
_ATTACHMENT_LIMIT = 10 * 1024 * 1024


class Commands(Chat):
    """The god's hand on commands and interactions."""

    def __init__(self, *, clock: Clock, options: SandboxOptions) -> None:
        super().__init__(clock=clock, options=options)
        self.registered: dict[int | None, dict[int, Json]] = {}
        self.interactions: dict[str, InteractionCall] = {}

    def commands(self, guild: Guild | None = None) -> list[Json]:
        """The application commands that are registered globally, or with `guild` only there."""
        return list(self.registered.get(None if guild is None else guild.id, {}).values())

    def use_command(
        self,
        who: Member | User,
        channel: Channel,
        name: str,
        options: Mapping[str, OptionValue] | None = None,
        *,
        locale: str = "ko",
    ) -> InteractionCall:
        """A person runs a slash command; `name` may be `group sub`. `who` is a User in a direct message.

        Raises LookupError if the command is not registered, PermissionError if the person or the channel does not have
        it, ValueError where the client would not let the options pass.
        """
        root, *path = name.split(" ")
        command = self._offered(root, 1, who, channel)
        typed = type_options(command, path, options or {}, self._guild(channel), focused=None)
        return self._call(InteractionType.COMMAND, who, channel, _command_data(command, typed), locale)

    def type_command(
        self,
        who: Member | User,
        channel: Channel,
        name: str,
        focused: str,
        options: Mapping[str, OptionValue],
        *,
        locale: str = "ko",
    ) -> InteractionCall:
        """A person is still typing the option `focused`, and its autocomplete is asked. Raises as `use_command`."""
        root, *path = name.split(" ")
        command = self._offered(root, 1, who, channel)
        typed = type_options(command, path, options, self._guild(channel), focused=focused)
        return self._call(InteractionType.AUTOCOMPLETE, who, channel, _command_data(command, typed), locale)

    def use_menu(
        self, who: Member, channel: Channel, name: str, target: Member | Message, *, locale: str = "ko"
    ) -> InteractionCall:
        """A person picks an entry of a member's or a message's context menu. Raises as `use_command`."""
        on_member = isinstance(target, Member)
        command = self._offered(name, 2 if on_member else 3, who, channel)
        data = _command_data(command, Typed()) | {"target_id": str(target.id)}
        if isinstance(target, Member):
            member = member_json(target, with_user=False) | {"permissions": "0"}
            data["resolved"] = {"users": {str(target.id): user_json(target.user)}, "members": {str(target.id): member}}
        else:
            data["resolved"] = {"messages": {str(target.id): self.message_body(target)}}
        return self._call(InteractionType.COMMAND, who, channel, data, locale)

    def press_button(
        self, who: Member | User, message: Message, custom_id: str, *, values: Sequence[str] = (), locale: str = "ko"
    ) -> InteractionCall:
        """A person presses a button of a message, or with `values` picks from a select menu.

        Raises LookupError if the message has no such component, PermissionError if it is disabled or the person does
        not see the message.
        """
        component = next((c for c in _walk(message.components) if c.get("custom_id") == custom_id), None)
        channel = self.channel(message.channel_id)
        if component is None or channel is None:
            raise LookupError(f"the message has no component {custom_id!r}")
        if component.get("disabled") or message.ephemeral_to not in (None, who.id):
            raise PermissionError(f"{custom_id!r} cannot be pressed")
        data: Json = {"custom_id": custom_id, "component_type": component["type"]}
        if component["type"] != 2:
            data |= {"values": list(values), "resolved": {}}
        return self._call(InteractionType.COMPONENT, who, channel, data, locale, source=message)

    def submit_modal(self, call: InteractionCall, values: Mapping[str, str], *, locale: str = "ko") -> InteractionCall:
        """The person fills in the form that answered `call`. Raises LookupError if there is none."""
        if call.modal is None:
            raise LookupError("that interaction was not answered with a form")
        rows = [
            {"type": 1, "components": [{"type": 4, "custom_id": key, "value": value}]} for key, value in values.items()
        ]
        data = {"custom_id": call.modal["custom_id"], "components": rows}
        return self._call(InteractionType.MODAL, call.member or call.user, call.channel, data, locale)

    def _guild(self, channel: Channel) -> Guild | None:
        return None if channel.guild_id is None else self.guilds[channel.guild_id]

    def _offered(self, name: str, kind: int, who: Member | User, channel: Channel) -> Json:
        """The command that the client would offer."""
        for scope in (channel.guild_id, None):
            for command in self.registered.get(scope, {}).values():
                if command["name"] == name and command["type"] == kind:
                    self._check_access(command, who, channel)
                    return command
        raise LookupError(f"no command {name!r} is registered")

    def _check_access(self, command: Json, who: Member | User, channel: Channel) -> None:
        contexts = command.get("contexts")
        here = 1 if channel.guild_id is None else 0
        if contexts is not None and here not in contexts:
            raise PermissionError(f"{command['name']!r} is not offered here")
        if isinstance(who, Member):
            held = in_channel(self.guilds[who.guild_id], who, channel)
            needed = int(command.get("default_member_permissions") or 0)
            admin_only = command.get("default_member_permissions") == "0"
            lacking = needed & ~held or not held & Permission.USE_APPLICATION_COMMANDS
            if lacking or (admin_only and not held & Permission.ADMINISTRATOR):
                raise PermissionError(f"{who.display_name} may not use {command['name']!r}")

    def _call(
        self,
        kind: InteractionType,
        who: Member | User,
        channel: Channel,
        data: Json,
        locale: str,
        source: Message | None = None,
    ) -> InteractionCall:
        member = who if isinstance(who, Member) else None
        user = who.user if isinstance(who, Member) else who
        call = InteractionCall(
            id=self.next_id(), type=kind, user=user, channel=channel, data=data, member=member, source=source
        )
        self.interactions[call.token] = call
        if len(self.interactions) > _REMEMBERED:
            del self.interactions[next(iter(self.interactions))]
        self.emit(Emission(name="INTERACTION_CREATE", data=self._call_json(call, locale), guild_id=channel.guild_id))
        return call

    def _call_json(self, call: InteractionCall, locale: str) -> Json:
        guild = self._guild(call.channel)
        body: Json = {
            "id": str(call.id),
            "application_id": str(self.application_id),
            "type": int(call.type),
            "data": call.data,
            "channel": channel_part(call.channel, guild, call.member),
            "channel_id": str(call.channel.id),
            "token": call.token,
            "version": 1,
            "locale": locale,
            "entitlements": [],
            "authorizing_integration_owners": {"0": "0" if guild is None else str(guild.id)},
            "context": 1 if guild is None else 0,
            "attachment_size_limit": _ATTACHMENT_LIMIT,
            "app_permissions": str(int(Permission.SEND_MESSAGES | Permission.EMBED_LINKS | Permission.ATTACH_FILES)),
        }
        if call.source is not None:
            body["message"] = self.message_body(call.source)
        if guild is None or call.member is None:
            return body | {"user": user_json(call.user)}
        body["app_permissions"] = str(int(in_channel(guild, self.me(guild), call.channel)))
        body |= {"guild_id": str(guild.id), "guild_locale": guild.locale}
        body["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": ["COMMUNITY"]}
        held = str(int(in_channel(guild, call.member, call.channel)))
        return body | {"member": member_json(call.member) | {"permissions": held}}


def _command_data(command: Json, typed: Typed) -> Json:
    data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    if typed.options:
        data["options"] = typed.options
    if typed.resolved:
        data["resolved"] = typed.resolved
    return data


def _walk(components: list[Json]) -> Iterator[Json]:
    """All components of a message, nested ones too."""
    for component in components:
        yield component
        yield from _walk(component.get("components") or [])
        if "accessory" in component:
            yield component["accessory"]
