"""A line to type in.

Rule: what is pasted is cleaned before it is shown or used; Textual's Input draws control characters raw.
"""

from collections.abc import Callable

from textual.suggester import Suggester
from textual.widgets import Input

from deeprl_tui.core.text import clean


class Field(Input):
    """An input of one row."""

    LONGEST = 2000

    def __init__(self, *, placeholder: str = "", id: str, value: str = "") -> None:  # noqa: A002
        super().__init__(value=value, placeholder=placeholder, id=id, compact=True, max_length=self.LONGEST)

    def validate_value(self, value: str) -> str:
        """Clean, and cut what no name or setting can be."""
        return clean(value)[: self.LONGEST]


class Completion(Suggester):
    """Completes what is being typed; → takes it."""

    def __init__(self, complete: Callable[[str], str | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text with its last word completed."""
        return self._complete(value)
