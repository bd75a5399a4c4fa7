"""A model card as Hugging Face reads it: front matter with a model index, results, settings, code that runs.

Rule: the number in the index is that of the model in the folder: its own evaluation, greedy, on fixed seeds.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, pstdev

from deeprl_tui.config.text import setting
from deeprl_tui.core.plugin import used
from deeprl_tui.core.text import clean
from deeprl_tui.errors import RefusedError
from deeprl_tui.export.logs import Evaluation, Log
from deeprl_tui.export.words import duration, number
from deeprl_tui.runs.record import Record

LIBRARY = "stable-baselines3"


def card(record: Record, log: Log, model: str) -> str:
    """Write the card of a run; model: the file name of its policy.

    Raises RefusedError if the run was never evaluated: there is no number to give.
    """
    told = _of_model(log, best=model.startswith("best"))
    if told is None:
        raise RefusedError(
            "was never evaluated",
            place=str(record.id),
            remedy="let it run to its first evaluation; eval_freq sets when",
        )
    settings = log.spec.settings
    plain = _is_plain(log)
    parts = [
        *_front(record, told),
        f"# {log.spec.algo.upper()} agent playing {record.env}",
        "",
        f"One run of the experiment `{record.id.experiment}`, seed {record.id.seed}, trained with"
        f" [Stable-Baselines3](https://github.com/DLR-RM/stable-baselines3) and deeprl-tui.",
        "",
        "## Results",
        "",
        f"| | |\n|---|---|\n{_table(_results(record, told))}",
        "",
        "## Use",
        "",
        *(_code(record, log, model) if plain else _own_code(record, log, model)),
        "",
        "## Settings",
        "",
        "| setting | value |\n|---|---|",
        *(f"| `{key}` | `{_cell(setting(value))}` |" for key, value in sorted(settings.items())),
        "",
        "## Trained with",
        "",
        *_versions(log),
    ]
    return "\n".join(parts) + "\n"


def _of_model(log: Log, *, best: bool) -> Evaluation | None:
    """The evaluation of the best model, or the last one."""
    wanted = [one for one in log.evaluations if one.best] if best else log.evaluations
    return wanted[-1] if wanted else None


def _front(record: Record, told: Evaluation) -> Iterator[str]:
    """Front matter; JSON strings are YAML strings, so nothing in a name is syntax."""
    env = json.dumps(record.env)
    score = f"{fmean(told.returns):.2f} +/- {pstdev(told.returns):.2f}"
    yield "---"
    yield f"library_name: {LIBRARY}"
    yield "tags:"
    for word in (env, "deep-reinforcement-learning", "reinforcement-learning", LIBRARY, "deeprl-tui"):
        yield f"- {word}"
    yield "model-index:"
    yield f"- name: {json.dumps(record.algo.upper())}"
    yield "  results:"
    yield "  - task:"
    yield "      type: reinforcement-learning"
    yield "      name: reinforcement-learning"
    yield "    dataset:"
    yield f"      name: {env}"
    yield f"      type: {env}"
    yield "    metrics:"
    yield "    - type: mean_reward"
    yield f"      value: {score}"
    yield "      name: mean_reward"
    yield "      verified: false"
    yield "---"
    yield ""


def _results(record: Record, told: Evaluation) -> Iterator[tuple[str, str]]:
    yield (
        "evaluation of this model",
        f"{fmean(told.returns):.2f} ± {pstdev(told.returns):.2f}, {len(told.returns)} greedy episodes,"
        f" after {told.step:,} steps",
    )
    if record.score is not None:
        yield "training, mean return of the last 100 episodes", number(record.score)
    if record.solved is not None:
        at = f"{record.solved_at:,} steps" if record.solved_at is not None else "not reached"
        yield f"solved (mean of 100 episodes at {record.solved:g})", at
    yield "environment steps", f"{record.step:,}"
    yield "training took", duration(record.seconds)
    yield "state of the run", record.state


def _is_plain(log: Log) -> bool:
    """Whether Stable-Baselines3 and gymnasium alone can load and play it."""
    settings = log.spec.settings
    ours = used(log.spec.env, settings) or settings.get("pixels") or settings.get("dueling")
    return not ours


def _code(record: Record, log: Log, model: str) -> Iterator[str]:
    limit = log.spec.settings.get("max_episode_steps")
    options = f", max_episode_steps={limit}" if isinstance(limit, int) else ""
    yield "```python"
    yield "import gymnasium"
    yield "from stable_baselines3 import DQN"
    yield "from stable_baselines3.common.evaluation import evaluate_policy"
    yield "from stable_baselines3.common.monitor import Monitor"
    yield ""
    yield f"env = Monitor(gymnasium.make({_literal(record.env)}{options}))"
    yield f'model = DQN.load({_literal(model)}, device="cpu")'
    yield "mean, std = evaluate_policy(model, env, n_eval_episodes=10, deterministic=True)"
    yield 'print(f"mean reward {mean:.2f} +/- {std:.2f}")'
    yield "```"
    if "Lunar" in record.env:
        yield ""
        yield 'Needs `pip install stable-baselines3 "gymnasium[box2d]"`.'


def _own_code(record: Record, log: Log, model: str) -> Iterator[str]:
    """What needs networks, images or code of the project: deeprl-tui, and run.json beside this file."""
    yield "Its network, its images or its environment are not Stable-Baselines3's own, so it needs"
    yield "`pip install deeprl-tui` and the run's `run.json` beside this file."
    code = sorted(log.spec.code)
    if code:
        files = ", ".join(f"`{_cell(name)}`" for name in code)
        yield f"And the project's own code, in the folder where this runs: {files}."
    yield ""
    yield "```python"
    yield "from pathlib import Path"
    yield ""
    yield "from deeprl_agents import envs"
    yield "from deeprl_agents.dqn.dqn import DQN"
    yield "from deeprl_tui.core.layout import RunPaths"
    yield "from deeprl_tui.core.spec import RunSpec"
    yield ""
    yield "spec = RunSpec.from_json(RunPaths(Path()).spec.read_text())"
    yield "env = envs.make(spec, training=False)"
    yield f'model = DQN.load({_literal(model)}, device="cpu")'
    yield "observation, _ = env.reset()"
    yield "total, over = 0.0, False"
    yield "while not over:"
    yield "    action, _ = model.predict(observation, deterministic=True)"
    yield "    observation, reward, terminated, truncated, _ = env.step(int(action))"
    yield "    total, over = total + float(reward), terminated or truncated"
    yield 'print(f"return {total:.2f}")'
    yield "```"


def _versions(log: Log) -> Iterator[str]:
    if not log.starts:
        return
    start = log.starts[-1]
    for name, version in start.versions.items():
        yield f"- {_cell(name)} {_cell(version)}"
    for backend in log.backends[-1:]:
        yield f"- updates by {_cell(backend)}"


def _table(rows: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows)


def _cell(text: str) -> str:
    """Text that leaves a table of Markdown as it is and is no markup."""
    shown = clean(text).replace("\\", "\\\\")
    for char in "|`<>[]":
        shown = shown.replace(char, {"<": "&lt;", ">": "&gt;", "`": "'"}.get(char, f"\\{char}"))
    return shown


def _literal(text: str) -> str:
    return json.dumps(text)


def model_file(folder: Path, last: Path, best: Path) -> Path:
    """The policy to publish: the best one, or the last. Raises RefusedError if there is neither."""
    for path in (best, last):
        if path.is_file():
            return path
    raise RefusedError(
        "has no model yet", place=str(folder), remedy="let it run to its first evaluation or to its end"
    )
