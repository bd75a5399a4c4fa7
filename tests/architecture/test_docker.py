"""The container files: what an image is made of, who runs in it, and what is kept out."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deeprl_tui.cli.watch import LEAVE_S

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
FILES = ("Dockerfile", "Dockerfile.cuda")
ALLOWED = {
    "ARG TORCH_BACKEND=cpu",
    "ARG TORCH_BACKEND=cu130",
    "DEEPRL_DATA=/mnt/data",
    "DEEPRL_DATA=/mnt/data \\",
    "NVIDIA_VISIBLE_DEVICES=all \\",
    "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
}
"""Lines in which the two Dockerfiles may differ, beside what they say of themselves."""

Stage = tuple[str, list[list[str]]]


def stages(file: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name: what each is from, and its instructions as words."""
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / file).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, Stage] = {}
    steps: list[list[str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.split()
        if words[0] == "FROM":
            _, base, _, name = words
            steps = []
            found[name] = (base, steps)
        else:
            steps.append(words)
    return found


def ancestry(file: str, name: str) -> list[list[str]]:
    """All instructions that a stage is made by, oldest first."""
    known = stages(file)
    steps: list[list[str]] = []
    while name in known:
        name, own = known[name]
        steps = own + steps
    return steps


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path of the root out: all but what it names."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return f"!{path.split('/')[0]}" not in rules


@pytest.mark.parametrize("file", FILES)
def test_bases_are_pinned(file: str) -> None:
    """A tag may move; a digest does not."""
    known = stages(file)
    (base,) = re.findall(r"^ARG BASE=(\S+)", (DOCKER / file).read_text(), re.MULTILINE)
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim@sha256:[0-9a-f]{64}", base)
    assert {name for name, _ in known.values()} <= {*known, "${BASE}"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("stage", ["runtime", "jupyter", "service"])
def test_nobody_is_root_in_a_container(file: str, stage: str) -> None:
    """By number, so that a cluster that refuses root can see it."""
    users = [words[1] for words in ancestry(file, stage) if words[0] == "USER"]
    assert users[-1] == "1000:1000"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("stage", ["runtime", "jupyter", "service"])
def test_what_runs_has_no_compiler_and_was_told_no_settings_of_pip(file: str, stage: str) -> None:
    """Both stay in the stages that are left behind: an image's history is public."""
    words = {word for step in ancestry(file, stage) for word in step}
    assert not {word for word in words if word in ("gcc", "ARG") or word.startswith("PIP_")}


@pytest.mark.parametrize("file", FILES)
def test_what_is_copied_is_there_and_not_ignored(file: str) -> None:
    """Else a build fails, or an image lacks something."""
    copies = [
        words
        for _, steps in stages(file).values()
        for words in steps
        if words[0] == "COPY" and not words[1].startswith("--from")
    ]
    sources = {source for words in copies for source in words[1:-1]}
    assert len(sources) > 8
    assert {source for source in sources if ignored(source) or not (ROOT / source).exists()} == set()


@pytest.mark.parametrize("path", [".git", ".venv", "runs", "benchmarks", "tests", ".env", "dist"])
def test_what_is_not_needed_stays_out_of_the_build(path: str) -> None:
    """Runs are large, histories and environments are nobody's."""
    assert ignored(path)


@pytest.mark.parametrize("file", FILES)
def test_no_secret_is_in_a_dockerfile(file: str) -> None:
    """A certificate is mounted; settings of pip have no default."""
    text = (DOCKER / file).read_text()
    assert not re.search(r"password|token|api_?key|://[^/\s]+@", text, re.IGNORECASE)
    assert set(re.findall(r"^ARG (PIP_\w+)(.*)", text, re.MULTILINE)) == {
        ("PIP_CERT", ""),
        ("PIP_INDEX_URL", ""),
        ("PIP_EXTRA_INDEX_URL", ""),
        ("PIP_FIND_LINKS", ""),
    }


def test_the_two_dockerfiles_differ_only_where_they_should() -> None:
    """Docker has no way to share their text."""
    plain, cuda = (
        {line.strip() for line in (DOCKER / file).read_text().splitlines() if not line.startswith("#")}
        for file in FILES
    )
    assert plain ^ cuda == ALLOWED


def test_the_requirements_are_those_of_the_package() -> None:
    """Each with one version that the package takes: after a change, make the file anew as it says."""
    lines = (DOCKER / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = [Requirement(text) for text in project["dependencies"]]
    wanted = [need for need in needs if need.marker is None or need.marker.evaluate()]
    assert [need.name for need in wanted if not need.specifier.contains(pins.get(need.name, "0"))] == []


@pytest.mark.parametrize(
    ("file", "words"),
    [("compose.yaml", r"stop_grace_period: (\d+)s"), ("cos.yaml", r"docker stop -t (\d+)")],
)
def test_a_stopped_service_has_time_for_its_checkpoints(file: str, words: str) -> None:
    """Docker kills after 10 s unless told otherwise; a VM that is taken back is gone after 30 s."""
    (grace,) = re.findall(words, (DOCKER / file).read_text())
    assert LEAVE_S < int(grace) <= 30


def test_the_compose_file_names_what_is_there() -> None:
    """The Dockerfile, and its stages."""
    text = (DOCKER / "compose.yaml").read_text()
    assert set(re.findall(r"dockerfile: (\S+)", text)) == {"docker/Dockerfile"}
    assert set(re.findall(r"target: (\S+)", text)) <= set(stages("Dockerfile"))


@pytest.mark.parametrize("script", ["entrypoint.sh", "build-without-docker.sh"])
def test_the_scripts_can_be_read_by_their_shell(script: str) -> None:
    """And may be executed."""
    path = DOCKER / script
    shell = path.read_text().splitlines()[0].rpartition("/")[2].split()[-1]
    assert path.stat().st_mode & 0o111 == 0o111
    assert subprocess.run([shell, "-n", str(path)], check=False).returncode == 0
