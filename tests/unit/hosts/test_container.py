"""A container as a host: what its engine is told, and every way in which that can end."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

import deeprl_tui
from deeprl_tui.config.hosts import Host
from deeprl_tui.hosts import container
from deeprl_tui.hosts.parcel import Piece
from deeprl_tui.hosts.push import Pushed, push
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.ops.remote import Hosts

TESTS = Path(__file__).parents[2]
ID = "ab" * 32


class Engine:
    """An engine on a host named vm, and that host's home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / "engine"
        self.state.mkdir(parents=True)
        self.set("image", f'sha256:{ID} ["PATH=/opt/deeprl/bin"]\n')
        self.set("version", f"deeprl-tui {deeprl_tui.__version__}\n")

    def set(self, name: str, text: str) -> None:
        """Decide an answer."""
        (self.state / name).write_text(text)

    def told(self, *first: str) -> list[list[str]]:
        """The lists of words that began so, since the last time."""
        lines = map(json.loads, (self.state / "told").read_text().splitlines())
        return [words for words in lines if words[: len(first)] == list(first)]

    def forget(self) -> None:
        """Forget what was told."""
        (self.state / "told").unlink()

    def push(self, **changes: object) -> Pushed:
        """Push a project of one file to a host that differs in this."""
        host = Host("vm", "me@vm", **{"image": "box/deeprl:1", "engine": "docker", **changes})  # type: ignore[arg-type]
        return push(host, "~/deeprl/study", [Piece("experiments.toml", b"# mine\n")])


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Both engines are programs that only answer; a program in place of ssh reaches them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("docker", "podman"):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {TESTS / "fake_engine.py"} "$@"\n')
        (programs / name).chmod(0o755)
    made = Engine(tmp_path / "homes" / "vm")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("ENGINE_HOME", str(made.state))
    monkeypatch.setenv("DEEPRL_SSH", f"{sys.executable} {TESTS / 'fake_ssh.py'}")
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(tmp_path / "homes"))
    return made


def test_first_push(engine: Engine) -> None:
    """A container is started with the project's folder, and Python in it takes the project's files."""
    done = engine.push()
    assert (done.installed, done.env) == (True, ID[:12])
    (words,) = engine.told("run")
    assert words[:4] == ["run", "-d", "--name", "deeprl-study"]
    assert words[-2:] == ["box/deeprl:1", "stay"]
    assert f"{engine.home}/deeprl/study:/mnt/data" in words
    assert (engine.home / "deeprl" / "study").is_dir()
    assert (engine.state / "came").read_bytes() == b"# mine\n"


def test_it_may_do_little(engine: Engine) -> None:
    """It is the user that ssh logs in as, without rights, network, or a root that it may write to."""
    engine.push()
    (words,) = engine.told("run")
    stat = engine.home.stat()
    pairs = list(itertools.pairwise(words))
    assert ("--user", f"{stat.st_uid}:{stat.st_gid}") in pairs
    assert ("--cap-drop", "ALL") in pairs
    assert ("--network", "none") in pairs
    assert "--read-only" in words


def test_again(engine: Engine) -> None:
    """A container that is as it should be is left alone."""
    engine.push()
    engine.forget()
    assert not engine.push().installed
    assert not engine.told("run") + engine.told("stop") + engine.told("pull")


def test_stopped(engine: Engine) -> None:
    """One that was stopped is started."""
    engine.push()
    engine.set("box", (engine.state / "box").read_text().replace("running=true", "running=false"))
    engine.forget()
    assert not engine.push().installed
    assert engine.told("start") == [["start", "deeprl-study"]]


def test_other_image(engine: Engine) -> None:
    """Another image takes the place of one in which nothing trains."""
    engine.push()
    engine.set("image", f"sha256:{'cd' * 32} null\n")
    engine.forget()
    assert engine.push().installed
    assert engine.told("stop")
    assert engine.told("run")


def test_trains(engine: Engine) -> None:
    """A container in which something trains stays, and that is said."""
    engine.push()
    engine.set("image", f"sha256:{'cd' * 32} null\n")
    engine.set("works", "/proc/17/cmdline\n")
    engine.forget()
    with pytest.raises(HostError, match="trains in container deeprl-study") as caught:
        engine.push()
    assert "runs are over" in caught.value.remedy
    assert not engine.told("stop") + engine.told("rm")


def test_fetched(engine: Engine) -> None:
    """An image that is not there is fetched."""
    engine.set("registry", (engine.state / "image").read_text())
    (engine.state / "image").unlink()
    engine.push()
    assert engine.told("pull") == [["pull", "-q", "box/deeprl:1"]]


