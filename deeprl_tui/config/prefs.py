"""What a user prefers, for all projects, and where the dashboard was left, for each project.

Rule: neither is ever needed. A file that is damaged, foreign or of a later version gives the defaults and a
warning; writing is atomic, and whoever has a screen calls from a thread.
"""

import hashlib
import json
import os
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from deeprl_tui.core.files import read_small
from deeprl_tui.core.spec import Json
from deeprl_tui.core.text import clean

FOLDER: Final = "deeprl-tui"
OFF: Final = "DEEPRL_PREFS"
"""Set to `off`, nothing is read and nothing is written."""
MOST_BYTES: Final = 1 << 18
FORMAT: Final = 1

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """What settings.toml says, each value checked."""

    theme: str = "auto"
    smoothing: float = 0.85
    band: str = "sd"
    x_axis: str = "step"
    colors: str = "standard"  # of the curves
    refresh: float = 1.0  # pictures a second
    bell: bool = False
    desktop: bool = False
    webhook: str = ""
    notify_on: str = "ends"  # what bell, desktop and webhook are for

    def set(self, key: str, value: Value) -> "Preferences":
        """One value changed. Raises ValueError for a value that the key cannot have."""
        return replace(self, **{key: PREFS[key].checked(value)})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Preference:
    """One row of the settings: its key, what it is called and does, and what it can be."""

    key: str
    title: str
    help: str
    choices: tuple[tuple[Value, str], ...] = ()  # values with the words for them; none: a text

    def checked(self, value: object) -> Value:
        """The value as it is kept. Raises ValueError."""
        if self.choices:
            for known, _ in self.choices:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                if type(value) is type(known) and value == known:
                    return known
                if number and isinstance(known, float) and value == known:
                    return known
            raise ValueError(f"{self.key} cannot be {clean(str(value))[:40]}")
        if not isinstance(value, str):
            raise ValueError(f"{self.key} is a text")
        return _address(value)

    def words(self, value: Value) -> str:
        """A value as the screen spells it."""
        return next((words for known, words in self.choices if known == value), str(value) or "none")


def _address(text: str) -> str:
    text = text.strip()
    if text and not (text.startswith(("https://", "http://")) and len(text) <= 500 and text.isprintable()):
        raise ValueError("a webhook begins with https:// or http:// and has 500 characters at most")
    return text


