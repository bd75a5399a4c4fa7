"""What is typed in the launch screen: a filter, a number of seeds, settings as `key=value`.

Rule: pure; a text that means nothing is left as it is.
"""

from collections.abc import Mapping, Sequence

from deeprl_tui.config.keys import BY_NAME, NONE
from deeprl_tui.core.spec import Json
from deeprl_tui.tui.words import value_text


def fits(words: Sequence[str], name: str, env: str) -> bool:
    """Whether each word stands in the name or env, or its letters stand in the name in this order."""
    text = f"{name} {env}".lower()
    return all(word in text or _in_order(word, name.lower()) for word in words)


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def completed(text: str, values: Mapping[str, Json]) -> str | None:
    """The text with its last word completed: the first key that begins so, or the value it has now."""
    head, _, last = text.rpartition(" ")
    key, equals, value = last.partition("=")
    if equals:
        if value or key not in BY_NAME:
            return None
        return f"{text}{spelled(values.get(key, BY_NAME[key].default))}"
    found = next((name for name in BY_NAME if key and name.startswith(key)), None)
    return f"{head} {found}=".lstrip() if found else None


def spelled(value: Json) -> str:
    """A value as it can be typed after `key=`: without spaces."""
    if isinstance(value, list | tuple):
        return (
            "x".join(map(str, value))
            if value and all(isinstance(one, int) for one in value)
            else str(value).replace(" ", "")
        )
    if value is None:
        return NONE
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def help_for(text: str, values: Mapping[str, Json]) -> str:
    """What is known of the setting that is being typed; empty if there is nothing to say."""
    last = text.rpartition(" ")[2]
    key, equals, _ = last.partition("=")
    if key in BY_NAME and (equals or sum(name.startswith(key) for name in BY_NAME) == 1):
        known = BY_NAME[key]
        bounds = "" if not known.choices else f" One of {', '.join(known.choices)}."
        return f"{key}: {known.doc}{bounds} Now {value_text(values.get(key, known.default))}."
    if key and not equals:
        found = [name for name in BY_NAME if name.startswith(key)] or [n for n in BY_NAME if key in n]
        return "  ".join(found[:6])
    return ""


def counted(text: str, otherwise: int, step: int) -> str:
    """A number of seeds, one more or less; a list is not counted up. otherwise: what no text means."""
    text = text.strip()
    if text and not text.isdigit():
        return text
    return str(max(1, min(1000, (int(text) if text else otherwise) + step)))
