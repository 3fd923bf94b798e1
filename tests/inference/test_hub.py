"""Models as folders in Hugging Face's form."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from genre import Predictor, run_folder
from genre.cli import app
from genre.config.targets import Trust
from genre.errors import GenreError
from genre.inference.hub import read_folder, write_folder
from genre.inference.info import describe
from genre.models.baselines import ClassPrior
from genre.models.checkpoint import TrainedModel, load_model
from tests.conftest import sound
from tests.pretrained.weights import write_musicnn


@pytest.fixture(scope="module")
def folder(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported run."""
    path = tmp_path_factory.mktemp("exported") / "model"
    result = CliRunner().invoke(app, ["export", "--run", str(trained), "--output", str(path), "--format", "hf"])
    assert (result.exit_code, result.stdout) == (0, f"model: {path}\n")
    assert {file.name for file in path.iterdir()} == {"model.safetensors", "config.json", "README.md"}
    return path


def test_an_exported_folder_predicts_as_the_run(trained: Path, folder: Path) -> None:
    clip = sound(1)[:, 0]
    expected = Predictor.load(trained)(clip, 22050).probabilities
    np.testing.assert_array_equal(Predictor.load(folder)(clip, 22050).probabilities, expected)
    pair = Predictor.load(folder, trained)(clip, 22050)  # an ensemble of both
    np.testing.assert_allclose(pair.probabilities, expected, atol=1e-6)
    assert describe(folder)["network"] == describe(trained)["network"]


def test_an_exported_folder_becomes_an_onnx_model(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    CliRunner().invoke(app, ["export", "--run", str(folder), "--output", str(path)], catch_exceptions=False)
    assert describe(path)["genres"] == "blues, jazz, rock"


def test_the_weights_of_the_features_are_exported_with_their_license(trained: Path, tmp_path: Path) -> None:
    weights = write_musicnn(tmp_path / "here" / "musicnn.safetensors")
    weights.with_suffix(".license.md").write_text("ISC")
    features = {"_target_": "genre.pretrained.extractor.Musicnn", "weights": str(weights)}
    net = {"_target_": "genre.models.baselines.ClassPrior", "num_classes": 2, "n_mels": 753}
    new = {"features": features, "net": net, "genres": ["a", "b"], "clip_seconds": 4.0}
    metadata = load_model(trained / run_folder.BEST).metadata | new
    write_folder(tmp_path / "model", TrainedModel(ClassPrior(2, 753), metadata), "card")
    shutil.rmtree(tmp_path / "here")
    (tmp_path / "model").rename(tmp_path / "moved")
    assert {file.name for file in (tmp_path / "moved").iterdir()} == {
        *("model.safetensors", "config.json", "README.md", "features.safetensors", "features.license.md"),
    }
    assert Predictor.load(tmp_path / "moved")(np.tile(sound(1)[:, 0], 2), 22050).genres == ["a", "b"]


@pytest.mark.parametrize("weights", ["gone.safetensors", "IMAGENET1K_V1", {"a": 1}])
def test_weights_that_are_no_file_stay_as_typed(trained: Path, tmp_path: Path, weights: object) -> None:
    model = load_model(trained / run_folder.BEST)
    features = model.metadata["features"] | {"weights": weights}
    write_folder(tmp_path, TrainedModel(model.net, model.metadata | {"features": features}), "card")
    assert read_folder(tmp_path, Trust()).metadata["features"]["weights"] == weights


def test_a_linked_notice_is_not_exported(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("secret")
    (tmp_path / "a.safetensors").write_bytes(b"weights")
    (tmp_path / "a.source.txt").symlink_to(tmp_path / "private.txt")
    model = load_model(trained / run_folder.BEST)
    features = model.metadata["features"] | {"weights": str(tmp_path / "a.safetensors")}
    write_folder(tmp_path / "out", TrainedModel(model.net, model.metadata | {"features": features}), "card")
    assert {path.name for path in (tmp_path / "out").glob("features*")} == {"features.safetensors"}


def test_the_files_hold_plain_values(trained: Path, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert (config["library"], config["genres"]) == ("genre", ["blues", "jazz", "rock"])
    assert config["net"]["_target_"] == "genre.models.crnn.CRNN"
    parameters = sum(array.size for array in load_file(folder / "model.safetensors").values())
    assert parameters >= run_folder.read_scores(trained)["parameters"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": {"_target_": "os.system"}}, r"config\.json: model\.net\._target_=os\.system"),
        ({"features": {"_target_": "os.system", "command": "true"}}, r"features\._target_=os\.system"),
        (
            {"net": {"_target_": "genre.models.baselines.ClassPrior", "num_classes": 3, "n_mels": 16}},
            "is not a usable mo",
        ),
        ({"genres": None}, "is not a usable model|differ"),
    ],
)
def test_a_folder_with_code_or_other_weights_is_refused(
    folder: Path, tmp_path: Path, change: dict, message: str
) -> None:
    shutil.copytree(folder, tmp_path / "other")
    path = tmp_path / "other" / "config.json"
    config = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
    with pytest.raises(GenreError, match=message):
        Predictor.load(tmp_path / "other")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        GenreError, match=r"is neither a trained run nor an exported model: checkpoints/best\.ckpt is mis"
    ):
        Predictor.load(tmp_path)
    (tmp_path / "mine.onnx").touch()
    with pytest.raises(GenreError, match=r"mine\.onnx is an ONNX model: use --onnx"):
        Predictor.load(tmp_path / "mine.onnx")


def test_a_folder_of_runs_a_name_without_its_folder_and_another_file_are_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(trained, tmp_path / "runs" / name)
    monkeypatch.chdir(tmp_path)
    accepted = "name a run folder, a checkpoint or an exported folder"
    refused = {
        "runs": "runs is a folder of runs: name one of them, runs/a, or one of 2 others",
        "b": "b does not exist: did you mean runs/b?",
        "rnus": "rnus does not exist: did you mean runs?",
        "zzz": f"zzz does not exist: {accepted}",
        "runs/a/metrics.csv": f"runs/a/metrics.csv is not a model: {accepted}",
    }
    for path, said in refused.items():
        with pytest.raises(GenreError) as caught:
            Predictor.load(path)
        assert str(caught.value) == said


def test_a_damaged_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(GenreError, match=r"other is not a usable model .*: export it again"):
        Predictor.load(tmp_path / "other")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "pt"], "--format pt is unknown: use onnx or hf"),
        (["--format", "hf", "--run", "b"], "give one --run"),
        ([], r"--output c must end in \.onnx"),
    ],
)
def test_other_exports_are_refused(options: list[str], message: str) -> None:
    with pytest.raises(GenreError, match=message):
        CliRunner().invoke(app, ["export", "--run", "a", "--output", "c", *options], catch_exceptions=False)
