"""REST as the real client uses it."""

from __future__ import annotations

import aiohttp
import hikari
import pytest

from tests.sandbox.clients import Inbox, Rest
from tests.sandbox.conftest import Town
from tracker.sandbox import Sandbox, SandboxOptions
from tracker.sandbox.faults import Scope


async def test_a_message_with_embed_file_and_button_comes_back_whole(
    bot: hikari.GatewayBot, sandbox: Sandbox, town: Town
) -> None:
    row = bot.rest.build_message_action_row().add_interactive_button(hikari.ButtonStyle.PRIMARY, "more", label="More")
    embed = hikari.Embed(title="보고서", description="하루", colour=0x5865F2).add_field("이름", "값", inline=True)
    embed.set_image(hikari.Bytes(b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\x08\0\0\0\x06", "chart.png"))
    embed.set_footer("footer").set_author(name="author")
    sent = await bot.rest.create_message(town.text.id, "내용", embed=embed, component=row)
    read = await bot.rest.fetch_message(town.text.id, sent.id)
    assert (read.content, read.embeds[0].title, read.embeds[0].fields[0].is_inline) == ("내용", "보고서", True)
    image = read.embeds[0].image
    assert image is not None
    async with aiohttp.ClientSession() as session, session.get(image.url) as response:
        assert (await response.read()).startswith(b"\x89PNG")
    assert (image.width, image.height) == (8, 6)
    (stored,) = town.world.messages(town.text)
    assert [file.filename for file in stored.attachments] == ["chart.png"]
    assert stored.author is town.world.bot
    assert len(read.components) == 1
    assert stored.components[0]["components"][0]["custom_id"] == "more"


async def test_an_edit_changes_what_it_names_and_keeps_the_rest(bot: hikari.GatewayBot, town: Town) -> None:
    sent = await bot.rest.create_message(town.text.id, "old", embed=hikari.Embed(title="kept"))
    edited = await bot.rest.edit_message(town.text.id, sent.id, "new")
    assert (edited.content, edited.embeds[0].title) == ("new", "kept")
    assert edited.edited_timestamp is not None
    with pytest.raises(hikari.BadRequestError):
        await bot.rest.edit_message(town.text.id, sent.id, None, embed=None)
    await bot.rest.delete_message(town.text.id, sent.id)
    with pytest.raises(hikari.NotFoundError):
        await bot.rest.fetch_message(town.text.id, sent.id)


async def test_messages_are_listed_newest_first_between_the_given_ids(bot: hikari.GatewayBot, town: Town) -> None:
    for n in range(130):
        town.world.send_message(town.ann, town.text, str(n))
    ids = [message.id for message in town.world.messages(town.text)]
    fetched = [int(message.id) async for message in bot.rest.fetch_messages(town.text.id)]
    assert fetched == ids[::-1]
    before = [int(m.id) async for m in bot.rest.fetch_messages(town.text.id, before=ids[3])]
    assert before == ids[2::-1]
    after = [int(m.id) async for m in bot.rest.fetch_messages(town.text.id, after=ids[126])]
    assert sorted(after) == ids[127:]


async def test_an_enforced_nonce_is_posted_once_in_a_channel(rest: Rest, town: Town) -> None:
    body = {"content": "daily", "nonce": "report-1", "enforce_nonce": True}
    path = f"/channels/{town.text.id}/messages"
    (_, first), (_, second) = [await rest("POST", path, body) for _ in range(2)]
    assert first["id"] == second["id"]
    assert first["nonce"] == "report-1"
    await rest("POST", path, body | {"enforce_nonce": False})
    await rest("POST", path, body | {"nonce": "report-2"})
    assert len(town.text.messages) == 3
    await rest("POST", f"/channels/{town.voice.id}/messages", body)
    assert len(town.voice.messages) == 1


async def test_an_old_nonce_is_forgotten() -> None:
    async with Sandbox(SandboxOptions(nonce_window_s=0.0)) as sandbox, Rest(sandbox) as rest:
        guild = sandbox.world.add_guild("guild")
        text = sandbox.world.add_channel(guild, "text")
        for _ in range(2):
            await rest("POST", f"/channels/{text.id}/messages", {"content": "x", "nonce": "1", "enforce_nonce": True})
        assert len(text.messages) == 2


async def test_one_patch_sets_roles_and_nickname_and_is_heard(bot: hikari.GatewayBot, town: Town) -> None:
    inbox = Inbox(bot)
    member = await bot.rest.edit_member(town.guild.id, town.ann.id, nickname="[Gold] Ann", roles=[town.role.id])
    assert member.nickname == "[Gold] Ann"
    heard = await inbox.wait(hikari.MemberUpdateEvent)
    assert (heard.member.nickname, town.role.id in heard.member.role_ids) == ("[Gold] Ann", True)
    assert len(inbox.of(hikari.MemberUpdateEvent)) == 1
    await bot.rest.remove_role_from_member(town.guild.id, town.ann.id, town.role.id)
    assert town.ann.roles == []
    await bot.rest.edit_my_member(town.guild.id, nickname="me")
    assert town.world.me(town.guild).nick == "me"


async def test_members_are_listed_and_searched(bot: hikari.GatewayBot, town: Town) -> None:
    listed = [int(member.id) async for member in bot.rest.fetch_members(town.guild.id)]
    assert listed == sorted(town.guild.members)
    found = await bot.rest.search_members(town.guild.id, "an")
    assert [member.id for member in found] == [town.ann.id]


async def test_roles_can_be_made_changed_moved_and_deleted(bot: hikari.GatewayBot, town: Town) -> None:
    role = await bot.rest.create_role(town.guild.id, name="Gold", color=0xFFD700, hoist=True)
    assert (role.name, role.color, role.is_hoisted) == ("Gold", 0xFFD700, True)
    await bot.rest.edit_role(town.guild.id, role.id, name="Silver")
    assert {r.name for r in await bot.rest.fetch_roles(town.guild.id)} >= {"Silver", "팀원", "@everyone"}
    with pytest.raises(hikari.ForbiddenError):
        await bot.rest.create_role(town.guild.id, permissions=hikari.Permissions.ADMINISTRATOR)
    await bot.rest.delete_role(town.guild.id, role.id)
    assert role.id not in town.guild.roles


async def test_channels_and_threads_can_be_made_and_read(bot: hikari.GatewayBot, sandbox: Sandbox) -> None:
    guild = sandbox.world.add_guild("admin", bot_permissions=8)
    forum = sandbox.world.add_channel(guild, "forum", kind="forum")
    text = await bot.rest.create_guild_text_channel(guild.id, "made", topic="topic")
    post = await bot.rest.create_forum_post(forum.id, "post", "first message", embed=hikari.Embed(title="t"))
    thread = await bot.rest.create_thread(text.id, hikari.ChannelType.GUILD_PUBLIC_THREAD, "thread")
    await bot.rest.create_message(thread.id, "in the thread")
    assert [m.content for m in sandbox.world.messages(guild.channels[post.id])] == ["first message"]
    assert {channel.name for channel in await bot.rest.fetch_guild_channels(guild.id)} == {"forum", "made"}
    assert {t.name for t in await bot.rest.fetch_active_threads(guild.id)} == {"post", "thread"}
    await bot.rest.edit_channel(text.id, name="renamed")
    fetched = await bot.rest.fetch_channel(text.id)
    assert fetched.name == "renamed"
    await bot.rest.delete_channel(text.id)
    assert text.id not in guild.channels


async def test_a_5xx_is_tried_again_until_it_goes_well(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    fault = sandbox.faults.fail_rest(503, "/messages$", times=2, method="POST")
    await bot.rest.create_message(town.text.id, "at last")
    assert fault.hits == 2
    posts = [request.status for request in sandbox.requests if request.method == "POST"]
    assert posts == [503, 503, 200]
    assert len(town.text.messages) == 1


async def test_a_5xx_after_processing_leaves_the_message_behind(
    bot: hikari.GatewayBot, sandbox: Sandbox, town: Town
) -> None:
    sandbox.faults.fail_rest(502, "/messages$", times=1, after_processing=True)
    await bot.rest.create_message(town.text.id, "twice")
    assert [message.content for message in town.world.messages(town.text)] == ["twice", "twice"]


async def test_a_cut_after_processing_is_healed_by_an_enforced_nonce(sandbox: Sandbox, rest: Rest, town: Town) -> None:
    body = {"content": "once", "nonce": "7", "enforce_nonce": True}
    sandbox.faults.drop_rest("/messages$")
    with pytest.raises(aiohttp.ClientConnectionError):
        await rest("POST", f"/channels/{town.text.id}/messages", body)
    status, _ = await rest("POST", f"/channels/{town.text.id}/messages", body)
    assert (status, len(town.text.messages)) == (200, 1)
    assert [request.status for request in sandbox.requests] == [0, 200]


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_a_429_is_waited_out_by_the_client(
    bot: hikari.GatewayBot, sandbox: Sandbox, town: Town, scope: Scope
) -> None:
    sandbox.faults.fail_rest(429, "/messages$", retry_after=0.05, scope=scope)
    await bot.rest.create_message(town.text.id, "later")
    assert [r.status for r in sandbox.requests if r.route == "POST /channels/{channel}/messages"] == [429, 200]


async def test_a_delay_holds_the_answer_back(sandbox: Sandbox, rest: Rest, town: Town) -> None:
    fault = sandbox.faults.delay_rest(0.01, "/users/@me", times=1)
    status, _ = await rest("GET", "/users/@me")
    assert (status, fault.hits) == (200, 1)


async def test_rate_limits_are_counted_for_each_channel_and_have_their_headers() -> None:
    route = "POST /channels/{channel}/messages"
    async with Sandbox(SandboxOptions(rate_limits=True, route_limits={route: (2, 60.0)})) as sandbox:
        guild = sandbox.world.add_guild("guild")
        first, second = (sandbox.world.add_channel(guild, name) for name in ("a", "b"))
        async with Rest(sandbox) as rest:
            for left in ("1", "0"):
                status, _ = await rest("POST", f"/channels/{first.id}/messages", {"content": "x"})
                assert (status, rest.headers["X-RateLimit-Remaining"]) == (200, left)
            status, answer = await rest("POST", f"/channels/{first.id}/messages", {"content": "x"})
            assert (status, answer["global"], answer["message"]) == (429, False, "You are being rate limited.")
            assert 0 < answer["retry_after"] <= 60
            assert rest.headers["X-RateLimit-Scope"] == "user"
            assert rest.headers["X-RateLimit-Limit"] == "2"
            assert "Retry-After" in rest.headers
            status, _ = await rest("POST", f"/channels/{second.id}/messages", {"content": "x"})
            assert status == 200


async def test_the_global_limit_holds_over_all_routes() -> None:
    async with Sandbox(SandboxOptions(rate_limits=True, global_per_second=0)) as sandbox, Rest(sandbox) as rest:
        status, answer = await rest("GET", "/users/@me")
        assert (status, answer["global"], rest.headers["X-RateLimit-Global"]) == (429, True, "true")


async def test_contents_are_blanked_over_rest_too_without_the_intent(bot: hikari.GatewayBot, town: Town) -> None:
    message = town.world.send_message(town.ann, town.text, "secret", attachments=1)
    read = await bot.rest.fetch_message(town.text.id, message.id)
    assert (read.content, list(read.attachments)) == (None, [])


async def test_requests_are_recorded_with_their_bodies(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    await bot.rest.create_message(town.text.id, "x", attachment=hikari.Bytes(b"1", "a.txt"))
    request = sandbox.requests[-1]
    assert (request.route, request.status, request.code) == ("POST /channels/{channel}/messages", 200, None)
    assert (request.body["content"], request.files) == ("x", ("a.txt",))
