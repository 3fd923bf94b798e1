"""Settings that a search found are taken, and the command line wins over them."""

from pathlib import Path

import pytest
import yaml

from genre.config.best import apply_best
from genre.errors import GenreError
from tests.composing import compose


def search(home: Path, name: str) -> None:
    (home / name).mkdir(parents=True)
    text = "model.learning_rate: 3e-4\ndata.batch_size: 64\nmodel.net.hidden_dim: 128\n"
    (home / name / "best.yaml").write_text(text)


def taken(*overrides: str) -> tuple[float, int, int]:
    config = apply_best(compose([*overrides, "model=cnn1d_gru"]), list(overrides))
    return config.model.learning_rate, config.data.batch_size, config.model.net.hidden_dim


@pytest.mark.parametrize("folder", ["", "cnn1d_gru-synthetic"])
def test_a_search_is_found_by_its_folder_or_by_model_and_data(tmp_path: Path, folder: str) -> None:
    search(tmp_path, folder or "one")
    best = tmp_path if folder else tmp_path / "one"
    assert taken(f"best={best}") == (3e-4, 64, 128)
    assert taken(f"best={best}", "data.batch_size=4") == (3e-4, 4, 128)


def test_without_a_search_nothing_changes(tmp_path: Path) -> None:
    assert taken() == (2e-3, 32, 32)
    search(tmp_path, "cnn2d_gru-synthetic")
    assert taken(f"best={tmp_path}") == (2e-3, 32, 32)  # this model was not searched


def test_a_wrong_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"no best.yaml in .* or .*/cnn1d_gru-synthetic: run a search first"):
        taken(f"best={tmp_path}")
    (tmp_path / "best.yaml").write_text("- what")
    with pytest.raises(GenreError, match="is damaged: search again"):
        taken(f"best={tmp_path}")
    (tmp_path / "best.yaml").write_text("model: [")
    with pytest.raises(GenreError, match="is damaged: search again"):
        taken(f"best={tmp_path}")


WRITTEN = {
    "model.name: cnn2d_gru": r"best.yaml is for model=cnn2d_gru, not cnn1d_gru: use model=cnn2d_gru, or another search",
    "model.net.depth: 3": r"sets model.net.depth, which this configuration does not have",
    "model.learning_rate: much": r"best.yaml: model.learning_rate: Value 'much'",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_settings_that_do_not_fit_the_model_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "best.yaml").write_text(text)
    with pytest.raises(GenreError, match=WRITTEN[text]):
        taken(f"best={tmp_path}")


def test_schedulers_are_taken_whole_and_those_that_are_given_win(tmp_path: Path) -> None:
    step = {"_target_": "torch.optim.lr_scheduler.StepLR", "_partial_": True, "step_size": 5}
    (tmp_path / "best.yaml").write_text(yaml.safe_dump({"scheduler": {"step": step}}))

    def schedulers(*overrides: str) -> dict:
        config = apply_best(compose([*overrides, "model=cnn1d_gru", f"best={tmp_path}"]), list(overrides))
        return {name: dict(spec) for name, spec in config.scheduler.items()}

    assert schedulers() == {"step": step}
    own = schedulers("scheduler=plateau_step", "scheduler.step.step_size=7")
    assert (own["step"]["step_size"], own["plateau"]["factor"]) == (7, 0.5)
    assert schedulers("scheduler=none") == {}
    assert list(schedulers("scheduler=plateau")) == ["plateau"]
    (tmp_path / "best.yaml").write_text("scheduler: {}")
    assert schedulers() == {}


def test_a_value_of_a_scheduler_that_is_given_wins(tmp_path: Path) -> None:
    plateau = {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "_partial_": True, "factor": 0.7}
    (tmp_path / "best.yaml").write_text(yaml.safe_dump({"scheduler": {"plateau": plateau}}))
    given = ["model=cnn1d_gru", f"best={tmp_path}", "scheduler.plateau.factor=0.9"]
    assert apply_best(compose(given), given).scheduler == {"plateau": {**plateau, "factor": 0.9}}


def test_a_value_of_a_scheduler_may_be_the_searched_one(tmp_path: Path) -> None:
    cycle = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "_partial_": True, "max_lr": "${model.learning_rate}"}
    values = {"model.learning_rate": 3e-4, "scheduler": {"one_cycle": cycle}}
    (tmp_path / "best.yaml").write_text(yaml.safe_dump(values))

    def peak(*more: str) -> float:
        given = ["model=cnn1d_gru", f"best={tmp_path}", *more]
        return apply_best(compose(given), given).scheduler.one_cycle.max_lr

    assert peak() == 3e-4
    assert peak("model.learning_rate=0.01") == 0.01
    for text in ("${oc.env:HOME}", "${model.${seed}}", "a${seed}"):
        (tmp_path / "best.yaml").write_text(yaml.safe_dump({"scheduler": {"one_cycle": cycle | {"max_lr": text}}}))
        with pytest.raises(GenreError, match="is not a plain value: search again"):
            peak()
    (tmp_path / "best.yaml").write_text(yaml.safe_dump({"model.weight_decay": "${model.learning_rate}"}))
    with pytest.raises(GenreError, match="is not a plain value: search again"):
        peak()
