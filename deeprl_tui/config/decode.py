"""Nested tables -> checked experiment tables, with every problem found in one pass.

Rule: a problem never hides another one; a table with a problem is decoded as far as it is sound.
"""

import re
from typing import NamedTuple

from deeprl_tui.config.envs import check_env
from deeprl_tui.config.hosts import Host, decode_hosts
from deeprl_tui.config.keys import BUDGETS, BY_NAME, FOREIGN, FORMER, PROJECT_KEYS, TABLE_KEYS
from deeprl_tui.config.model import Table
from deeprl_tui.config.read import Document
from deeprl_tui.config.text import Fault, nearest, shown, suggest, type_name
from deeprl_tui.config.values import check_bool, check_float, check_seeds, check_text, check_value
from deeprl_tui.core.spec import Json, is_name
from deeprl_tui.errors import Problem

MOST_COMBINATIONS = 1000
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
"""Names in the file; + = and , are kept for the names that sweeps and --set make."""


class Decoded(NamedTuple):
    """What stands in a file, each table checked alone."""

    name: str  # of the project
    tables: list[Table]
    hosts: dict[str, Host]
    problems: list[Problem]  # of syntax, names, types and bounds


def decode(document: Document, file: str, folder: str) -> Decoded:
    """Check all that can be checked table by table. `folder` names the project if the file does not."""
    decoder = _Decoder(document, file, partial=False)
    name, tables = decoder.top(folder)
    problems = [*document.problems, *decoder.problems]
    for extra in document.extras:
        again = _Decoder(extra, file, partial=True)
        again.top(folder)
        problems += again.problems
    return Decoded(name, tables, decoder.hosts, problems)


def unknown_key(key: str) -> Fault:
    """Say what to write in place of a key that is none."""
    if key in FORMER:
        return Fault("is a key of the 2017 study", FORMER[key])
    if key in FOREIGN:
        return Fault("is not a key here", FOREIGN[key])
    near = nearest(key, [*BY_NAME, *TABLE_KEYS, *FORMER])
    remedy = f"did you mean {near}?" if near else "see the keys in experiments.toml's schema"
    return Fault("unknown key", FORMER.get(near, remedy))


