"""A JSON Schema of experiments.toml for editors, made from the same keys as the checks.

Rule: nothing is listed here that keys.py lists. What a schema cannot say (baselines, circles), only `check`
says.
"""

from deeprl_tui.config.decode import PLAIN
from deeprl_tui.config.envs import CONTINUOUS, KNOWN, RETIRED
from deeprl_tui.config.hosts import (
    ADDRESS,
    CLOUD,
    ENGINES,
    FOLDER,
    HOST_KEYS,
    IMAGE,
    LOCAL,
    MOST_CORES,
    NAME,
)
from deeprl_tui.config.keys import BUDGETS, NONE, PROJECT_KEYS, SETTINGS, TABLE_KEYS, Key
from deeprl_tui.config.values import LAST_SEED, MOST_SEEDS, MOST_WRAPPERS
from deeprl_tui.core.plugin import LONGEST, PATH
from deeprl_tui.core.spec import ENV_ID, Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Json]:
    """Make the schema."""
    one_budget: dict[str, Json] = {"not": {"required": list(BUDGETS)}}
    types: dict[str, dict[str, Json]] = {
        "env": {
            "type": "string",
            "pattern": f"^{ENV_ID.pattern}$",
            "not": {"enum": [*RETIRED, *CONTINUOUS]},
            "examples": list(KNOWN),
        },
        "baseline": {"type": "boolean"},
        "extends": {"type": "string"},
        "seeds": {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS},
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": LAST_SEED},
                    "minItems": 1,
                    "maxItems": MOST_SEEDS,
                    "uniqueItems": True,
                },
            ]
        },
        "solved": {"type": "number"},
        "sweep": {
            "type": "object",
            "properties": {
                key.name: {"type": "array", "items": _key(key), "minItems": 1, "uniqueItems": True}
                for key in SETTINGS
            },
            "additionalProperties": False,
            "minProperties": 1,
        },
        "notes": {"type": "string"},
    }
    experiment: Json = {
        "type": "object",
        "properties": {
            **{name: {**types[name], "description": doc} for name, doc in TABLE_KEYS.items()},
            **{key.name: _documented(key) for key in SETTINGS},
        },
        "additionalProperties": False,
        "anyOf": [{"required": ["env"]}, {"required": ["extends"]}],
        **one_budget,
    }
    return {
        "$schema": DIALECT,
        "title": "experiments.toml of deeprl-tui",
        "type": "object",
        "properties": {
            "project": {
                "type": "object",
                "properties": {
                    name: {"type": "string", "description": doc} for name, doc in PROJECT_KEYS.items()
                },
                "additionalProperties": False,
            },
            "hosts": {
                "type": "object",
                "propertyNames": {"pattern": f"^{NAME.pattern}$", "not": {"const": LOCAL}},
                "additionalProperties": _host(),
            },
            "experiments": {
                "type": "object",
                "propertyNames": {"pattern": f"^{PLAIN.pattern}$"},
                "additionalProperties": experiment,
                "minProperties": 1,
            },
        },
        "required": ["experiments"],
        "additionalProperties": False,
    }


def _host() -> Json:
    types: dict[str, dict[str, Json]] = {
        "address": {"type": "string", "pattern": f"^{ADDRESS.pattern}$"},
        "root": {"type": "string", "pattern": f"^{FOLDER.pattern}$"},
        "cores": {"type": "integer", "minimum": 1, "maximum": MOST_CORES},
        "python": {"type": "string", "pattern": f"^{FOLDER.pattern}$"},
        "image": {"type": "string", "pattern": f"^{IMAGE.pattern}$"},
        "engine": {"enum": list(ENGINES)},
        "price": {"type": "number", "minimum": 0},
        "made": {"type": "number", "minimum": 0},
        "gce": {"type": "string", "pattern": f"^{CLOUD.pattern}$"},
    }
    return {
        "type": "object",
        "properties": {name: {**types[name], "description": doc} for name, doc in HOST_KEYS.items()},
        "additionalProperties": False,
    }


def _documented(key: Key) -> Json:
    unit = f" In {key.unit}." if key.unit else ""
    default = NONE if key.default is None else key.default
    return {**_key(key), "description": key.doc + unit, "default": default}


def _key(key: Key) -> dict[str, Json]:
    """Describe the values of one setting."""
    number = _number(key, "number" if key.kind == "float" else "integer")
    path: dict[str, Json] = {"type": "string", "pattern": f"^{PATH.pattern}$", "maxLength": LONGEST}
    plain: dict[str, Json]
    match key.kind:
        case "int" | "float":
            plain = number
        case "bool":
            plain = {"type": "boolean"}
        case "choice":
            plain = {"enum": list(key.choices)}
            if key.plugin:
                plain = {"anyOf": [plain, path]}
        case "ints":
            plain = {"type": "array", "items": number, "minItems": 1, "maxItems": key.most}
        case "convs":
            layer: Json = {"type": "array", "items": number, "minItems": 3, "maxItems": 3}
            plain = {"type": "array", "items": layer, "minItems": 1, "maxItems": key.most}
        case "modules":
            listed: Json = {"type": "array", "items": path, "maxItems": MOST_WRAPPERS}
            plain = {"anyOf": [listed, {"const": NONE}]}
    return {"anyOf": [plain, {"const": NONE}]} if key.optional else plain


def _number(key: Key, kind: str) -> dict[str, Json]:
    number: dict[str, Json] = {"type": kind}
    if key.low is not None:
        number["exclusiveMinimum" if key.above else "minimum"] = key.low
    if key.high is not None:
        number["maximum"] = key.high
    return number
