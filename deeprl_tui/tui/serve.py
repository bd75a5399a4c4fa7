"""`deeprl-tui --serve`: the same app in a web page, by textual-serve.

Rule: who can open the page can launch code as this user. So it is on loopback unless asked otherwise, and
only for who has the key in the address; no other web page may speak to it, though it is in the same browser.
"""

import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any, Final

from deeprl_tui.errors import DeeprlError

LOOPBACK: Final = "127.0.0.1"
COOKIE: Final = "deeprl_key"
DRIVER: Final = "TEXTUAL_DRIVER"
"""textual-serve sets it for the app: then a pipe is as good as a terminal."""

Handler = Callable[[Any], Awaitable[Any]]


class MissingServeError(DeeprlError):
    """textual-serve is not installed."""


def serve(arguments: Sequence[str], host: str = LOOPBACK, port: int = 8000) -> None:
    """Serve until ctrl+c. Raises MissingServeError.

    arguments: those of `deeprl-tui` for the app, a process for each open page.
    """
    key = secrets.token_urlsafe(24)
    server = make_server(arguments, host, port, key)
    sys.stdout.write(f"open {server.public_url}/?key={key}\n")
    if host not in (LOOPBACK, "localhost", "::1"):
        sys.stdout.write("whoever has this address can launch code as you: give it to nobody\n")
    sys.stdout.flush()
    server.serve()


def make_server(arguments: Sequence[str], host: str, port: int, key: str) -> Any:
    """A server that lets in who has the key. Raises MissingServeError."""
    try:
        web: Any = import_module("aiohttp.web")
        base: Any = import_module("textual_serve.server").Server
    except ImportError as error:
        raise MissingServeError(
            f"a web page needs textual-serve ({error.name} is missing)",
            place="--serve",
            remedy='pip install "deeprl-tui[web]"',
        ) from None

    async def guard(request: Any, handler: Handler) -> Any:
        origin = request.headers.get("Origin")
        if request.host != address or origin not in (None, server.public_url):
            raise web.HTTPForbidden(text="another page may not speak to this one")
        said = request.query.get("key", "")
        if secrets.compare_digest(said.encode(), key.encode()):
            answer = web.HTTPFound("/")  # the key does not stay in the address
            answer.set_cookie(COOKIE, key, httponly=True, samesite="Strict")
            raise answer
        if not secrets.compare_digest(request.cookies.get(COOKIE, "").encode(), key.encode()):
            raise web.HTTPForbidden(text="open the address that deeprl-tui --serve printed, with its key")
        return await handler(request)

    async def make_app(self: Any) -> Any:
        app = await base._make_app(self)
        app.middlewares.append(web.middleware(guard))
        return app

    async def on_startup(self: Any, app: Any) -> None:
        """The address was said already."""

    guarded: Any = type("Guarded", (base,), {"_make_app": make_app, "on_startup": on_startup})
    command = shlex.join([sys.executable, "-m", "deeprl_tui.tui.main", *arguments])
    server = guarded(command, host=host, port=port, title="deeprl")
    address = server.public_url.partition("://")[2]
    return server
