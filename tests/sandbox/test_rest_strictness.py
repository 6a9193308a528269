"""What Discord refuses, the sandbox refuses: same status, same code, same shape."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.clients import Rest
from tests.sandbox.conftest import Town
from tracker.sandbox import Overwrite, Permission, Sandbox, SandboxOptions

FIELD = {"name": "n", "value": "v"}


def field(name: int = 1, value: int = 1) -> dict[str, str]:
    return {"name": "n" * name, "value": "v" * value}


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"fields": [FIELD] * 26}]}, "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"fields": [field(name=257)]}]}, "embeds.0.fields.0.name", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"fields": [field(value=1025)]}]}, "embeds.0.fields.0.value", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"fields": [field(value=0)]}]}, "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
        ({"embeds": [{"fields": [{"value": "v"}]}]}, "embeds.0.fields.0.name", "BASE_TYPE_REQUIRED"),
        ({"embeds": [{"footer": {"text": "x" * 2049}}]}, "embeds.0.footer.text", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"author": {"name": "x" * 257}}]}, "embeds.0.author.name", "BASE_TYPE_BAD_LENGTH"),
        ({"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
        ({"embeds": [{"title": "t"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{}]}, "embeds.0.description", "BASE_TYPE_REQUIRED"),
        ({"embeds": [{"title": "t", "color": 0x1000000}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
        ({"embeds": [{"title": "t", "url": "nonsense"}]}, "embeds.0.url", "URL_TYPE_INVALID_URL"),
        ({"embeds": [{"title": "t", "footer": "f"}]}, "embeds.0.footer", "MODEL_TYPE_CONVERT"),
        ({"embeds": [{"title": "t", "fields": ["f"]}]}, "embeds.0.fields.0", "MODEL_TYPE_CONVERT"),
        ({"embeds": [{"title": "t", "image": {"x": 1}}]}, "embeds.0.image.url", "BASE_TYPE_REQUIRED"),
        ({"embeds": ["t"]}, "embeds.0", "MODEL_TYPE_CONVERT"),
        ({"embeds": [{"image": {"url": "x"}}]}, "embeds.0.image.url", "URL_TYPE_INVALID_URL"),
        ({"content": "x", "nonce": "n" * 26}, "nonce", "NONCE_TYPE_TOO_LONG"),
        ({"content": "x", "flags": 64}, "flags", "MESSAGE_FLAGS_INVALID"),
        ({"components": [{"type": 2}]}, "components.0.type", "BASE_TYPE_CHOICES"),
        (
            {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x"}]}]},
            "components.0.components.0.custom_id",
            "BASE_TYPE_REQUIRED",
        ),
        (
            {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "a"}] * 2}]},
            "components.0.components.1.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            "allowed_mentions",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
    ],
)
async def test_a_message_past_a_limit_names_the_place(
    rest: Rest, town: Town, body: dict[str, Any], path: str, code: str
) -> None:
    status, answer = await rest("POST", f"/channels/{town.text.id}/messages", body)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    node = answer["errors"]
    for key in path.split("."):
        node = node[key]
    assert code in [error["code"] for error in node["_errors"]]
    assert not town.text.messages


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2000},
        {"embeds": [{"title": "t" * 256, "description": "d" * 4096, "footer": {"text": "f" * 1648}}]},
        {"embeds": [{"fields": [field(name=100, value=100)] * 25}]},
        {"embeds": [{"title": "t"}] * 10},
    ],
)
async def test_a_message_exactly_at_a_limit_is_accepted(rest: Rest, town: Town, body: dict[str, Any]) -> None:
    status, _ = await rest("POST", f"/channels/{town.text.id}/messages", body)
    assert status == 200


async def test_an_empty_message_is_refused(rest: Rest, town: Town) -> None:
    bodies: list[dict[str, Any]] = [{}, {"content": "  \n "}, {"embeds": []}]
    for body in bodies:
        status, answer = await rest("POST", f"/channels/{town.text.id}/messages", body)
        assert (status, answer["code"]) == (400, 50006)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/channels/1", 404, 10003),
        ("GET", "/guilds/1", 404, 10004),
        ("GET", "/guilds/{guild}/members/1", 404, 10013),
        ("GET", "/guilds/{guild}/members/{stranger}", 404, 10007),
        ("GET", "/channels/{text}/messages/1", 404, 10008),
        ("PUT", "/guilds/{guild}/members/{ann}/roles/1", 404, 10011),
        ("GET", "/users/1", 404, 10013),
        ("GET", "/webhooks/{app}/nonsense/messages/@original", 404, 10015),
        ("POST", "/interactions/1/nonsense/callback", 404, 10062),
        ("GET", "/applications/{app}/commands/1", 404, 10063),
        ("GET", "/applications/1/commands", 404, 10002),
        ("GET", "/guilds/{guild}/voice-states/{ann}", 404, 10065),
        ("GET", "/nowhere", 404, 0),
        ("PUT", "/users/@me", 405, 0),
        ("GET", "/channels/abc", 400, 50035),
    ],
)
async def test_what_is_not_there_is_named(
    rest: Rest, town: Town, method: str, path: str, status: int, code: int
) -> None:
    stranger = town.world.add_user("stranger")
    path = path.format(
        guild=town.guild.id, ann=town.ann.id, text=town.text.id, app=town.world.application_id, stranger=stranger.id
    )
    got, answer = await rest(method, path, {} if method in ("POST", "PUT") else None)
    assert (got, answer["code"]) == (status, code)


async def test_only_the_right_bot_token_is_accepted(rest: Rest, sandbox: Sandbox) -> None:
    status, answer = await rest("GET", "/users/@me", token="wrong")
    assert (status, answer) == (401, {"message": "401: Unauthorized", "code": 0})
    status, answer = await rest("GET", "/users/@me")
    assert (status, answer["bot"]) == (200, True)


async def test_a_broken_body_is_no_json(rest: Rest, town: Town, sandbox: Sandbox) -> None:
    async with rest._session.post(
        f"{sandbox.rest_url}/channels/{town.text.id}/messages",
        data=b"{",
        headers={"Authorization": f"Bot {sandbox.token}", "Content-Type": "application/json"},
    ) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)


def deny(permission: Permission, town: Town) -> Overwrite:
    return Overwrite(id=town.guild.id, deny=permission)


@pytest.mark.parametrize(
    ("denied", "body", "code"),
    [
        (Permission.VIEW_CHANNEL, {"content": "x"}, 50001),
        (Permission.SEND_MESSAGES, {"content": "x"}, 50013),
        (Permission.EMBED_LINKS, {"embeds": [{"title": "t"}]}, 50013),
    ],
)
async def test_a_channel_that_denies_it_refuses_the_message(
    rest: Rest, town: Town, denied: Permission, body: dict[str, Any], code: int
) -> None:
    me = town.world.me(town.guild)
    town.guild.roles[me.roles[0]].permissions &= ~denied
    town.world.set_overwrite(town.text, deny(denied, town))
    status, answer = await rest("POST", f"/channels/{town.text.id}/messages", body)
    assert (status, answer["code"]) == (403, code)
    town.world.set_overwrite(town.text, Overwrite(id=me.id, member=True, allow=denied | Permission.VIEW_CHANNEL))
    status, _ = await rest("POST", f"/channels/{town.text.id}/messages", body)
    assert status == 200


async def test_messages_cannot_be_sent_into_a_category(rest: Rest, town: Town) -> None:
    category = town.world.add_channel(town.guild, "category", kind="category")
    status, answer = await rest("POST", f"/channels/{category.id}/messages", {"content": "x"})
    assert (status, answer["code"]) == (400, 50008)


async def test_a_nickname_may_have_32_characters_and_no_more(rest: Rest, town: Town) -> None:
    path = f"/guilds/{town.guild.id}/members/{town.minsu.id}"
    status, answer = await rest("PATCH", path, {"nick": "가" * 32})
    assert (status, answer["nick"]) == (200, "가" * 32)
    status, answer = await rest("PATCH", path, {"nick": "가" * 33})
    assert (status, answer["code"], list(answer["errors"])) == (400, 50035, ["nick"])
    assert town.minsu.nick == "가" * 32


async def test_nobody_renames_the_owner_or_who_stands_higher(rest: Rest, town: Town) -> None:
    high = town.world.add_role(town.guild, "high", position=10)
    town.world.set_roles(town.ann, [high])
    for user in (town.guild.owner_id, town.ann.id):
        status, answer = await rest("PATCH", f"/guilds/{town.guild.id}/members/{user}", {"nick": "x"})
        assert (status, answer["code"]) == (403, 50013)


async def test_roles_at_or_above_the_bots_own_and_managed_ones_cannot_be_given(rest: Rest, town: Town) -> None:
    me = town.world.me(town.guild)
    mine = town.guild.roles[me.roles[0]]
    high = town.world.add_role(town.guild, "high", position=mine.position + 1)
    member = f"/guilds/{town.guild.id}/members/{town.ann.id}"
    for role in (high, mine):
        status, answer = await rest("PUT", f"{member}/roles/{role.id}")
        assert (status, answer["code"]) == (403, 50013)
        status, answer = await rest("PATCH", member, {"roles": [str(role.id)], "nick": "x"})
        assert (status, answer["code"]) == (403, 50013)
    status, _ = await rest("PUT", f"{member}/roles/{town.role.id}")
    assert (status, town.ann.roles, town.ann.nick) == (204, [town.role.id], "Ann")


async def test_a_role_that_does_not_change_may_stand_above_the_bot(rest: Rest, town: Town) -> None:
    high = town.world.add_role(town.guild, "high", position=10)
    boss = town.world.add_member(town.guild, "boss", roles=[high])
    roles = [str(high.id), str(town.role.id)]
    status, _ = await rest("PATCH", f"/guilds/{town.guild.id}/members/{boss.id}", {"roles": roles})
    assert (status, boss.roles) == (200, [high.id, town.role.id])


async def test_without_the_permission_roles_and_nicknames_are_refused(rest: Rest, town: Town) -> None:
    mine = town.guild.roles[town.world.me(town.guild).roles[0]]
    town.world.edit_role(mine, permissions=0)
    member = f"/guilds/{town.guild.id}/members/{town.ann.id}"
    bodies: list[dict[str, Any]] = [{"nick": "x"}, {"roles": []}, {"mute": True}, {"channel_id": None}]
    for body in bodies:
        status, answer = await rest("PATCH", member, body)
        assert (status, answer["code"]) == (403, 50013), body


async def test_members_who_are_not_in_voice_cannot_be_moved(sandbox: Sandbox, rest: Rest) -> None:
    guild = sandbox.world.add_guild("admin", bot_permissions=Permission.ADMINISTRATOR)
    voice = sandbox.world.add_channel(guild, "voice", kind="voice")
    member = sandbox.world.add_member(guild, "member")
    path = f"/guilds/{guild.id}/members/{member.id}"
    status, answer = await rest("PATCH", path, {"channel_id": str(voice.id)})
    assert (status, answer["code"]) == (400, 40032)
    sandbox.world.join_voice(member, sandbox.world.add_channel(guild, "first", kind="voice"))
    status, _ = await rest("PATCH", path, {"channel_id": str(voice.id), "mute": True})
    assert status == 200
    assert member.voice is not None
    assert (member.voice.channel_id, member.mute) == (voice.id, True)


async def test_others_messages_cannot_be_edited_and_only_deleted_with_permission(rest: Rest, town: Town) -> None:
    message = town.world.send_message(town.ann, town.text, "mine")
    path = f"/channels/{town.text.id}/messages/{message.id}"
    status, answer = await rest("PATCH", path, {"content": "yours"})
    assert (status, answer["code"]) == (403, 50005)
    status, answer = await rest("DELETE", path)
    assert (status, answer["code"]) == (403, 50013)


def command(**more: Any) -> dict[str, Any]:
    return {"name": "report", "description": "d", "type": 1} | more


def option(**more: Any) -> dict[str, Any]:
    return {"name": "period", "description": "d", "type": 3} | more


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (command(name="Report"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="two words"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="x" * 33), "name", "BASE_TYPE_BAD_LENGTH"),
        (command(description=""), "description", "BASE_TYPE_REQUIRED"),
        (command(description="d" * 101), "description", "BASE_TYPE_BAD_LENGTH"),
        (command(name_localizations={"xx": "a"}), "name_localizations.xx", "BASE_TYPE_CHOICES"),
        (command(name_localizations={"ko": "두 단어"}), "name_localizations.ko", "APPLICATION_COMMAND_INVALID_NAME"),
        (command(description_localizations={"ko": "설" * 101}), "description_localizations.ko", "BASE_TYPE_BAD_LENGTH"),
        (command(options=[option(name=f"o{n}") for n in range(26)]), "options", "BASE_TYPE_MAX_LENGTH"),
        (
            command(options=[option(choices=[{"name": f"c{n}", "value": "v"} for n in range(26)])]),
            "options.0.choices",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            command(options=[option(), option()]),
            "options.1.name",
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
        ),
        (
            command(options=[option(), option(name="role", type=8, required=True)]),
            "options.1.required",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (command(type=2, description="d"), "description", "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED"),
    ],
)
async def test_a_command_past_a_limit_names_the_place(
    rest: Rest, town: Town, body: dict[str, Any], path: str, code: str
) -> None:
    base = f"/applications/{town.world.application_id}/commands"
    status, answer = await rest("POST", base, body)
    assert (status, answer["code"]) == (400, 50035)
    node = answer["errors"]
    for key in path.split("."):
        node = node[key]
    assert code in [error["code"] for error in node["_errors"]]
    status, answer = await rest("PUT", base, [command(name="good"), body])
    assert (status, list(answer["errors"])) == (400, ["1"])
    assert town.world.commands() == []


async def test_a_command_of_more_than_8000_characters_is_refused(rest: Rest, town: Town) -> None:
    options = [
        option(name=f"o{n}", choices=[{"name": f"{c}" * 50, "value": f"{c}" * 50} for c in range(10, 35)])
        for n in range(4)
    ]
    status, answer = await rest("POST", f"/applications/{town.world.application_id}/commands", command(options=options))
    assert (status, answer["code"]) == (400, 50035)
    assert "APPLICATION_COMMAND_TOO_LARGE" in str(answer["errors"])


async def test_a_hundred_and_one_commands_are_too_many(rest: Rest, town: Town) -> None:
    commands = [command(name=f"c{n}") for n in range(101)]
    path = f"/applications/{town.world.application_id}/commands"
    status, answer = await rest("PUT", path, commands)
    assert (status, answer["code"]) == (400, 30032)
    status, answer = await rest("PUT", path, commands[:100])
    assert (status, len(answer)) == (200, 100)


async def test_a_changed_command_keeps_its_id_and_an_unchanged_one_its_version(rest: Rest, town: Town) -> None:
    path = f"/applications/{town.world.application_id}/commands"
    _, (first, other) = await rest("PUT", path, [command(), command(name="other")])
    _, (second, same) = await rest("PUT", path, [command(description="new"), command(name="other")])
    assert (second["id"], same) == (first["id"], other)
    assert second["version"] != first["version"]


async def test_list_members_needs_the_members_intent() -> None:
    async with Sandbox(SandboxOptions(members_intent_granted=False)) as sandbox, Rest(sandbox) as rest:
        guild = sandbox.world.add_guild("closed")
        status, answer = await rest("GET", f"/guilds/{guild.id}/members?limit=10")
        assert (status, answer["code"]) == (403, 50001)