class _Decoder:
    def __init__(self, document: Document, file: str, *, partial: bool) -> None:
        self.document = document
        self.file = file
        self.partial = partial  # a repeated definition: what is missing stands in the first one
        self.problems: list[Problem] = []
        self.hosts: dict[str, Host] = {}

    def top(self, folder: str) -> tuple[str, list[Table]]:
        """Decode the whole document."""
        name, tables = folder, []
        for key, value in self.document.data.items():
            if key == "project":
                name = self._project(value) or folder
            elif key == "experiments":
                tables = self._experiments(value)
            elif key == "hosts":
                self.hosts, problems = decode_hosts(self.document, self.file, value)
                self.problems += problems
            elif isinstance(value, dict):
                near = nearest(key, ["project", "experiments", "hosts"])
                remedy = f"did you mean [{near}]?" if near else f"write [experiments.{shown(key)}]"
                self._report((key,), shown(key), "", "unknown table", remedy)
            else:
                remedy = "put it into a table [experiments.NAME]" if key in BY_NAME else ""
                self._report((key,), "", shown(key), "stands outside of any table", remedy)
        if not tables and not self.problems and not self.document.problems and not self.partial:
            self._report((), "", "", "has no experiments", "write a table [experiments.NAME]")
        return name, tables

    def _report(self, path: tuple[str, ...], table: str, key: str, reason: str, remedy: str = "") -> None:
        self.problems.append(Problem(self.file, self.document.line(*path), table, key, reason, remedy))

    def _project(self, value: object) -> str:
        if not isinstance(value, dict):
            self._report(("project",), "", "project", f"must be a table, not {type_name(value)}")
            return ""
        name = ""
        for key, entry in value.items():
            try:
                if key not in PROJECT_KEYS:
                    raise Fault("unknown key", suggest(key, PROJECT_KEYS))
                name = check_text(entry, 80)
            except Fault as fault:
                self._report(("project", key), "project", shown(key), fault.reason, fault.remedy)
        return name

    def _experiments(self, value: object) -> list[Table]:
        if not isinstance(value, dict):
            remedy = "write [experiments.NAME]"
            self._report(
                ("experiments",), "", "experiments", f"must be a table, not {type_name(value)}", remedy
            )
            return []
        tables = []
        for name, content in value.items():
            path = ("experiments", name)
            if not isinstance(content, dict):
                remedy = "put it into a table [experiments.NAME]" if name in BY_NAME else ""
                self._report(path, "experiments", shown(name), "must be a table of an experiment", remedy)
                continue
            fit = PLAIN.fullmatch(name) is not None and is_name(name)
            if not fit:
                self._report(
                    path,
                    f"experiments.{shown(name)}",
                    "",
                    "is not a name",
                    "use letters, digits, _ - and single dots, at most 80",
                )
            table = self._table(name, content)
            table.sound = table.sound and fit
            tables.append(table)
        return tables

    def _table(self, name: str, content: dict[str, object]) -> Table:
        path = ("experiments", name)
        table = Table(shown(name), self.file, self.document.line(*path))
        before = len(self.problems)
        table.lines = {key: self.document.line(*path, key) for key in content}
        for key, value in content.items():
            if key == "sweep":
                self._sweep(table, name, value)
                continue
            try:
                self._entry(table, key, value, self.document.scalars.get((*path, key), ""))
            except Fault as fault:
                self.problems.append(
                    Problem(
                        self.file,
                        table.lines[key],
                        f"experiments.{table.name}",
                        shown(key),
                        fault.reason,
                        fault.remedy,
                    )
                )
        self._both_budgets(table, [key for key in content if table.values.get(key) is not None], "")
        torn = path in self.document.torn
        if not (self.partial or torn or "env" in content or "extends" in content):
            self.problems.append(
                table.problem("", "has no env", 'write env = "CartPole-v1", or extends = "NAME"')
            )
        if table.baseline and table.sweep:
            self.problems.append(
                table.problem("baseline", "cannot have a sweep", "move the sweep to another table")
            )
        table.sound = not torn and len(self.problems) == before
        return table

    def _entry(self, table: Table, key: str, value: object, text: str) -> None:
        """Check one key of an experiment and put it into the table. Raises Fault."""
        match key:
            case "env":
                env = check_text(value, 80)
                check_env(env)
                table.env = env
            case "baseline":
                table.baseline = check_bool(value)
            case "extends":
                table.extends = check_text(value, 120)
            case "seeds":
                table.seeds = check_seeds(value)
            case "solved":
                table.solved = check_float(value)
            case "notes":
                table.notes = check_text(value, 10_000, lines=True)
            case _ if key in BY_NAME:
                table.values[key] = check_value(BY_NAME[key], value, text)
            case _:
                raise unknown_key(key)

    def _both_budgets(self, table: Table, keys: list[str], below: str) -> None:
        both = [key for key in keys if key in BUDGETS]
        if len(both) == 2:
            path = ("experiments", table.name, *((below,) if below else ()))
            self._report(
                (*path, both[1]),
                ".".join(path),
                both[1],
                f"stands beside {both[0]}",
                "a run has one budget: remove one",
            )

    def _sweep(self, table: Table, name: str, value: object) -> None:
        path = ("experiments", name, "sweep")
        where = f"experiments.{table.name}.sweep"
        if not isinstance(value, dict):
            self.problems.append(
                table.problem(
                    "sweep",
                    f"must be a table, not {type_name(value)}",
                    f"write [{where}] with key = [values]",
                )
            )
            return
        if not value:
            self._report(path, where, "", "is empty", "write key = [values] into it, or remove it")
        combinations = 1
        for key, entry in value.items():
            try:
                table.sweep[key] = self._values(key, entry)
                combinations *= len(table.sweep[key])
            except Fault as fault:
                self._report((*path, key), where, shown(key), fault.reason, fault.remedy)
        self._both_budgets(table, list(table.sweep), "sweep")
        if combinations > MOST_COMBINATIONS:
            self._report(path, where, "", f"makes {combinations} experiments, more than {MOST_COMBINATIONS}")

    def _values(self, name: str, value: object) -> list[Json]:
        """Check the values that a sweep gives to one key. Raises Fault."""
        if name in TABLE_KEYS:
            remedy = (
                "write seeds into the experiment's table" if name == "seeds" else "write one table for each"
            )
            raise Fault("cannot be swept", remedy)
        if name not in BY_NAME:
            raise unknown_key(name)
        key = BY_NAME[name]
        if not isinstance(value, list):
            raise Fault(f"must be a list of values, not {type_name(value)}")
        if not value:
            raise Fault("has no values")
        if key.kind == "ints" and not any(isinstance(item, list) for item in value):
            lists = ", ".join(f"[{shown(str(item))}]" for item in value[:8])
            raise Fault("must be a list of lists", f"write [{lists}]")
        values: list[Json] = []
        for item in value:
            checked = check_value(key, item)
            if checked in values:
                raise Fault(f"has the value {shown(str(item))} twice", "remove one")
            values.append(checked)
        return values
