"""Files from someone else run no code: each attack tries to create a marker file, and none may."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from genre import Predictor, run_folder
from genre.config.targets import Trust, check_features
from genre.training.classifier import GenreClassifier
from tests.attacks.conftest import Touch, audit, evaluate, filled, refusal, resume, set_in_config, set_network

LOAD = {"_target_": "torch.load", "f": "{home}/evil.pt", "weights_only": False}
TOUCH = {"_target_": "genre.audio.decoding.os.system", "command": "touch {home}/marker"}
NETWORKS: dict[str, dict[str, Any]] = {
    "Hydra's instantiate, through a module of ours": {
        "_target_": "genre.training.components.instantiate",
        "config": {"_target_": "pandas.read_pickle", "filepath_or_buffer": "{home}/evil.pt", "compression": None},
    },
    "our own builder": {"_target_": "genre.training.components.build", "path": "", "spec": LOAD},
    "our new builder": {"_target_": "genre.config.instantiate.instantiate", "path": "", "spec": LOAD},
    "a target within a network": {"_target_": "torch.nn.Sequential", "_args_": [LOAD]},
    "a target within a keyword": {"_target_": "torch.nn.TransformerEncoder", "encoder_layer": LOAD, "num_layers": 1},
    "a function of torch": {"_target_": "torch.utils.collect_env.run", "command": "touch {home}/marker"},
    "a class of torch that is no network": {"_target_": "torch.utils.file_baton.FileBaton", "lock_file_path": "x"},
    "a function of torch.nn": {"_target_": "torch.nn.init.torch.load", "f": "{home}/evil.pt", "weights_only": False},
    "a class of torch.nn that is no network": {"_target_": "torch.nn.Parameter"},
    "another module's attribute": TOUCH,
    "a partial": {"_target_": "functools.partial", "_args_": [TOUCH]},
    "a target that is a list": {"_target_": ["os.system"]},
    "no target": {"hidden_dim": 4},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_names_networks_and_nothing_else(name: str, run: Path) -> None:
    set_network(run, NETWORKS[name])
    message = refusal(run)
    assert str(run / run_folder.BEST) in message
    assert "model.net" in message


@pytest.mark.parametrize("act", [GenreClassifier.load_from_checkpoint, Predictor.load])
def test_a_checkpoint_names_features_and_nothing_else(act: Callable[[Path], Any], run: Path) -> None:
    path = run / run_folder.BEST
    stored = torch.load(path, weights_only=True)
    for features, message in {
        "code": (filled(TOUCH, run.parent), "features._target_=genre.audio.decoding.os.system"),
        "weights that would be written": (
            {"_target_": "genre.pretrained.extractor.Musicnn", "weights": f"{run.parent}/marker"},
            "marker, which the features need, does not exist: run genre weights musicnn",
        ),
    }.values():
        stored["hyper_parameters"]["card"]["features"] = features
        torch.save(stored, path)
        assert message in refusal(path, act)
        assert not (run.parent / "marker").exists()


@pytest.mark.parametrize("key", ["features", "model.features", "teacher.features"])
@pytest.mark.parametrize("act", [evaluate, resume])
def test_a_stored_path_is_not_written(act: Callable[[Path], None], key: str, run: Path) -> None:
    if key == "teacher.features":
        set_in_config(run, "teacher", {"_target_": "genre.training.distillation.FeatureTeacher", "weight": 1.0})
    set_in_config(run, key, {"_target_": "genre.pretrained.extractor.Musicnn", "weights": "{home}/marker"})
    if key == "teacher.features" and act is evaluate:
        act(run)  # nothing uses it
        assert not (run.parent / "marker").exists()
    else:
        assert "marker, which the features need, does not exist" in refusal(run, act)


def test_weights_of_other_features_and_typed_ones_are_no_business_of_ours(tmp_path: Path) -> None:
    own = {"_target_": "tests.attacks.conftest.Touch", "weights": "IMAGENET1K_V1"}
    check_features(tmp_path, own, Trust(["tests"]))
    typed = {"_target_": "genre.pretrained.extractor.Musicnn", "weights": f"{tmp_path}/none"}
    check_features(tmp_path, typed, Trust((), {"features": typed}))  # the user's own, who may fetch them


def test_a_checkpoint_is_data(run: Path) -> None:
    stored = torch.load(run / run_folder.BEST, weights_only=True)
    torch.save(stored | {"callbacks": Touch(run.parent / "marker")}, run / run_folder.BEST)
    assert "is not a usable checkpoint" in refusal(run)


PARTS: dict[str, tuple[str, Any]] = {
    "a pickle as the source": ("data.source", LOAD),
    "a hub's code as the source": (
        "data.source",
        {"_target_": "torch.hub.load", "repo_or_dir": "{home}/hub", "model": "net", "source": "local"},
    ),
    "a target in a list": ("augment._args_", [TOUCH]),
    "a target in a list in a list": ("augment.more", [[{"deep": TOUCH}]]),
    "a target in the features": ("features.n_mels", TOUCH),
    "a partial source": ("data.source", TOUCH | {"_partial_": True}),
    "another module's attribute": ("executor", TOUCH),
    "a scheduler": ("scheduler.evil", TOUCH),
    "a network": ("model.net", LOAD),
    "a class of ours in another's place": (
        "data.source",
        {"_target_": "genre.training.loggers.EpochCSVLogger", "path": "{home}/marker"},
    ),
    "a builder of ours": ("executor", {"_target_": "genre.training.components.build", "path": "", "spec": TOUCH}),
    "a fit": ("model.fit", {"_target_": "genre.training.components.build", "path": "", "spec": TOUCH}),
    "where no target belongs": ("data.clip_start", TOUCH),
}


@pytest.mark.parametrize("act", [evaluate, audit, resume])
@pytest.mark.parametrize("name", PARTS)
def test_a_stored_configuration_names_only_our_code(name: str, act: Callable[[Path], None], run: Path) -> None:
    set_in_config(run, *PARTS[name])
    message = refusal(run, act)
    assert str(run / run_folder.CONFIG) in message
    assert f"{PARTS[name][0].removesuffix('._args_')}" in message


def test_a_callback_of_hydras_is_refused(run: Path) -> None:
    set_in_config(run, "hydra.callbacks.evil", TOUCH)
    assert "hydra is not a key of the configuration" in refusal(run)


def test_a_stored_file_trusts_nobody(run: Path) -> None:
    set_in_config(run, "trust", ["torch", "genre", "os", "posix"])
    set_in_config(run, "data.source", LOAD)
    assert "data.source._target_=torch.load" in refusal(run)
    assert "data.source._target_=torch.load" in refusal(run, resume)


def test_a_logger_is_made_where_a_run_is_resumed_and_only_one_that_logs_here(run: Path) -> None:
    set_in_config(run, "logger.evil", TOUCH)
    evaluate(run)  # makes no loggers
    assert not (run.parent / "marker").exists()
    assert "logger.evil._target_=genre.audio.decoding.os.system" in refusal(run, resume)


@pytest.mark.parametrize(
    "more", [{"settings": {"base_url": "x"}}, {"tracking_uri": "http://elsewhere"}, {"host": "https://elsewhere"}]
)
def test_a_stored_logger_sends_nothing_elsewhere(more: dict[str, Any], run: Path) -> None:
    set_in_config(run, "logger.evil", {"_target_": "lightning.pytorch.loggers.MLFlowLogger", **more})
    assert f"logger.evil.{next(iter(more))}" in refusal(run, resume)


WRITERS: dict[str, tuple[str, Any]] = {
    "a callback": ("callbacks.evil", TOUCH),
    "a function of an allowed callback": (
        "callbacks.ema",
        {"_target_": "genre.training.averaging.EMAWeightAveraging", "multi_avg_fn": TOUCH},
    ),
    "another name of an allowed callback": (
        "callbacks.ema",
        {"_target_": "genre.training.fit.Callback.on_exception"},
    ),
    "a callback of Lightning's": (
        "callbacks.evil",
        {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "_args_": ["{home}/marker"]},
    ),
    "an object of the trainer": ("trainer.profiler", TOUCH),
    "an object in a list of the trainer": ("trainer.plugins", [TOUCH]),
    "a plug-in of the trainer": ("trainer.plugins", ["AsyncCheckpointIO"]),
    "a registry": ("trainer.model_registry", "theirs"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_may_write_anywhere_is_left_out_or_refused(name: str, run: Path) -> None:
    key, _ = WRITERS[name]
    set_in_config(run, *WRITERS[name])
    evaluate(run)  # builds none of them
    assert not (run.parent / "marker").exists()
    message = refusal(run, resume)
    assert key in message
    assert "is not taken from a stored file" in message
    assert "trust=[" in message


def test_a_stored_trainer_writes_to_no_other_folder(run: Path) -> None:
    set_in_config(run, "trainer.default_root_dir", str(run.parent / "marker"))
    assert "trainer.default_root_dir" in refusal(run)
    assert "trainer.default_root_dir" in refusal(run, resume)


@pytest.mark.parametrize(
    ("key", "value"),
    [("optimizer", TOUCH), ("optimizer._target_", "torch.optim.lr_scheduler.torch.load"), ("loss", TOUCH)],
)
def test_a_stored_optimizer_or_loss_is_one_of_torchs_or_ours(key: str, value: Any, run: Path) -> None:
    set_in_config(run, key, value)
    place = f"{key.partition('.')[0]}._target_"
    assert place in refusal(run)
    assert place in refusal(run, resume)


TEXTS = {
    "a tag of YAML's": "data: !!python/object/apply:os.system ['touch {home}/marker']",
    "a list": "- 1",
    "a text": "what",
    "nothing": "",
    "no text": "\x00\x01",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("act", [evaluate, audit, resume])
def test_a_configuration_that_is_none(name: str, act: Callable[[Path], None], run: Path) -> None:
    (run / run_folder.CONFIG).write_text(filled(TEXTS[name], run.parent))
    assert str(run / run_folder.CONFIG) in refusal(run, act)


@pytest.mark.parametrize(
    "text",
    ["${oc.env:SECRET}", "a ${oc.env:SECRET,b}", "${oc.decode:${oc.env:SECRET}}", "${${model.name}:x}", "${eval:1}"],
)
@pytest.mark.parametrize("act", [evaluate, resume])
def test_a_configuration_reads_no_environment(
    text: str, act: Callable[[Path], None], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    set_in_config(run, "label", text)
    message = refusal(run, act)
    assert str(run / run_folder.CONFIG) in message
    assert "label" in message
    assert "hunter2" not in message


def test_the_advice_about_trust(run: Path) -> None:
    set_in_config(run, "data.source", {"_target_": "mylab.sources.Mine", "root": "x"})
    hint = "add trust=[mylab] if you trust it (genre predict: --trust mylab)"
    assert refusal(run).endswith(f"mylab.sources.Mine is code outside this project: {hint}")
    set_in_config(run, "data.source", LOAD)
    assert "trust=" not in refusal(run)
    set_in_config(run, "label", "${oc.env:HOME}")
    assert refusal(run).endswith("add trust=[oc.env] if you trust it")


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['touch {home}/marker']", "[[1], {a: 2}]", "7", "["])
def test_the_stored_command_line_is_not_read(text: str, run: Path) -> None:
    (run / run_folder.OVERRIDES).write_text(filled(text, run.parent))
    resume(run)
    assert not (run.parent / "marker").exists()
