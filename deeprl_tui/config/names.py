"""How derived experiments are called: what `--set` or a sweep changed, in letters that are safe everywhere.

Rule: different values have different spellings, and `unspell` reads every spelling back.
"""

import re
from collections.abc import Mapping

from deeprl_tui.config.keys import NONE, Key
from deeprl_tui.core.spec import Json


def spell(value: Json) -> str:
    """Spell a setting for a name: 0.5, 1e-7, 64x64, none, true."""
    match value:
        case None:
            return NONE
        case bool():
            return str(value).lower()
        case float():
            return re.sub(
                r"e([+-]?)0*", lambda match: "e" + match[1].strip("+"), repr(value).removesuffix(".0")
            )
        case list() | tuple():
            nested = any(isinstance(item, list | tuple) for item in value)
            if any(isinstance(item, str) for item in value):
                return "--".join(spell(item) for item in value)
            return ("_" if nested else "x").join(spell(item) for item in value) or NONE
        case str():
            return value.replace(":", "-")  # of a "module:Name"; neither part has a hyphen
        case _:
            return str(value)


def unspell(key: Key, text: str) -> object | None:
    """Read the spelling of a list or a plug-in, which no TOML value looks like; None if it is none."""
    if key.kind == "modules" and re.fullmatch(r"[\w.]+[-:]\w+(--[\w.]+[-:]\w+)*", text, re.ASCII):
        return [part.replace("-", ":") for part in text.split("--")]
    if key.plugin and re.fullmatch(r"[\w.]+-\w+", text, re.ASCII):
        return text.replace("-", ":")
    if key.kind == "ints" and re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})*", text):
        return [int(part) for part in text.split("x")]
    if key.kind == "convs" and re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})*(_[0-9]{1,9}(x[0-9]{1,9})*)*", text):
        return [[int(part) for part in layer.split("x")] for layer in text.split("_")]
    return None


def with_set(name: str, overrides: Mapping[str, Json]) -> str:
    """Name an experiment after what `--set` changed: CP_basic+gamma=0.9+tau=0.5."""
    return "+".join([name, *(f"{key}={spell(overrides[key])}" for key in sorted(overrides))])


def in_sweep(name: str, values: Mapping[str, Json]) -> str:
    """Name one combination of a sweep: CP_boltzmann-boltzmann_beta=0.2,gamma=0.9."""
    return f"{name}-" + ",".join(f"{key}={spell(values[key])}" for key in sorted(values))
