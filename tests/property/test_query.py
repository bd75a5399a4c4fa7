"""Queries that nobody thought of."""

from hypothesis import assume, given
from hypothesis import strategies as st
from records_lab import record

from deeprl_tui.errors import QueryError
from deeprl_tui.runs.query import READ, parse

RUN = record()
_PIECES = st.sampled_from(
    [
        "env",
        "return",
        "net_arch",
        "since",
        "word",
        ":",
        ">",
        "<=",
        "!=",
        "=",
        "!",
        '"',
        " ",
        ",",
        "64",
        "1e5",
        "-",
        ".",
        "7d",
        "%",
    ]
)
TYPED = st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=12).map("".join))


@given(TYPED)
def test_anything_typed_is_a_query_or_a_fault_with_a_place(text: str) -> None:
    """No other exception reaches a screen, and what is read can be asked of a run."""
    try:
        query = parse(text)
    except QueryError as error:
        place = error.place
    else:
        place = f"filter, character {query.matches(RUN):d}"
    assert place.startswith("filter, character ")


@given(TYPED)
def test_a_term_turned_round_finds_the_others(text: str) -> None:
    """A run fits a term or its opposite, never both."""
    assume(text.split() == [text] and '"' not in text)
    try:
        plain, turned = parse(text), parse("!" + text)
    except QueryError:
        return
    if plain.tests:
        assert plain.matches(RUN) != turned.matches(RUN)


@given(st.sampled_from(sorted(READ)), st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_above_at_or_below_a_limit(key: str, limit: float) -> None:
    """Exactly one of three holds, or none for what has no number."""
    value = READ[key](RUN)
    holds = [parse(f"{key}{sign}{limit!r}").matches(RUN) for sign in (">", "<")]
    equal = parse(f"{key}>={limit!r}").matches(RUN) and parse(f"{key}<={limit!r}").matches(RUN)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    assert sum([*holds, equal]) == (1 if is_number else 0)
