"""Check one value against its key.

Rule: the result has the one form that is digested (floats as float, lists as list, none as None), or it is
a Fault.
"""

import math
import re

from deeprl_tui.config.keys import NONE, Key
from deeprl_tui.config.text import Fault, nearest, shown, type_name
from deeprl_tui.core.plugin import LONGEST, is_path
from deeprl_tui.core.spec import Json

MOST_SEEDS = 10_000
MOST_WRAPPERS = 16
LAST_SEED = 2**32 - 1
"""numpy's and torch's generators take 32 bits."""


def check_value(key: Key, value: object, text: str = "") -> Json:
    """Return the setting that value stands for. `text` is how the file spells it. Raises Fault."""
    if value == NONE and key.kind != "choice":
        if key.optional or key.kind == "modules":
            return None if key.optional else []
        raise Fault("cannot be none", f"write {_example(key)}")
    match key.kind:
        case "int":
            return check_int(value, key.low, key.high)
        case "float":
            return check_float(value, key.low, key.high, above=key.above)
        case "bool":
            return check_bool(value)
        case "choice":
            return _choice(key, value)
        case "ints":
            return _ints(key, value, text)
        case "convs":
            return _convs(key, value)
        case "modules":
            return _modules(value)


def check_int(value: object, low: float | None = None, high: float | None = None) -> int:
    """Return a whole number within the bounds. Raises Fault."""
    if isinstance(value, bool) or not isinstance(value, int):
        remedy = ""
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**63
        if whole or (isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII)):
            remedy = f"write {int(value)}"  # type: ignore[call-overload]
        raise Fault(f"must be an integer, not {type_name(value)}", remedy)
    _within(value, low, high)
    return value


def check_float(
    value: object, low: float | None = None, high: float | None = None, *, above: bool = False
) -> float:
    """Return a finite number within the bounds. Raises Fault."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = ""
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9][0-9.]{0,18}(e[+-]?[0-9]{1,2})?", value):
            remedy = f"write {value} without quotes"
        raise Fault(f"must be a number, not {type_name(value)}", remedy)
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("must be a finite number")
    _within(value, low, high, above=above)
    if abs(value) > 1e300:
        raise Fault("is too large")
    return float(value) + 0.0  # -0.0 and 0.0 are one number, with one digest


def check_bool(value: object) -> bool:
    """Return true or false. Raises Fault."""
    if not isinstance(value, bool):
        meant = {"true": "true", "1": "true", "false": "false", "0": "false"}.get(str(value).lower(), "")
        raise Fault(f"must be true or false, not {type_name(value)}", f"write {meant}" if meant else "")
    return value


def check_text(value: object, longest: int, *, lines: bool = False) -> str:
    """Return a printable string, or with `lines` a text of several lines. Raises Fault."""
    if not isinstance(value, str):
        raise Fault(f"must be a string, not {type_name(value)}")
    if len(value) > longest:
        raise Fault(f"is longer than {longest} characters")
    if not (value.replace("\n", " ").replace("\t", " ") if lines else value).isprintable():
        raise Fault("has a character that cannot be printed", "remove it")
    return value


def check_seeds(value: object) -> tuple[int, ...]:
    """Return the seeds of a list or a count. Raises Fault."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0:
            raise Fault("is a count, and 0 runs nothing", "write [0] for the seed 0")
        if not 1 <= value <= MOST_SEEDS:
            raise Fault(f"as a count must be from 1 to {MOST_SEEDS}")
        return tuple(range(value))
    if not isinstance(value, list):
        raise Fault(f"must be a list of seeds or a count, not {type_name(value)}", "write [0, 1, 2] or 3")
    if not value:
        raise Fault("is empty", "write [0]")
    if len(value) > MOST_SEEDS:
        raise Fault(f"has more than {MOST_SEEDS} seeds")
    seeds: list[int] = []
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int):
            raise Fault(f"has {type_name(item)} where a seed is meant")
        if not 0 <= item <= LAST_SEED:
            raise Fault(f"has the seed {_number(item)}; a seed is from 0 to {LAST_SEED}")
        if item in seeds:
            raise Fault(f"has the seed {item} twice", "remove one")
        seeds.append(item)
    return tuple(seeds)


