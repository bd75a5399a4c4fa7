"""News for another program: a small JSON POST from a thread of its own.

Rule: https, or http on this very machine. Nothing waits for it, nothing is sent twice, redirects are not
followed, and only the first failure is told.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPMessage
from ipaddress import ip_address
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from deeprl_tui.core.spec import Json
from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError

TIMEOUT_S = 5.0
WAITING = 100
"""Messages that wait at most; later ones are dropped while nobody answers."""


def check_address(address: str) -> str:
    """Return an address that may be posted to. Raises DeeprlError."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise _misused(address, str(error)) from None
    if not address.isascii() or not address.isprintable() or " " in address or not host:
        raise _misused(address, "is no address")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return address
    raise _misused(address, "is neither https nor on this machine")


def _misused(address: str, why: str) -> DeeprlError:
    return DeeprlError(why, place=f"webhook {clean(address)[:80]}", remedy="write https://HOST/PATH")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Stay(HTTPRedirectHandler):
    """A redirect could lead anywhere: it is a failure."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Do not."""


class Webhook:
    """Posts to one address; raises DeeprlError if it may not."""

    def __init__(
        self, address: str, failed: Callable[[DeeprlError], None], *, timeout: float = TIMEOUT_S
    ) -> None:
        self.address = check_address(address)
        self._failed = failed
        self._timeout = timeout
        self._told = False
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def send(self, body: Mapping[str, Json]) -> None:
        """Post a body soon; returns at once."""
        try:
            self._queue.put_nowait(json.dumps(dict(body), allow_nan=False).encode())
        except queue.Full:
            self._fail("it does not answer; messages are dropped")

    def close(self, seconds: float = 2 * TIMEOUT_S) -> None:
        """Wait until what was sent is posted, but not for longer."""
        deadline = time.monotonic() + seconds
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        direct = ProxyHandler({}) if _is_loopback(urlsplit(self.address).hostname or "") else ProxyHandler()
        opener = build_opener(direct, _Stay)
        while (body := self._queue.get()) is not None:
            self._post(opener, body)

    def _post(self, opener: OpenerDirector, body: bytes) -> None:
        request = Request(  # noqa: S310  the scheme was checked
            self.address,
            data=body,
            headers={"Content-Type": "application/json", "User-Agent": "deeprl"},
            method="POST",
        )
        try:
            answer: Any = opener.open(request, timeout=self._timeout)
            answer.close()
        except HTTPError as error:
            error.close()
            self._fail(f"it answers {error.code} {clean(str(error.reason))[:80]}")
        except (OSError, ValueError) as error:
            self._fail(clean(str(getattr(error, "reason", error)))[:120])

    def _fail(self, why: str) -> None:
        if not self._told:
            self._told = True
            self._failed(
                DeeprlError(
                    f"nothing can be sent ({why})",
                    place=f"webhook {clean(self.address)[:80]}",
                    remedy="mend the address; this is said once",
                )
            )
