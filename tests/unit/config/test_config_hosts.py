"""[hosts.NAME]: what is taken, and every fault with its place."""

import jsonschema
import pytest

from deeprl_tui.config import Host, check_bytes
from deeprl_tui.config.schema import schema

EXPERIMENT = b'[experiments.CP]\nenv = "CartPole-v1"\n'


def test_hosts() -> None:
    """A host has an address, a folder, cores, a Python, an image and a price; all may be left out."""
    text = b'[hosts.vm-1]\naddress = "me@10.0.0.5"\ncores = 8\nprice = 0.5\n[hosts.box]\n' + EXPERIMENT
    project = check_bytes(text).project
    assert project is not None
    assert project.hosts == {
        "vm-1": Host("vm-1", "me@10.0.0.5", cores=8, price=0.5),
        "box": Host("box", "box"),
    }


@pytest.mark.parametrize(
    ("text", "line", "key", "reason"),
    [
        ('[hosts.vm]\naddress = "-oProxyCommand=x"', 2, "address", "cannot be used"),
        ('[hosts.vm]\naddress = "a;b"', 2, "address", "cannot be used"),
        ('[hosts.vm]\nroot = "~/my runs"', 2, "root", "cannot be used"),
        ("[hosts.vm]\ncores = 0", 2, "cores", "must be"),
        ("[hosts.vm]\nprice = -1", 2, "price", "must be"),
        ("[hosts.vm]\nadress = 'x'", 2, "adress", "unknown key"),
        ("[hosts.vm]\nimage = '--privileged'", 2, "image", "cannot be used"),
        ("[hosts.vm]\nimage = 'a;b'", 2, "image", "cannot be used"),
        ("[hosts.vm]\nimage = 'a b'", 2, "image", "cannot be used"),
        ("[hosts.vm]\nimage = 'Deep/$(id)'", 2, "image", "cannot be used"),
        ("[hosts.vm]\nengine = 'sh'", 2, "engine", "cannot be used"),
        ("[hosts.local]", 1, "", "is not a name for a host"),
        ('[hosts."a b"]', 1, "", "is not a name for a host"),
        ("[hosts]\nvm = 3", 2, "vm", "must be a table"),
    ],
)
def test_faults(text: str, line: int, key: str, reason: str) -> None:
    """A fault is told with its line and key."""
    checked = check_bytes(text.encode() + b"\n" + EXPERIMENT)
    (problem,) = checked.errors
    assert (problem.line, problem.key) == (line, key)
    assert reason in problem.reason


@pytest.mark.parametrize(
    "image",
    [
        "deeprl-tui",
        "deeprl-tui:0.1.0",
        "europe-west4-docker.pkg.dev/my-project/my_repo/deeprl-tui:0.1.0",
        "localhost:5000/deeprl-tui",
        f"ghcr.io/me/deeprl-tui@sha256:{'0' * 64}",
    ],
)
def test_image(image: str) -> None:
    """An image is named as everywhere: registry, name, tag, digest."""
    project = check_bytes(f'[hosts.vm]\nimage = "{image}"\nengine = "podman"\n'.encode() + EXPERIMENT).project
    assert project is not None
    assert project.hosts["vm"] == Host("vm", "vm", image=image, engine="podman")


def test_near_key() -> None:
    """A key that was mistyped is named."""
    (problem,) = check_bytes(b"[hosts.vm]\nadress = 'x'\n" + EXPERIMENT).errors
    assert "address" in problem.remedy


def test_schema() -> None:
    """The schema for editors takes and refuses what the check does."""
    good = {"experiments": {"CP": {"env": "CartPole-v1"}}, "hosts": {"vm": {"address": "me@vm", "cores": 2}}}
    jsonschema.validate(good, schema())
    faults: list[dict[str, dict[str, object]]] = [
        {"local": {}},
        {"vm": {"address": "-x"}},
        {"vm": {"other": 1}},
        {"vm": {"image": "-x"}},
        {"vm": {"engine": "sh"}},
    ]
    for bad in faults:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, "hosts": bad}, schema())
