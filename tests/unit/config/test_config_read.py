"""Lines of keys and tables, and reading on after a fault of the syntax."""

import pytest

from deeprl_tui.config.read import read

TEXT = '''
top = 1
[experiments] # comment
A = { env = "x", sweep = { gamma = [
  0.9, # ]
], tau = [1] } }
"quoted key".'it is'.bare = """
[not.a.header]
key = 1
"""
[experiments.B] 
list = [
  [1, 2], { inside = 3 },
  'a',
]
when = 1979-05-27 07:32:00
after = 128_256
[[many]]
x = 1
[many.below]
y = 2
[last.table]
z = \'\'\'
\'\'\'
'''  # noqa: W291


def test_lines_of_a_file() -> None:
    """Every key has its own line; keys in lists of tables have none."""
    document = read(TEXT.encode(), "f")
    assert document.problems == []
    assert document.lines == {
        ("top",): 2,
        ("experiments",): 3,
        ("experiments", "A"): 4,
        ("experiments", "A", "env"): 4,
        ("experiments", "A", "sweep"): 4,
        ("experiments", "A", "sweep", "gamma"): 4,
        ("experiments", "A", "sweep", "tau"): 6,
        ("experiments", "quoted key"): 7,
        ("experiments", "quoted key", "it is"): 7,
        ("experiments", "quoted key", "it is", "bare"): 7,
        ("experiments", "B"): 11,
        ("experiments", "B", "list"): 12,
        ("experiments", "B", "when"): 16,
        ("experiments", "B", "after"): 17,
        ("many",): 18,
        ("last",): 22,
        ("last", "table"): 22,
        ("last", "table", "z"): 23,
    }


def test_a_bare_value_is_kept_as_it_is_spelt() -> None:
    """128_256 can be told from 128256."""
    assert read(TEXT.encode(), "f").scalars["experiments", "B", "after"] == "128_256"


def test_line_ends_of_windows() -> None:
    """CR LF and a byte order mark change nothing."""
    document = read("\ufeffa = 1\r\n[t]\r\nb = '''x\r\n'''\r\n".encode(), "f")
    assert document.problems == []
    assert document.lines == {("a",): 1, ("t",): 2, ("t", "b"): 3}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a = 1\nb = \xff\n", "f:2: is not UTF-8; save it as UTF-8"),
        (b"#" * 1_000_001, "f: is larger than 1000000 bytes; split the project"),
        (b"a = " + b"[" * 5000, "f: is nested too deeply"),
        (b"a = 1\nb" + b".b" * 400_000 + b" = 1", "f:2: has a key of too many parts"),
        (b"a = 1\na.b = 2\n", "f:2 a.b: is defined twice, first in line 1; rename or remove one of the two"),
        (b"a = {x = 1}\na.b = 2\n", "f:2: is not TOML: cannot mutate immutable namespace ('a',)"),
        (b"a = 1 = 2\n", "f:1 a: is not TOML: expected newline or end of document after a statement"),
        (b"a\n", "f:1 a: is not TOML: expected '=' after a key in a key/value pair; write key = value"),
    ],
)
def test_a_file_that_is_no_toml(data: bytes, message: str) -> None:
    """What cannot be read is one problem at its place."""
    assert [str(one) for one in read(data, "f").problems] == [message]


def test_tables_after_a_fault_are_still_read() -> None:
    """One slip does not hide the rest; a header that cannot be read keeps its keys from other tables."""
    document = read(b"[a]\nx = = 1\ny = 2\n[b\nz = 3\n[c]\nw = 4\n", "f")
    assert [one.line for one in document.problems] == [2, 4]
    assert document.data == {"a": {"y": 2}, "c": {"w": 4}}
