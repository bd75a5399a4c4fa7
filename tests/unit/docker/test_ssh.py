"""What stands for ssh where deeprl is in a container: only the last argument is another one."""

import os
import subprocess
from pathlib import Path

import pytest

from deeprl_tui.hosts import ssh

SCRIPT = Path(__file__).parents[3] / "docker" / "ssh.sh"


@pytest.fixture
def run(tmp_path: Path) -> "Run":
    """Run it with an `ssh` that says how it was called."""
    (tmp_path / "ssh").write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    (tmp_path / "ssh").chmod(0o755)
    return Run(tmp_path)


class Run:
    """The script in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"PATH": f"{folder}:{os.environ['PATH']}"}

    def __call__(self, address: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Called as the tool calls ssh."""
        return subprocess.run(
            ssh.command(address, client=[str(SCRIPT)]),
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )


def test_the_remote_command_enters_the_container(run: Run) -> None:
    """Options and address stay as they are."""
    told = run("me@vm-1", DEEPRL_CONTAINER="trainer").stdout.split("\0")[:-1]
    ours = ssh.command("me@vm-1", "exec docker exec -i trainer deeprl serve", client=["ssh"])
    assert told == ours[1:]


@pytest.mark.parametrize("name", ["a b", "a;reboot", "-v", "$(id)"])
def test_a_name_that_a_shell_would_read_is_refused(run: Run, name: str) -> None:
    """It would be part of a command line on another machine."""
    done = run("vm-1", DEEPRL_CONTAINER=name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no name of a container; docker ps shows them" in done.stderr
