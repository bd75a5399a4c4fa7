"""Plug-ins in experiments.toml: what may be written, which code is behind it. Nothing is imported."""

import os
from pathlib import Path

import pytest

from deeprl_tui import config
from deeprl_tui.config.modules import sources
from deeprl_tui.config.text import Fault

BUFFER = "class Mine:\n    pass\n"


def write(folder: Path, **files: str) -> None:
    """Write files; two underscores stand for a slash, and .py is added."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/").replace("/init", "/__init__") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def messages(folder: Path, *lines: str) -> list[str]:
    """What a check says of one experiment with these lines."""
    text = "\n".join(["[experiments.A]", 'env = "CartPole-v1"', *lines])
    (folder / "experiments.toml").write_text(text)
    return [str(one).partition("[experiments.A] ")[2] for one in config.check(folder).errors]


def files(folder: Path, path: str) -> list[str]:
    return [one.file for one in sources(folder, path)]


@pytest.mark.parametrize(
    "line",
    [
        'replay = "mine:Mine"',
        'network = "mine:Mine"',
        'wrappers = ["mine:Mine", "mine:Mine"]',
        'wrappers = "none"',
        'sweep = {replay = ["uniform", "mine:Mine"], wrappers = [[], ["mine:Mine"]]}',
    ],
)
def test_code_of_the_project_is_allowed(tmp_path: Path, line: str) -> None:
    """By module and name, where the file is there."""
    write(tmp_path, mine=BUFFER)
    assert messages(tmp_path, line) == []


def test_an_env_of_the_project_is_allowed(tmp_path: Path) -> None:
    """In place of a gymnasium id."""
    write(tmp_path, mine=BUFFER)
    (tmp_path / "experiments.toml").write_text('[experiments.A]\nenv = "mine:Mine"\n')
    assert config.load(tmp_path).experiments["A"].env == "mine:Mine"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'replay = "mine.Mine"',
            'replay: must be "uniform" or "prioritized" or "retention" or "module:Name", not "mine.Mine"',
        ),
        ('replay = "mine.py:Mine"', "did you mean mine:Mine?"),
        (
            'replay = "sub/mine.py:M"',
            'replay: "sub/mine.py:M" is not "module:Name"; did you mean "sub.mine:M"?',
        ),
        ('network = "mine:a b"', 'network: "mine:a b" is not "module:Name"; name a file without .py'),
        ('wrappers = "mine:Mine"', 'wrappers: must be a list, not a string; write ["mine:Mine"]'),
        ("wrappers = [3]", 'wrappers: must be "module:Name", not an integer'),
        ('wrappers = ["mine.Mine"]', 'wrappers: "mine.Mine" is not "module:Name"; did you mean "mine:Mine"?'),
        ('replay = "mime:Mine"', "replay: no module mime: there is no mime.py in"),
        ('replay = "mime:Mine"', "did you mean mine:Mine?"),
        ('replay = "far.off:Mine"', "replay: no module far.off: there is no far/off.py in"),
        ('replay = "mine:Mime"', "replay: mine has no Mime; did you mean mine:Mine?"),
        ('replay = "broken:Mine"', "replay: broken.py is not Python in line 2: "),
        ('replay = "torch:Mine"', "replay: torch is a module of Python's or of this tool; rename your file"),
        ('sweep = {replay = ["mine:Mime", "uniform"]}', "sweep: mine has no Mime; did you mean mine:Mine?"),
        ('dueling = true\nnetwork = "mine:Mine"', "dueling: needs the network mlp"),
    ],
)
def test_a_wrong_path_is_told_with_its_remedy(tmp_path: Path, line: str, said: str) -> None:
    """Key, fault and what to write instead."""
    write(tmp_path, mine=BUFFER, broken="x = 1\ny = = 2\n")
    (message,) = messages(tmp_path, line)
    assert said in message


def test_an_id_behind_a_module_is_no_env(tmp_path: Path) -> None:
    """Gymnasium would import that module for it."""
    (tmp_path / "experiments.toml").write_text('[experiments.A]\nenv = "mine:Corridor-v0"\n')
    (problem,) = config.check(tmp_path).errors
    assert (problem.line, problem.key) == (2, "env")
    assert "names an id behind a module" in problem.reason


def test_a_check_imports_nothing(tmp_path: Path) -> None:
    """A module that would leave a trace leaves none."""
    write(tmp_path, mine=f"open({str(tmp_path / 'trace')!r}, 'w')\n" + BUFFER)
    assert messages(tmp_path, 'replay = "mine:Mine"') == []
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "text",
    ["Mine = 3", "from other import Mine", "import x as Mine", "from other import *", "def Mine(): ...",
     "try:\n    import a\nexcept ImportError:\n    Mine = 1", "Mine: int = 3", "def __getattr__(name): ..."],
)  # fmt: skip
def test_a_name_may_be_defined_in_many_ways(tmp_path: Path, text: str) -> None:
    """Wherever Python would find it."""
    write(tmp_path, mine=text)
    assert files(tmp_path, "mine:Mine") == ["mine.py"]


def test_code_is_followed_through_the_project(tmp_path: Path) -> None:
    """Imports of all kinds, in functions too; not those that lead out of the folder."""
    write(
        tmp_path,
        mine="import json, torch, a\nfrom pkg import b\ndef f():\n    import pkg.deep.c\n" + BUFFER,
        a="from elsewhere import x\n",
        unused="",
        json="",
        pkg__init="",
        pkg__b="from .deep import c\nfrom . import d\nfrom .. import e\n",
        pkg__d="import mine\n",
        pkg__deep__c="from ..f import g\n",
        pkg__f="",
    )
    listed = files(tmp_path, "mine:Mine")
    assert listed[0] == "mine.py"
    assert sorted(listed) == [
        "a.py", "mine.py", "pkg/__init__.py", "pkg/b.py", "pkg/d.py", "pkg/deep/c.py", "pkg/f.py",
    ]  # fmt: skip


def test_a_package_comes_before_a_module(tmp_path: Path) -> None:
    """As in Python; and the packages above a module run too."""
    write(tmp_path, pkg="", pkg__init="", pkg__mine=BUFFER)
    assert files(tmp_path, "pkg.mine:Mine") == ["pkg/mine.py", "pkg/__init__.py"]


def test_a_broken_neighbor_is_named(tmp_path: Path) -> None:
    """The fault is in the file that is imported, so that is the file to correct."""
    write(tmp_path, mine="import helper\n" + BUFFER, helper="def\n")
    with pytest.raises(Fault, match=r"helper\.py is not Python in line 1"):
        sources(tmp_path, "mine:Mine")


def test_a_pipe_in_place_of_a_file_hangs_nothing(tmp_path: Path) -> None:
    """Only regular files are read."""
    os.mkfifo(tmp_path / "mine.py")
    with pytest.raises(Fault, match="no module mine"):
        sources(tmp_path, "mine:Mine")


def test_a_derived_name_is_read_back(tmp_path: Path) -> None:
    """`--set` with plug-ins has a name that is a folder and a shell word, and finds itself."""
    write(tmp_path, mine=BUFFER)
    (tmp_path / "experiments.toml").write_text('[experiments.A]\nenv = "CartPole-v1"\n')
    project = config.load(tmp_path)
    sets = dict(config.parse_override(text) for text in ("replay=mine:Mine", "wrappers=mine:A,mine:B"))
    made = config.override(project.experiments["A"], {**sets, "wrappers": ["mine:A", "mine:B"]})
    assert made.name == "A+replay=mine-Mine+wrappers=mine-A--mine-B"
    assert config.select(project, [made.name]) == [made]
