"""The weights of a run that is not trained further: from its models, or from its checkpoints.

Rule: of an SB3 zip only the tensors and the number of steps are read. Its other entries are pickles, and a
run directory may be somebody else's.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from deeprl_agents.checkpoint import DamagedError, previous, read_checkpoint
from deeprl_agents.dqn.dqn import DQN
from deeprl_tui.core import playing
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError

TENSORS, DATA = "policy.pth", "data"
SLACK = 1 << 20
"""Bytes of a zip's entry beyond the weights themselves."""
MAX_DATA = 1 << 26


def there(paths: RunPaths, spec: RunSpec) -> tuple[str, ...]:
    """Say which of the weights there are."""
    return tuple(which for which in playing.CHECKPOINTS if _found(paths, spec, which) is not None)


def find(paths: RunPaths, spec: RunSpec, which: str) -> tuple[str, Path]:
    """Find weights: their name and their file. Raises DeeprlError.

    which: one of playing.CHECKPOINTS, AUTO for the first of them that there is, or the path of an SB3 zip.
    """
    if which == playing.AUTO:
        for name in playing.CHECKPOINTS:
            if (path := _found(paths, spec, name)) is not None:
                return name, path
        remedy = f"its first checkpoint comes at step {spec.settings.get('save_freq')}"
        raise DeeprlError("has no weights yet", place=str(spec.id), remedy=remedy)
    if which not in playing.CHECKPOINTS:
        return which, Path(which)
    path = _found(paths, spec, which)
    if path is None:
        known = ", ".join(there(paths, spec)) or "none yet"
        raise DeeprlError(
            f"has no weights {which!r}",
            place=str(spec.id),
            remedy=f"there are: {known}; best needs an evaluation",
        )
    return which, path


def _found(paths: RunPaths, spec: RunSpec, which: str) -> Path | None:
    candidates = {
        playing.BEST: (paths.best_model,),
        playing.LAST: (paths.last_model(spec.env), paths.checkpoint),
        playing.BEFORE: (previous(paths),),
    }[which]
    return next((path for path in candidates if path.is_file()), None)


def load(model: DQN, path: Path) -> int | None:
    """Put weights into a model; the env steps they have learned from, if known. Raises DeeprlError."""
    try:
        tensors, step = _from_zip(path, model) if zipfile.is_zipfile(path) else _from_checkpoint(path)
        wanted = {name: tuple(tensor.shape) for name, tensor in model.policy.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if found != wanted:
            raise DamagedError("they are of another network")
        model.policy.load_state_dict(tensors)
    except OSError as error:
        raise DeeprlError(
            f"cannot be read ({error.strerror})", place=str(path), remedy="name another one"
        ) from None
    except (ValueError, zipfile.BadZipFile, RuntimeError, KeyError) as error:
        text = str(error).partition("\n")[0][:200]
        raise DeeprlError(
            f"are no weights of this run ({text})", place=str(path), remedy="name others"
        ) from None
    return step


def _from_checkpoint(path: Path) -> tuple[Mapping[str, torch.Tensor], int | None]:
    saved = read_checkpoint(path)
    if saved is None:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    start = "policy/"
    tensors = {
        name.removeprefix(start): torch.from_numpy(array.copy())
        for name, array in saved.arrays.items()
        if name.startswith(start)
    }
    return tensors, _steps(saved.values)


def _from_zip(path: Path, model: DQN) -> tuple[Mapping[str, torch.Tensor], int | None]:
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.policy.state_dict().values())
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(TENSORS).file_size > 2 * size + SLACK:
            raise DamagedError("they are of a larger network")
        data = io.BytesIO(archive.read(TENSORS))
        try:
            tensors = torch.load(data, map_location="cpu", weights_only=True)
        except Exception as error:  # its reader of damaged bytes has many
            raise DamagedError(str(error)) from None
        values: Any = {}
        if archive.getinfo(DATA).file_size <= MAX_DATA:
            values = json.loads(archive.read(DATA))
    if not isinstance(tensors, dict) or not all(isinstance(one, torch.Tensor) for one in tensors.values()):
        raise DamagedError("there are no tensors")
    return tensors, _steps(values)


def _steps(values: Any) -> int | None:
    step = values.get("num_timesteps") if isinstance(values, Mapping) else None
    return step if type(step) is int and step >= 0 else None