def _within(value: float, low: float | None, high: float | None, *, above: bool = False) -> None:
    if low is not None and (value < low or (above and value == low)):
        raise Fault(f"must be {'above' if above else 'at least'} {_number(low)}, not {_number(value)}")
    if high is not None and value > high:
        raise Fault(f"must be at most {_number(high)}, not {_number(value)}")


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
    return f"{value:g}"


def check_path(value: object) -> str:
    """Return a "module:Name". Raises Fault."""
    if not isinstance(value, str):
        raise Fault(f'must be "module:Name", not {type_name(value)}')
    if len(value) > LONGEST:
        raise Fault(f"is longer than {LONGEST} characters")
    if not is_path(value):
        raise Fault(f'"{shown(value)}" is not "module:Name"', _path_remedy(value))
    return value


def _path_remedy(value: str) -> str:
    """Turn a file's name or a dotted name into a path."""
    module, colon, name = value.partition(":")
    meant = module.removeprefix("./").removesuffix(".py").replace("/", ".") + colon + name
    if not colon:
        module, _, name = meant.rpartition(".")
        meant = f"{module}:{name}"
    return f'did you mean "{meant}"?' if is_path(meant) else "name a file without .py, and a class in it"


def _modules(value: object) -> Json:
    if not isinstance(value, list):
        remedy = f'write ["{value}"]' if is_path(value) else 'write ["module:Name"]'
        raise Fault(f"must be a list, not {type_name(value)}", remedy)
    if len(value) > MOST_WRAPPERS:
        raise Fault(f"must have at most {MOST_WRAPPERS} entries, not {len(value)}")
    return [check_path(item) for item in value]


def _choice(key: Key, value: object) -> str:
    if key.plugin and isinstance(value, str) and ":" in value:
        return check_path(value)
    listed = " or ".join(f'"{choice}"' for choice in (*key.choices, *(["module:Name"] if key.plugin else [])))
    if not isinstance(value, str):
        raise Fault(f"must be {listed}, not {type_name(value)}", _clip_remedy(key, value))
    if value not in key.choices:
        near = nearest(value, key.choices)
        raise Fault(f'must be {listed}, not "{shown(value)}"', f'did you mean "{near}"?' if near else "")
    return value


def _clip_remedy(key: Key, value: object) -> str:
    """Name the key that took over the number which `grad_clip` once was."""
    if key.name == "grad_clip" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'write max_grad_norm = {value:g} with grad_clip = "variable"'
    return ""


def _ints(key: Key, value: object, text: str) -> Json:
    if not isinstance(value, list):
        remedy = ""
        if isinstance(value, int) and not isinstance(value, bool):
            parts = text.split("_") if re.fullmatch(r"[0-9]+(_[0-9]+)*", text) else [_number(value)]
            remedy = f"write [{', '.join(parts)}]"
        raise Fault(f"must be a list of integers, not {type_name(value)}", remedy or f"write {_example(key)}")
    if not 1 <= len(value) <= key.most:
        raise Fault(f"must have 1 to {key.most} numbers, not {len(value)}")
    return [_item(key, item) for item in value]


def _convs(key: Key, value: object) -> Json:
    if not isinstance(value, list):
        raise Fault(f"must be a list of lists, not {type_name(value)}", f"write {_example(key)}")
    if not 1 <= len(value) <= key.most:
        raise Fault(f"must have 1 to {key.most} layers, not {len(value)}")
    layers: list[Json] = []
    for layer in value:
        if not isinstance(layer, list) or len(layer) != 3:
            raise Fault("must have a list of 3 for each layer", "write [filters, kernel, stride]")
        layers.append([_item(key, item) for item in layer])
    return layers


def _item(key: Key, item: object) -> int:
    try:
        return check_int(item, key.low, key.high)
    except Fault as fault:
        raise Fault(f"each number {fault.reason}", fault.remedy) from None


def _example(key: Key) -> str:
    return str(key.default).lower() if key.default is not None else "a number"
