"""Commands, buttons and their answers, with the real hikari and lightbulb."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import hikari
import lightbulb
import pytest

from tests.sandbox.clients import Rest, bot_for
from tests.sandbox.conftest import Town
from tracker.sandbox import Sandbox, SandboxOptions

COMMAND = {
    "name": "report",
    "description": "d",
    "options": [
        {"type": 8, "name": "role", "description": "d", "required": True},
        {"type": 3, "name": "period", "description": "d", "choices": [{"name": "daily", "value": "daily"}]},
        {"type": 4, "name": "top", "description": "d", "min_value": 1, "max_value": 10},
    ],
}


async def lit_bot(sandbox: Sandbox) -> hikari.GatewayBot:
    """A started bot with lightbulb commands."""
    bot = bot_for(sandbox)
    client = lightbulb.client_from_app(bot)
    menu = lightbulb.Group("settings", "settings")

    @client.register
    class Report(lightbulb.SlashCommand, name="report", description="A report"):
        role = lightbulb.role("role", "whose")
        who = lightbulb.user("who", "about whom", default=None)
        where = lightbulb.channel("where", "where", default=None)

        @lightbulb.invoke
        async def invoke(self, context: lightbulb.Context) -> None:
            await context.defer()
            title = " ".join(str(thing) for thing in (self.role.name, self.who, self.where) if thing)
            embed = hikari.Embed(title=title, description=context.interaction.locale)
            row = context.client.rest.build_message_action_row()
            row.add_interactive_button(hikari.ButtonStyle.SECONDARY, "more", label="More")
            await context.respond(embed=embed, component=row)

    @menu.register
    class Show(lightbulb.SlashCommand, name="show", description="Show them"):
        @lightbulb.invoke
        async def invoke(self, context: lightbulb.Context) -> None:
            await context.respond("only you see this", ephemeral=True)
            await context.respond("and this", ephemeral=True)

    async def suggest(context: lightbulb.AutocompleteContext[str]) -> None:
        await context.respond([str(context.focused.value) + "!", "other"])

    @client.register
    class Guess(lightbulb.SlashCommand, name="guess", description="Guess"):
        word = lightbulb.string("word", "a word", autocomplete=suggest)

        @lightbulb.invoke
        async def invoke(self, context: lightbulb.Context) -> None:
            await context.respond(self.word)

    @client.register
    class Card(lightbulb.UserCommand, name="Card"):
        @lightbulb.invoke
        async def invoke(self, context: lightbulb.Context) -> None:
            await context.respond(f"card of {self.target.username}")

    client.register(menu)

    async def pressed(event: hikari.InteractionCreateEvent) -> None:
        if isinstance(event.interaction, hikari.ComponentInteraction):
            await event.interaction.create_initial_response(hikari.ResponseType.MESSAGE_UPDATE, "pressed")

    bot.subscribe(hikari.InteractionCreateEvent, pressed)
    bot.subscribe(hikari.StartingEvent, client.start)
    await bot.start(check_for_updates=False)
    return bot


@pytest.fixture
async def lit(sandbox: Sandbox, town: Town) -> AsyncIterator[None]:
    bot = await lit_bot(sandbox)
    yield
    await bot.close()


@pytest.mark.usefixtures("lit")
async def test_lightbulb_registers_its_commands(town: Town) -> None:
    names = {(command["name"], command["type"]) for command in town.world.commands()}
    assert names == {("report", 1), ("settings", 1), ("guess", 1), ("Card", 2)}


@pytest.mark.usefixtures("lit")
async def test_a_deferred_command_is_answered_by_an_edit(town: Town) -> None:
    call = town.world.use_command(
        town.minsu, town.text, "report", {"role": town.role, "who": town.ann, "where": town.voice}
    )
    message = await call.answered()
    assert message is not None
    assert (message.embeds[0]["title"], message.embeds[0]["description"]) == ("팀원 ann 🎙️대화", "ko")
    assert call.deferred
    assert not call.ephemeral
    assert call.acknowledged_ms is not None
    assert town.world.messages(town.text) == [message]


@pytest.mark.usefixtures("lit")
async def test_a_subcommand_answers_only_the_person(town: Town) -> None:
    call = town.world.use_command(town.minsu, town.text, "settings show")
    message = await call.answered()
    await call.until(lambda: len(call.followups) == 1, 5)
    assert message is not None
    assert (message.content, message.ephemeral_to, call.ephemeral) == ("only you see this", town.minsu.id, True)
    assert call.followups[0].ephemeral_to == town.minsu.id
    with pytest.raises(LookupError):
        town.world.press_button(town.ann, message, "more")


@pytest.mark.usefixtures("lit")
async def test_a_button_updates_its_message(town: Town) -> None:
    call = town.world.use_command(town.minsu, town.text, "report", {"role": town.role})
    message = await call.answered()
    assert message is not None
    press = town.world.press_button(town.ann, message, "more")
    assert await press.answered() is message
    assert message.content == "pressed"


@pytest.mark.usefixtures("lit")
async def test_autocomplete_gets_what_is_typed(town: Town) -> None:
    call = town.world.type_command(town.minsu, town.text, "guess", "word", {"word": "안녕"})
    await call.answered()
    assert call.choices is not None
    assert [choice["value"] for choice in call.choices] == ["안녕!", "other"]


@pytest.mark.usefixtures("lit")
async def test_a_context_menu_gets_its_target(town: Town) -> None:
    message = await town.world.use_menu(town.minsu, town.text, "Card", town.ann).answered()
    assert message is not None
    assert message.content == "card of ann"


@pytest.mark.usefixtures("lit")
async def test_a_second_start_finds_its_commands_and_registers_nothing(sandbox: Sandbox, town: Town) -> None:
    before = town.world.commands()
    again = await lit_bot(sandbox)
    await again.close()
    assert town.world.commands() == before
    assert [request.method for request in sandbox.requests if "/commands" in request.path] == ["GET", "PUT", "GET"]


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("nothing", {}, LookupError),
        ("report", {}, ValueError),
        ("report", {"role": "text"}, ValueError),
        ("report", {"role": None, "period": "hourly"}, ValueError),
        ("report", {"role": None, "top": 11}, ValueError),
        ("report", {"role": None, "other": 1}, ValueError),
        ("report sub", {"role": None}, ValueError),
    ],
)
async def test_what_the_client_would_not_let_pass_is_not_sent(
    rest: Rest, town: Town, name: str, options: dict[str, Any], error: type[Exception]
) -> None:
    await rest("PUT", f"/applications/{town.world.application_id}/commands", [COMMAND])
    options = {key: town.role if value is None else value for key, value in options.items()}
    with pytest.raises(error):
        town.world.use_command(town.minsu, town.text, name, options)


async def test_a_command_for_managers_is_not_offered_to_others(rest: Rest, town: Town) -> None:
    body = {"name": "settings", "description": "d", "default_member_permissions": str(1 << 5)}
    await rest("PUT", f"/applications/{town.world.application_id}/commands", [body])
    with pytest.raises(PermissionError):
        town.world.use_command(town.minsu, town.text, "settings")
    owner = town.guild.members[town.guild.owner_id]
    town.world.use_command(owner, town.text, "settings")


class Answering:
    """The raw callback and webhook endpoints of one interaction."""

    def __init__(self, rest: Rest, town: Town) -> None:
        self.rest = rest
        self.town = town
        self.application = town.world.application_id

    async def call(self) -> None:
        await self.rest("PUT", f"/applications/{self.application}/commands", [COMMAND])
        self.interaction = self.town.world.use_command(
            self.town.minsu, self.town.text, "report", {"role": self.town.role}
        )

    async def callback(self, kind: int, data: Any = None) -> tuple[int, Any]:
        path = f"/interactions/{self.interaction.id}/{self.interaction.token}/callback"
        return await self.rest("POST", path, {"type": kind, "data": data or {}})

    async def hook(self, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        return await self.rest(method, f"/webhooks/{self.application}/{self.interaction.token}{path}", body)


@pytest.fixture
async def answering(rest: Rest, town: Town) -> Answering:
    made = Answering(rest, town)
    await made.call()
    return made


async def test_an_interaction_is_acknowledged_once(answering: Answering) -> None:
    assert (await answering.callback(4, {"content": "first"}))[0] == 204
    status, answer = await answering.callback(4, {"content": "second"})
    assert (status, answer["code"]) == (400, 40060)
    assert answering.interaction.errors == [(400, 40060)]
    assert [m.content for m in answering.town.world.messages(answering.town.text)] == ["first"]


async def test_after_three_seconds_an_interaction_is_unknown() -> None:
    async with Sandbox(SandboxOptions(interaction_ack_s=0.0)) as sandbox, Rest(sandbox) as rest:
        guild = sandbox.world.add_guild("guild")
        text = sandbox.world.add_channel(guild, "text")
        body = {"name": "hi", "description": "d"}
        await rest("PUT", f"/applications/{sandbox.world.application_id}/commands", [body])
        call = sandbox.world.use_command(guild.members[guild.owner_id], text, "hi")
        path = f"/interactions/{call.id}/{call.token}/callback"
        status, answer = await rest("POST", path, {"type": 4, "data": {"content": "late"}})
        assert (status, answer["code"]) == (404, 10062)
        assert not text.messages
    assert SandboxOptions().interaction_ack_s == 3.0


async def test_an_answer_token_ends_after_its_time() -> None:
    async with Sandbox(SandboxOptions(interaction_token_s=0.0)) as sandbox, Rest(sandbox) as rest:
        guild = sandbox.world.add_guild("guild")
        text = sandbox.world.add_channel(guild, "text")
        application = sandbox.world.application_id
        await rest("PUT", f"/applications/{application}/commands", [{"name": "hi", "description": "d"}])
        call = sandbox.world.use_command(guild.members[guild.owner_id], text, "hi")
        await rest("POST", f"/interactions/{call.id}/{call.token}/callback", {"type": 5})
        path = f"/webhooks/{application}/{call.token}/messages/@original"
        status, answer = await rest("PATCH", path, {"content": "x"})
        assert (status, answer["code"]) == (401, 50027)
    assert SandboxOptions().interaction_token_s == 15 * 60


async def test_a_follow_up_before_the_answer_is_refused(answering: Answering) -> None:
    status, answer = await answering.hook("POST", body={"content": "early"})
    assert (status, answer["code"]) == (404, 10015)
    status, answer = await answering.hook("PATCH", "/messages/@original", {"content": "early"})
    assert (status, answer["code"]) == (404, 10015)


async def test_a_follow_up_after_a_deferral_fills_the_answer_in(answering: Answering) -> None:
    await answering.callback(5)
    assert answering.interaction.message is not None
    assert answering.interaction.message.loading
    finished = [answering.interaction.finished]
    _, answer = await answering.hook("POST", body={"content": "done"})
    assert answer["id"] == str(answering.interaction.message.id)
    assert [*finished, answering.interaction.finished] == [False, True]
    _, second = await answering.hook("POST", body={"content": "more"})
    assert second["id"] != answer["id"]
    assert [m.content for m in answering.interaction.followups] == ["more"]


async def test_answers_and_follow_ups_can_be_read_edited_and_deleted(answering: Answering) -> None:
    await answering.callback(4, {"content": "one"})
    _, follow = await answering.hook("POST", body={"content": "two"})
    _, edited = await answering.hook("PATCH", f"/messages/{follow['id']}", {"content": "two!"})
    assert edited["content"] == "two!"
    _, original = await answering.hook("GET", "/messages/@original")
    assert (original["content"], original["type"]) == ("one", 20)
    status, _ = await answering.hook("DELETE", "/messages/@original")
    assert status == 204
    status, answer = await answering.hook("GET", "/messages/@original")
    assert (status, answer["code"]) == (404, 10008)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (1, {}),
        (6, {}),
        (7, {"content": "x"}),
        (8, {"choices": []}),
        (4, {"content": "x" * 2001}),
        (4, {"embeds": [{"title": "x" * 257}]}),
        (9, {"custom_id": "form", "title": "t" * 46, "components": [{}]}),
    ],
)
async def test_an_unfit_answer_is_refused_and_another_may_follow(
    answering: Answering, kind: int, data: dict[str, Any]
) -> None:
    status, answer = await answering.callback(kind, data)
    assert (status, answer["code"]) == (400, 50035)
    assert not answering.town.text.messages
    status, _ = await answering.callback(4, {"content": "fit"})
    assert status == 204


async def test_a_form_is_shown_filled_in_and_answered(answering: Answering) -> None:
    rows = [{"type": 1, "components": [{"type": 4, "custom_id": "why", "label": "why", "style": 1}]}]
    await answering.callback(9, {"custom_id": "form", "title": "Form", "components": rows})
    submitted = answering.town.world.submit_modal(answering.interaction, {"why": "because"})
    answering.interaction = submitted
    await answering.callback(4, {"content": "thanks"})
    assert submitted.message is not None
    assert submitted.message.content == "thanks"


async def test_an_answer_that_takes_too_long_to_wait_for_is_a_timeout(answering: Answering) -> None:
    with pytest.raises(TimeoutError):
        await answering.interaction.answered(0.01)


async def test_a_command_works_in_a_direct_message(rest: Rest, town: Town) -> None:
    await rest("PUT", f"/applications/{town.world.application_id}/commands", [{"name": "hi", "description": "d"}])
    channel = town.world.dm_channel(town.minsu.user)
    call = town.world.use_command(town.minsu.user, channel, "hi")
    await rest("POST", f"/interactions/{call.id}/{call.token}/callback", {"type": 4, "data": {"content": "hello"}})
    message = await call.answered()
    assert message is not None
    assert message.content == "hello"
