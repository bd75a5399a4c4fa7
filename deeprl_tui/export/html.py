"""Markup that cannot be broken out of: whatever is not made here is escaped.

Rule: text of runs, logs and files enters as str, is cleaned of control characters and escaped. Only `Html`
is taken as it is, and only this module and the pictures make it.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from deeprl_tui.core.text import clean


class Html(str):
    """Markup that was made here."""

    __slots__ = ()


Child: TypeAlias = str | None
VOID = frozenset({"br", "meta"})


def escaped(text: str) -> Html:
    """Text as markup, fit for an attribute too."""
    return Html(html.escape(clean(text), quote=True))


def tag(name: str, /, *children: Child, **attributes: str | int | None) -> Html:
    """One element. A trailing underscore of an attribute's name is dropped: `class_`."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Elements and texts one after the other."""
    parts = (child if isinstance(child, Html) else escaped(child) for child in children if child is not None)
    return Html("".join(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[Child]], *, numbers: Iterable[int] = ()) -> Html:
    """A table that scrolls in itself where it is too wide; numbers: columns that are set right."""
    right = frozenset(numbers)

    def cell(kind: str, place: int, child: Child) -> Html:
        return tag(kind, child, class_="n" if place in right else None)

    lines = (tag("tr", *(cell("td", place, one) for place, one in enumerate(row))) for row in rows)
    titles = tag("tr", *(cell("th", place, text) for place, text in enumerate(head)))
    return tag("div", tag("table", tag("thead", titles), tag("tbody", *lines)), class_="wide")
