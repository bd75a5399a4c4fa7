"""How a host is reached, and what is said when it is not."""

import pytest

from deeprl_tui.hosts import ssh


@pytest.mark.parametrize("address", ["vm-1", "me@10.0.0.5", "user.name@host.example", "compute.42"])
def test_address(address: str) -> None:
    """The address stands behind a double dash, as one argument."""
    words = ssh.command(address, client=["ssh"])
    assert words[-3:] == ["--", address, ssh.SERVE]


@pytest.mark.parametrize(
    "address", ["-oProxyCommand=touch x", "a b", "$(id)", "a;b", "`id`", "a\nb", "", "@x", "a@-b", "x" * 300]
)
def test_no_address(address: str) -> None:
    """What a shell or ssh could take for something else is refused."""
    with pytest.raises(ValueError, match="not an ssh address"):
        ssh.command(address)


def test_batch() -> None:
    """Without somebody who could answer, ssh never asks."""
    assert "BatchMode=yes" in ssh.command("vm")
    assert "BatchMode=yes" not in ssh.command("vm", ask=True)


def test_program() -> None:
    """Another client can be named, with arguments."""
    assert ssh.program({"DEEPRL_SSH": "ssh -F 'my config'"}) == ["ssh", "-F", "my config"]
    assert ssh.program({}) == ["ssh"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("@ REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "changed key"),
        ("No ED25519 host key is known for vm.\nHost key verification failed.",
         "unknown key"),
        ("me@vm: Permission denied (publickey).", "key"),
        ("ssh: Could not resolve hostname vm: Name or service not known", "name"),
        ("ssh: connect to host vm port 22: Connection refused", "refused"),
        ("ssh: connect to host vm port 22: No route to host", "route"),
        ("ssh: connect to host vm port 22: Connection timed out", "timeout"),
        ("Timeout, server vm not responding.", "timeout"),
        ("kex_exchange_identification: Connection closed by remote host", "busy"),
        ("something else", "lost"),
    ],
)  # fmt: skip
def test_faults(said: str, kind: str) -> None:
    """ssh's words have a meaning, and a remedy where there is one."""
    error = ssh.explain("vm", 255, said)
    assert error.kind == kind
    assert error.place == "vm"


def test_remote_fault() -> None:
    """Another exit code is the remote command's, told by its last line, cleaned."""
    error = ssh.explain("vm", 127, "sh: 1: exec: .deeprl/serve:\x1b]52;c;eA==\x07 not found\n")
    assert error.kind == "remote"
    assert "\x1b" not in str(error)


@pytest.mark.parametrize(
    "said",
    [
        "sh: 1: exec: .deeprl/serve: not found",
        "Error response from daemon: No such container: deeprl-study",
        "Error response from daemon: container 1a2b is not running",
        'Error: no container with name or ID "deeprl-study" found: no such container',
        "Error: can only create exec sessions on running containers: container state improper",
    ],
)
def test_nothing_was_pushed(said: str) -> None:
    """A host that is not ready is told how it becomes that."""
    assert ssh.explain("vm", 1, said).remedy == "deeprl push vm"


def test_no_client() -> None:
    """A machine without ssh is told what it lacks."""
    with pytest.raises(ssh.HostError, match="install an ssh client"):
        ssh.start("vm", ["/nowhere/ssh"])
