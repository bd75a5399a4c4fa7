"""Words for faults: what was wrong, what to write, and how to show text that nobody has checked.

Rule: text from a file reaches a message only through `shown`, so no escape sequence reaches a terminal.
"""

from collections.abc import Iterable
from datetime import date, datetime, time

from deeprl_tui.core.spec import Json

LONGEST = 60


class Fault(Exception):
    """A value that is not allowed. The caller knows the place and makes a Problem of it."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason)


def shown(text: str) -> str:
    """Make untrusted text fit for a message: printable and short."""
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def setting(value: Json) -> str:
    """A setting as experiments.toml writes it, on one line."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case int() if abs(value) >= 10_000:
            return f"{value:_}"
        case list() | tuple():
            return "[" + ", ".join(setting(item) for item in value) + "]"
        case _:
            return str(value)


def nearest(word: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Find the candidate most like word, whatever the case; "" if none is near."""
    import difflib  # only when something is wrong already

    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.lower(), candidate)
    found = difflib.get_close_matches(word.lower()[:200], folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else ""


def suggest(word: str, candidates: Iterable[str]) -> str:
    """Word the remedy for an unknown name; "" if no candidate is near."""
    near = nearest(word, candidates)
    return f"did you mean {near}?" if near else ""


def type_name(value: object) -> str:
    """Name the TOML type of a value, with its article."""
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime() | date() | time():
            return "a date or time"
        case _:
            return "something else"