def test_no_image(engine: Engine) -> None:
    """Where it cannot be fetched, the way without a registry is told."""
    (engine.state / "image").unlink()
    with pytest.raises(HostError, match="docker pull: Error: no such thing") as caught:
        engine.push()
    assert "docker save box/deeprl:1 | ssh me@vm docker load" in caught.value.remedy


def test_no_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without the engine is told what to do."""
    monkeypatch.setenv("PATH", f"{engine.home}:{Path(sys.executable).parent}")
    for tool in ("sh", "mkdir", "id", "uname"):
        Path(engine.home, tool).symlink_to(f"/usr/bin/{tool}")
    with pytest.raises(HostError, match="has no docker") as caught:
        engine.push()
    assert "[hosts.vm]: engine" in caught.value.remedy


def test_other_version(engine: Engine) -> None:
    """An image of another version is named with the remedy, and none of its containers is left."""
    engine.set("version", "deeprl-tui 0.0.1\n")
    with pytest.raises(HostError, match=r"has deeprl-tui 0\.0\.1, here is") as caught:
        engine.push()
    assert "name an image of" in caught.value.remedy
    assert engine.told("rm") == [["rm", "-f", "-v", "deeprl-study"]]


def test_other_thing(engine: Engine) -> None:
    """An image of something else says why it does not start."""
    (engine.state / "version").unlink()
    engine.set("logs", "stay: no such program\n")
    with pytest.raises(HostError, match="does not start: stay: no such program"):
        engine.push()


@pytest.mark.parametrize(
    ("labels", "owner"),
    [('{"deeprl.folder": "/home/you/deeprl/study"}', "/home/you/deeprl/study"), ("null", "no project")],
)
def test_of_somebody_else(engine: Engine, labels: str, owner: str) -> None:
    """A container of this name that is of another folder or user, or that no push made, is not touched."""
    engine.set("box", f"running=true {labels}\n")
    with pytest.raises(HostError, match=f"container deeprl-study is of {owner}, not of") as caught:
        engine.push()
    assert "another name" in caught.value.remedy
    assert not engine.told("stop") + engine.told("rm")


def test_cores(engine: Engine) -> None:
    """A host that may use so many cores gets a container of as many."""
    engine.push(cores=1)
    (words,) = engine.told("run")
    assert words[words.index("--cpuset-cpus") + 1].isdigit()


@pytest.mark.parametrize(
    ("name", "info", "options"),
    [
        ("docker", "[name=seccomp name=rootless]", ["--user", "0:0"]),
        ("podman", "rootless=true", ["--userns", "keep-id", "--user"]),
    ],
)
def test_rootless(engine: Engine, name: str, info: str, options: list[str]) -> None:
    """With an engine of the user's own, that user is the one whose files they are."""
    engine.set("info", f"{info}\n")
    engine.push(engine=name)
    (words,) = engine.told("run")
    first = words.index(options[0])
    assert words[first : first + len(options)] == options


def test_gpus(engine: Engine) -> None:
    """An image that asks for GPUs gets them."""
    engine.set("image", f'sha256:{ID} ["NVIDIA_VISIBLE_DEVICES=all"]\n')
    engine.push()
    (words,) = engine.told("run")
    assert words[words.index("--gpus") + 1] == "all"


def test_way(tmp_path: Path) -> None:
    """What speaks for a project there is a command in its container, and the folder is the container's."""
    host = Host("vm", "me@vm", image="box", engine="podman")
    hosts = Hosts(tmp_path, "my study", {"vm": host})
    assert container.serving(host, hosts.place(host)) == "exec podman exec -i deeprl-my-study deeprl serve"
    assert hosts.folder(host) == container.DATA


def test_wheels_are_of_no_use(engine: Engine) -> None:
    """An image has its packages already."""
    host = Host("vm", "vm", image="box")
    with pytest.raises(HostError, match="its image has the packages"):
        push(host, "~/deeprl/study", wheels=[Piece("x.whl", b"")])


def relay(*requests: str) -> str:
    """What the program on the host answers to these bytes."""
    done = subprocess.run(
        ["sh", "-c", container.RELAY], input="".join(requests), capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize("word", ["$(id)", "`id`", "a b", "; id", "'", '"', "\\n", "", "*", "-n", "~"])
def test_words_stay_words(word: str) -> None:
    """What a shell could read is an argument as any other."""
    assert relay(f"end 3\nprintf\n<%s>\n{word}\n") == f"<{word}>\nend 0\n"


def test_cut_within_a_list() -> None:
    """A list of words that is cut off is not run."""
    assert relay("end 2\necho\n") == ""
    assert relay("end 2\necho\nhel") == ""


def test_an_argument_is_a_line() -> None:
    """A word that would be two is refused here."""
    with open("/dev/null", "w+b") as null, pytest.raises(ValueError, match="one line"):
        container.Relay(null, null).run("echo", "a\nid")
