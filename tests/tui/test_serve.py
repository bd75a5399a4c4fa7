"""The app in a web page, on loopback, for who has the key."""

import sys
from typing import Any

import pytest

from deeprl_tui.tui import main as entry
from deeprl_tui.tui.serve import COOKIE, LOOPBACK, make_server

KEY = "the-key"


@pytest.fixture
async def page(unused_tcp_port_factory: Any = None) -> Any:
    """A server on a free port, and a client without cookies of its own."""
    pytest.importorskip("textual_serve")
    from aiohttp import ClientSession, DummyCookieJar, web

    server = make_server(["--demo"], LOOPBACK, 0, KEY)
    runner = web.AppRunner(await server._make_app())
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    port = runner.addresses[0][1]
    async with ClientSession(f"http://{LOOPBACK}:{port}", cookie_jar=DummyCookieJar()) as client:
        yield client, server
    await runner.cleanup()


HEADERS = {"Host": f"{LOOPBACK}:0"}
COOKIES = {**HEADERS, "Cookie": f"{COOKIE}={KEY}"}


async def test_the_page_answers_who_has_the_key(page: Any) -> None:
    """The key becomes a cookie, and the cookie opens the page."""
    client, _ = page
    async with client.get("/", params={"key": KEY}, headers=HEADERS, allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.cookies[COOKIE]["samesite"] == "Strict"
    async with client.get("/", headers=COOKIES) as answer:
        assert answer.status == 200
        assert "deeprl" in await answer.text()


@pytest.mark.parametrize(
    "headers",
    [HEADERS, {**HEADERS, "Cookie": f"{COOKIE}=guess"}, {**COOKIES, "Origin": "http://evil.example"},
     {**COOKIES, "Host": "evil.example"}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/ws", "/static/"])
async def test_nobody_else_gets_in(page: Any, headers: dict[str, str], path: str) -> None:
    """No key, a wrong one, another page of the same browser, another name for this machine."""
    client, _ = page
    async with client.get(path, headers=headers) as answer:
        assert answer.status == 403


async def test_the_app_is_in_the_page(page: Any) -> None:
    """The websocket starts the app, which draws the demo."""
    client, _ = page
    seen = b""
    async with client.ws_connect("/ws?width=80&height=24", headers=COOKIES) as socket:
        while b"deeprl" not in seen:
            message = await socket.receive(timeout=60)
            assert isinstance(message.data, bytes | str), message
            seen += message.data if isinstance(message.data, bytes) else message.data.encode()


def test_without_textual_serve(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    assert entry.main(["--serve"]) != 0
    assert 'pip install "deeprl-tui[web]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--serve", "--port", "80", "--demo"], ["--demo"]),
        (["--port=80", "--serve", "--file", "a b; rm"], ["--file", "a b; rm"]),
        (["--host", "0.0.0.0", "--serve"], []),
    ],
)
def test_what_the_app_is_started_with(words: list[str], left: list[str]) -> None:
    """All but what is about the page."""
    assert entry.app_arguments(words) == left
