"""What a container does with its arguments and its data folder, with a real shell."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import make_run, spec, start, wait_until

from deeprl_tui import config, ops
from deeprl_tui.core.lock import FileLock

ROOT = Path(__file__).parents[3]
NOBODY = 65534
TOLD = '#!/bin/sh\nprintf "%s\\0" "$PWD" "$$" "$@"\n'
HARD = ["LL basic", "--set", "notes='$(id) `id` *'", "", "-x", 'a"b', "line\nline"]


class Container:
    """The entrypoint in a folder of its own, with a `deeprl` that says how it was called."""

    def __init__(self, folder: Path) -> None:
        self.data, self.home, self.bin = folder / "data", folder / "home", folder / "bin"
        for made in (self.data, self.home, self.bin):
            made.mkdir()
        (self.bin / "deeprl").write_text(TOLD)
        (self.bin / "deeprl").chmod(0o755)
        (self.bin / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (self.bin / "python").chmod(0o755)
        shutil.copy(ROOT / "docker" / "entrypoint.sh", self.bin / "entrypoint")
        self.study = shutil.copy(ROOT / "experiments.toml", folder / "study.toml")

    def start(
        self, *arguments: str, user: int | None = None, data: Path | None = None
    ) -> "subprocess.Popen[str]":
        """Start it as a container engine would."""
        environ = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.home),
            "DEEPRL_DATA": str(data or self.data),
            "DEEPRL_STUDY": str(self.study),
        }
        return subprocess.Popen(
            [self.bin / "entrypoint", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            user=user,
        )

    def told(self, *arguments: str) -> tuple[str, list[str]]:
        """The folder and the arguments with which `deeprl` was called."""
        out, said = self.start(*arguments).communicate(timeout=30)
        assert said == ""
        cwd, _, *there = out.split("\0")
        return cwd, there[:-1]

    def refused(self, *arguments: str, user: int | None = None, data: Path | None = None) -> str:
        """What it says when it refuses; nothing was called."""
        process = self.start(*arguments, user=user, data=data)
        out, said = process.communicate(timeout=30)
        assert (process.returncode, out) == (2, "")
        return said


@pytest.fixture
def container() -> Iterator[Container]:
    """In a folder that other users may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Container(Path(folder))


@pytest.fixture
def foreign(container: Container) -> int | None:
    """The data folder is another's: whom to be, None for oneself."""
    container.data.chmod(0o555)
    return NOBODY if os.getuid() == 0 else None


def test_a_run_gets_its_arguments_untouched_and_is_headless(container: Container) -> None:
    """Blanks, quotes and what a shell would expand are names as any other."""
    assert container.told("run", *HARD) == (str(container.data), ["run", "--headless", *HARD])


def test_any_other_word_is_one_of_deeprl(container: Container) -> None:
    """`docker run IMAGE ls` is `deeprl ls`."""
    assert container.told("ls", *HARD) == (str(container.data), ["ls", *HARD])


def test_a_signal_reaches_the_program_itself(container: Container) -> None:
    """It replaces the script, so no shell stands between docker stop and the workers."""
    process = container.start("run", "CP_basic")
    out, _ = process.communicate(timeout=30)
    assert out.split("\0")[1] == str(process.pid)


def test_an_empty_data_folder_gets_the_study(container: Container) -> None:
    """So `docker run IMAGE run LL_basic` works at once."""
    container.told("run", "LL_basic")
    assert "LL_basic" in config.load(container.data / config.FILE).experiments
    assert [path.name for path in container.data.iterdir()] == [config.FILE]


def test_experiments_of_ones_own_stay(container: Container) -> None:
    """Nothing of a user's is replaced."""
    (container.data / config.FILE).write_text("# mine\n")
    container.told("run", "mine")
    assert (container.data / config.FILE).read_text() == "# mine\n"


def test_a_data_folder_that_cannot_be_made_is_named_with_its_remedy(container: Container) -> None:
    """Place, fault, remedy."""
    below = container.study
    said = container.refused("run", "CP_basic", data=Path(below) / "data")
    assert (
        said
        == f"deeprl: {below}/data: there is no such folder; mount one: docker run -v data:{below}/data ...\n"
    )


@pytest.mark.parametrize("word", ["run", "stay"])
def test_a_data_folder_of_somebody_else_is_named_with_its_remedy(
    container: Container, foreign: int | None, word: str
) -> None:
    """A folder of the machine that is mounted belongs to whoever made it."""
    said = container.refused(word, "CP_basic", user=foreign)
    user = foreign or os.getuid()
    assert said.startswith(
        f"deeprl: {container.data}: user {user} may not write there; chown it to {user}, or "
    )


def test_results_can_be_read_where_nothing_can_be_written(container: Container, foreign: int | None) -> None:
    """A data folder that is mounted read-only."""
    process = container.start("ls", user=foreign)
    out, said = process.communicate(timeout=30)
    assert (said, out.split("\0")[2:]) == ("", ["ls", ""])


def test_an_image_without_jupyter_says_which_has_it(container: Container) -> None:
    """Its packages are four times as many."""
    assert "--target jupyter" in container.refused("jupyter")


def test_a_waiting_container_ends_the_supervisors_of_its_data(container: Container) -> None:
    """Whoever started one by docker exec may be gone; its workers need their checkpoints."""
    root = container.data / ops.RUNS
    paths = make_run(root, spec(), [(0.0, start())])
    with FileLock.acquire(paths.lock, "pid 1"):  # so there is something to supervise
        command = [sys.executable, "-m", "deeprl_tui.supervisor", str(root)]
        supervisor = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        waiting = container.start("stay")
        children = Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children")
        wait_until(lambda: ops.supervised(root), 30, "a supervisor")
        wait_until(lambda: "sleep" in map(name_of, children.read_text().split()), 30, "the container")
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=60)
    assert (supervisor.wait(30), waiting.returncode) == (143, 143)


def test_a_waiting_container_trains_what_waits(container: Container) -> None:
    """The machine was switched off, or the container is a newer one."""
    root = container.data / ops.RUNS
    paths = make_run(root, spec(), [(0.0, start())])
    with FileLock.acquire(paths.lock, "pid 1"):  # so there is something to supervise
        waiting = container.start("stay")
        wait_until(lambda: ops.supervised(root), 30, "a supervisor")
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=60)
    assert not ops.supervised(root)


def name_of(pid: str) -> str:
    """What a process is called; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
