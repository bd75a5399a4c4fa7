"""Properties of the configuration: it never crashes, never guesses a line, never hides a fault."""

import tomllib
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from deeprl_tui import config
from deeprl_tui.config.keys import BY_NAME, FORMER, SETTINGS, TABLE_KEYS, Key
from deeprl_tui.config.names import spell
from deeprl_tui.config.read import read
from deeprl_tui.config.values import check_value
from deeprl_tui.core.plugin import PATH, is_path
from deeprl_tui.core.spec import is_name
from deeprl_tui.errors import ConfigError

BASE = b"""
[experiments.CP_basic]
env = "CartPole-v1"
baseline = true
[experiments.CP_long]
env = "CartPole-v1"
total_episodes = 5000
net_arch = [512]
"""


def project() -> config.Project:
    made = config.check_bytes(BASE).project
    assert made is not None
    return made


# TOML text from arbitrary values, written in several of TOML's ways

keys = st.one_of(
    st.sampled_from(
        ["project", "experiments", *TABLE_KEYS, *BY_NAME, *FORMER, "LL_64", "A", "a b", "", 'q"', "é"]
    ),
    st.text(max_size=6),
)
scalars = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.text(max_size=12),
    st.sampled_from(["none", "CartPole-v1", "Cartpole-v0", "LunarLander-v2", "A", "epsilon", "prioritized"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(
    keys,
    values | st.dictionaries(keys, st.dictionaries(keys, values, max_size=5), max_size=4),
    max_size=4,
) | st.fixed_dictionaries(
    {"experiments": st.dictionaries(keys, st.dictionaries(keys, values, max_size=6), max_size=4)}
)


def quoted(text: str) -> str:
    escaped = "".join(c if c.isalnum() or c in " _-./" else f"\\U{ord(c):08X}" for c in text)
    return f'"{escaped}"'


def written(value: Any, *, lines: bool) -> str:
    """Write a value; with `lines`, lists take several lines."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            inner = [written(item, lines=lines) for item in value]
            return (
                "[\n" + "".join(f"  {item}, # ]\n" for item in inner) + "]"
                if lines
                else f"[{', '.join(inner)}]"
            )
        case dict():
            pairs = [f"{quoted(key)} = {written(item, lines=lines)}" for key, item in value.items()]
            return "{" + ", ".join(pairs) + "}"
        case _:
            return str(value)


def toml(document: dict[str, Any], *, lines: bool, depth: int) -> str:
    """Write a document; tables down to `depth` get headers, those below stand inline."""
    text = ""

    def table(path: list[str], content: dict[str, Any]) -> None:
        nonlocal text
        heads = {key: item for key, item in content.items() if isinstance(item, dict) and len(path) < depth}
        for key, item in content.items():
            if key not in heads:
                text += f"{quoted(key)} = {written(item, lines=lines)}\n"
        for key, item in heads.items():
            text += f"\n[{'.'.join(quoted(part) for part in [*path, key])}] # [x]\n"
            table([*path, key], item)

    table([], document)
    return text


@given(st.binary(max_size=200))
@example(b"a = [1,\n[b]\nc = 2\n")
@example(b"[a]\n[a]\nb.c = 1\nb = 2\n")
@example(b"a = 1\n[a.b]\nc = 1\n")
@example(b"[[a]]\n[a]\n[[a]]\nb = ")
def test_no_bytes_crash_the_check(data: bytes) -> None:
    """Any bytes give a project or at least one problem."""
    checked = config.check_bytes(data)
    assert (checked.project is None) == bool(checked.errors)


HEADERS = ["[experiments.A]", "[experiments.B]", "[experiments.A.sweep]", "[[experiments]]"]
WORDS = ["env", " = ", '"CartPole-v1"', "gamma", "0.9", "net_arch", "64", "a", "\n", "\n"]
MARKS = ["[", "]", "{", "}", ",", "'''", '"""', "#", ".", "=", "\n"]
pieces = st.sampled_from(HEADERS + WORDS + MARKS)


@given(st.lists(pieces, max_size=40).map("".join))
def test_no_pieces_of_toml_crash_the_check(text: str) -> None:
    """Text that looks like TOML gives a project or at least one problem, at lines that exist."""
    checked = config.check_bytes(text.encode())
    assert (checked.project is None) == bool(checked.errors)
    assert all(0 <= one.line <= text.count("\n") + 1 for one in checked.errors)


@given(documents, st.booleans(), st.integers(0, 3))
def test_no_document_crashes_the_check(document: dict[str, Any], lines: bool, depth: int) -> None:
    """Any document gives a project or problems, each printable and on one line."""
    checked = config.check_bytes(toml(document, lines=lines and depth == 3, depth=depth).encode())
    assert (checked.project is None) == bool(checked.errors)
    assert all(str(one).isprintable() for one in (*checked.errors, *checked.warnings))


@given(documents, st.integers(0, 3))
def test_lines_are_right(document: dict[str, Any], depth: int) -> None:
    """The line of a key is the line in which the key is written."""
    text = toml(document, lines=False, depth=depth)
    read_again = read(text.encode(), "f")
    assert repr(read_again.data) == repr(tomllib.loads(text))
    rows = text.split("\n")
    for path, line in read_again.lines.items():
        assert quoted(path[-1]) in rows[line - 1]
    for key, value in document.items():
        if not isinstance(value, dict):
            assert read_again.line(key) > 0


# Faults

FAULTS = """
gama = 0.9; lr = 0.1; gamma = 2; tau = true; net_arch = 128_256; buffer_size = 200.0; seeds = [0, 0];
env = CartPole-v1; solved = []; double_q = True; notes = 1; n_steps = = 1; convs = [[1]]; extends = 1;
baseline = 3; sweep = 1; learning_rate = [; replay = 'x'; total_episodes = 'few'
""".replace("\n", " ").split(";")
FAULTS = [fault.strip() for fault in FAULTS] + ["batch_size = 0\nbatch_size = 1"]


@given(
    st.lists(st.sampled_from(FAULTS), unique=True, max_size=8), st.lists(st.sampled_from(FAULTS), max_size=4)
)
def test_no_fault_hides_another(first: list[str], others: list[str]) -> None:
    """A file with n independent faults gets at least n problems in one pass."""
    text = "[experiments.A]\nmax_episode_steps = 9\n" + "\n".join(first) + "\n"
    for number, fault in enumerate(others):
        text += f"[experiments.B{number}]\n{fault}\n"
    assert len(config.check_bytes(text.encode()).errors) >= len(first) + len(others)


@given(st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=8))
def test_every_repeated_table_is_reported(names: list[str]) -> None:
    """Each definition after the first of a name is one problem, at its own line."""
    text = "".join(f'[experiments.{name}]\nenv = "CartPole-v1"\n' for name in names)
    errors = config.check_bytes(text.encode()).errors
    repeated = [2 * at + 1 for at, name in enumerate(names) if name in names[:at]]
    assert [one.line for one in errors] == repeated


# Overrides


paths = st.from_regex(PATH, fullmatch=True).filter(is_path)


def of_kind(key: Key) -> st.SearchStrategy[Any]:
    low, high = key.low or 0, key.high or 0
    whole = st.integers(int(low), int(high))
    match key.kind:
        case "int":
            plain: st.SearchStrategy[Any] = whole
        case "float":
            plain = st.floats(low, high, exclude_min=key.above, allow_subnormal=False)
        case "bool":
            plain = st.booleans()
        case "choice":
            plain = st.sampled_from(key.choices) | (paths if key.plugin else st.nothing())
        case "ints":
            plain = st.lists(whole, min_size=1, max_size=min(4, key.most))
        case "convs":
            plain = st.lists(st.lists(whole, min_size=3, max_size=3), min_size=1, max_size=3)
        case "modules":
            plain = st.lists(paths, max_size=3)
    return plain | st.none() if key.optional else plain


settings = st.sampled_from(SETTINGS).flatmap(lambda key: st.tuples(st.just(key.name), of_kind(key)))


@given(settings)
def test_a_spelt_value_is_read_back(setting: tuple[str, Any]) -> None:
    """What a derived name says, --set reads as the same value."""
    key, value = setting
    back, text = config.parse_override(f"{key}={spell(value)}")
    again = check_value(BY_NAME[back], text)
    assert (again, type(again)) == (value, type(value))


@given(st.lists(settings, max_size=4).map(dict))
def test_a_derived_experiment_is_found_by_its_name(overrides: dict[str, Any]) -> None:
    """The name of a derived experiment makes the same experiment again, whatever the order of --set."""
    base = project().experiments["CP_long"]
    try:
        made = config.override(
            base, {key: "none" if value is None else value for key, value in overrides.items()}
        )
    except ConfigError:
        return
    assert is_name(made.name)
    assert config.select(project(), [made.name]) == [made]
    assert made.specs()[0].digest == config.select(project(), [made.name])[0].specs()[0].digest
    assert (made.name == base.name) == (made.settings == base.settings)


@given(documents, st.integers(0, 3))
def test_the_check_is_deterministic(document: dict[str, Any], depth: int) -> None:
    """The same file gives the same experiments and the same problems."""
    data = toml(document, lines=False, depth=depth).encode()
    assert config.check_bytes(data) == config.check_bytes(data)