_NO_YES: Final = ((False, "no"), (True, "yes"))
PREFS: Final[Mapping[str, Preference]] = {
    one.key: one
    for one in (
        Preference(
            "theme",
            "Theme",
            "auto asks the terminal; --theme, DEEPRL_THEME and NO_COLOR go before this",
            (("auto", "auto"), ("night", "night"), ("day", "day"), ("ansi", "terminal's own")),
        ),
        Preference(
            "colors",
            "Curve colors",
            "which colors experiments get; names stand at the curves in both",
            (("standard", "standard"), ("safe", "for the color-blind")),
        ),
        Preference(
            "smoothing",
            "Smoothing",
            "how much of a curve's past each point keeps; only what is drawn changes",
            ((0.0, "none"), (0.6, "0.6"), (0.85, "0.85"), (0.95, "0.95")),
        ),
        Preference(
            "band",
            "Band",
            "what is shaded around the mean of the seeds",
            (
                ("sd", "± standard deviation"),
                ("ci95", "95% interval of the mean"),
                ("minmax", "lowest to highest seed"),
                ("none", "none"),
            ),
        ),
        Preference(
            "x_axis",
            "Curves along",
            "what the x axis of the charts counts",
            (
                ("step", "env steps"),
                ("episode", "episodes"),
                ("seconds", "training time"),
                ("updates", "updates"),
            ),
        ),
        Preference(
            "refresh",
            "New pictures",
            "how often the screen is drawn anew; a key is answered at once",
            (
                (0.2, "every 5 seconds"),
                (0.5, "every 2 seconds"),
                (1.0, "every second"),
                (2.0, "twice a second"),
            ),
        ),
        Preference("bell", "Bell", "ring the terminal while it is not looked at", _NO_YES),
        Preference("desktop", "Desktop notification", "through the terminal (OSC 9), also over ssh", _NO_YES),
        Preference("webhook", "Webhook", "an address that gets a line of JSON for each notification"),
        Preference(
            "notify_on",
            "Notify of",
            "what rings, shows on the desktop and goes to the webhook; the corner shows all news",
            (
                ("trouble", "trouble"),
                ("ends", "trouble, end of all"),
                ("all", "all news"),
            ),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Session:
    """Where the dashboard of a project was left: the screen in front, and what each screen wants to know."""

    place: str = ""
    screens: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Store:
    """The files of one user. Reading gives a warning in words beside the value; writing raises OSError."""

    config: Path
    state: Path

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> "Store | None":
        """In XDG_CONFIG_HOME and XDG_STATE_HOME, else below the home folder; None if switched off."""
        if environ.get(OFF, "").lower() in ("off", "0", "no"):
            return None
        return cls(
            _base(environ, "XDG_CONFIG_HOME", ".config"), _base(environ, "XDG_STATE_HOME", ".local/state")
        )

    @property
    def file(self) -> Path:
        """The preferences."""
        return self.config / "settings.toml"

    def session_file(self, project: Path) -> Path:
        """Where a project was left; project: its experiments.toml, or its runs folder."""
        name = hashlib.sha256(str(project).encode(errors="surrogateescape")).hexdigest()[:24]
        return self.state / "sessions" / f"{name}.json"

    def load(self) -> tuple[Preferences, str]:
        """Read the preferences."""
        try:
            body = tomllib.loads(read_small(self.file, MOST_BYTES).decode())
        except FileNotFoundError:
            return Preferences(), ""
        except (OSError, ValueError, RecursionError) as error:
            return Preferences(), f"{self.file} is not used: {_first_line(error)}"
        out, bad = Preferences(), ""
        for key in PREFS:
            if key in body:
                try:
                    out = out.set(key, body[key])
                except ValueError as error:
                    bad = bad or f"{self.file}: {_first_line(error)}; its default is used"
        return out, bad

    def save(self, preferences: Preferences) -> None:
        """Write the preferences. Raises OSError."""
        lines = ["# Settings of deeprl-tui; key 4 in the dashboard changes them."]
        lines += [f"{key} = {json.dumps(value)}" for key, value in asdict(preferences).items()]
        _write(self.file, "\n".join(lines) + "\n")

    def load_session(self, project: Path) -> tuple[Session, str]:
        """Read where a project was left."""
        file = self.session_file(project)
        try:
            body: Any = json.loads(read_small(file, MOST_BYTES))
            if body["format"] != FORMAT or body["project"] != _spelled(project):
                return Session(), ""
            screens = {str(name): dict(kept) for name, kept in body["screens"].items()}
            return Session(str(body["place"]), screens), ""
        except FileNotFoundError:
            return Session(), ""
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            return Session(), f"{file} is not used: {_first_line(error)}"

    def save_session(self, project: Path, session: Session) -> None:
        """Write where a project was left. Raises OSError."""
        body = {
            "format": FORMAT,
            "project": _spelled(project),
            "place": session.place,
            "screens": {name: dict(kept) for name, kept in session.screens.items()},
        }
        _write(self.session_file(project), json.dumps(body, indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class Kept:
    """All that was kept for one project; without a store nothing will be written."""

    store: Store | None = None
    project: Path = Path()
    preferences: Preferences = Preferences()
    session: Session = Session()
    warning: str = ""


def load_kept(store: Store | None, project: Path, wait_s: float = 0.3) -> Kept:
    """Read all that was kept, but wait no longer than this for a home folder that does not answer."""
    found: list[Kept] = []

    def read() -> None:
        if store is not None:
            preferences, bad = store.load()
            session, worse = store.load_session(project)
            found.append(Kept(store, project, preferences, session, bad or worse))

    reader = threading.Thread(target=read, name="kept", daemon=True)
    reader.start()
    reader.join(wait_s)
    if store is not None and not found:
        return Kept(warning=f"{store.config} does not answer: settings are as at first, and are not kept")
    return found[0] if found else Kept()


def _base(environ: Mapping[str, str], name: str, otherwise: str) -> Path:
    said = environ.get(name, "")
    return (Path(said) if said.startswith("/") else Path.home() / otherwise) / FOLDER


def _spelled(project: Path) -> str:
    return str(project).encode(errors="surrogateescape").decode(errors="replace")


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return clean(str(error).partition("\n")[0])[:120] or type(error).__name__


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(fd, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


assert {one.name for one in fields(Preferences)} == set(PREFS), "every preference has a row"
