"""The model card: front matter that Hugging Face reads, text that nothing breaks out of."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deeprl_tui.errors import RefusedError
from deeprl_tui.export.card import card
from deeprl_tui.export.logs import Log
from deeprl_tui.runs.record import Record

NASTY = "a | b `code` <script>alert(1)</script> \x1b[31m [x](javascript:y)"


def test_hugging_face_reads_the_front_matter(
    tmp_path: Path, records: Sequence[Record], logs: Callable[[Record], Log]
) -> None:
    """Its own library finds the result of the model."""
    hub = pytest.importorskip("huggingface_hub")
    path = tmp_path / "README.md"
    path.write_text(card(records[0], logs(records[0]), "best_model.zip"))
    data = hub.ModelCard.load(path).data
    (result,) = data.eval_results
    assert data.library_name == "stable-baselines3"
    assert (result.task_type, result.dataset_name) == ("reinforcement-learning", "CartPole-v1")
    assert (result.metric_type, result.metric_value) == ("mean_reward", "20.00 +/- 10.00")


def test_a_setting_breaks_no_table(records: Sequence[Record], logs: Callable[[Record], Log]) -> None:
    """Each setting is one row of two cells, without elements or escape codes."""
    log = logs(records[0])
    spec = dataclasses.replace(log.spec, settings={**log.spec.settings, "note": NASTY})
    text = card(records[0], dataclasses.replace(log, spec=spec), "best_model.zip")
    (row,) = (line for line in text.splitlines() if "`note`" in line)
    assert row.replace("\\|", "").count("|") == 3
    assert "<script" not in text
    assert "\x1b" not in text


def test_a_run_without_an_evaluation_has_no_card(
    records: Sequence[Record], logs: Callable[[Record], Log]
) -> None:
    """There is no number to give, and the remedy is named."""
    with pytest.raises(RefusedError, match="eval_freq"):
        card(records[3], logs(records[3]), "best_model.zip")
