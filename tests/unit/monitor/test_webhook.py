"""News posted to a server of this machine."""

from collections.abc import Iterator

import pytest
from hook_lab import Server, serving

from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.webhook import Webhook, check_address


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    with serving() as server:
        yield server


def test_bodies_arrive_in_order(server: Server) -> None:
    """Closing waits for what was sent."""
    failures: list[DeeprlError] = []
    hook = Webhook(server.address, failures.append)
    for number in range(3):
        hook.send({"text": f"number {number}", "at": 1.5, "run": None})
    hook.close()
    assert server.bodies == [{"text": f"number {n}", "at": 1.5, "run": None} for n in range(3)]
    assert failures == []


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_a_failure_is_told_once(server: Server, answer: int) -> None:
    """Each message is tried; the first that fails is told; a redirect is not followed."""
    server.answer = answer
    failures: list[DeeprlError] = []
    hook = Webhook(server.address, failures.append)
    for number in range(3):
        hook.send({"text": str(number)})
    hook.close()
    assert [str(answer) in str(error) for error in failures] == [True]
    assert len(server.bodies) == 3


def test_nobody_there_is_told_and_nothing_waits() -> None:
    """A closed port fails; sending returns at once."""
    failures: list[DeeprlError] = []
    hook = Webhook("http://127.0.0.1:9/", failures.append, timeout=1.0)
    hook.send({"text": "x"})
    hook.close(5.0)
    assert "refused" in str(failures[0])


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a?b=c", "http://localhost:8080/x", "http://[::1]:1/", "http://127.0.0.1/"],
)
def test_https_and_this_machine_may_be_posted_to(address: str) -> None:
    """The address comes back as it is."""
    assert check_address(address) == address


@pytest.mark.parametrize(
    "address",
    ["", "http://example.org/", "file:///etc/passwd", "https://", "ftp://localhost/", "https://a b/",
     "http://localhost.example.org/", "https://x\n/", "http://[::1", "https://h:port/"],
)  # fmt: skip
def test_other_addresses_are_refused(address: str) -> None:
    """Plain http elsewhere, other schemes, and what is no address."""
    with pytest.raises(DeeprlError):
        check_address(address)
