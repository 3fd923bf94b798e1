from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from genre import run_folder
from genre.errors import GenreError
from genre.pipeline import train_and_test
from genre.training.classifier import GenreClassifier
from genre.training.resume import restore_settings
from genre.training.trainer import check_trainer
from tests.composing import compose, evaluation
from tests.conftest import Runs, have_same_weights, read_metrics


def state(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_resumed_run_equals_an_uninterrupted_one(runs: Runs) -> None:
    # Both schedulers change the learning rate and have a state that a resumed run must keep
    schedulers = ["scheduler=plateau_step", "scheduler.plateau.patience=0", "scheduler.plateau.threshold=0.5"]
    schedulers.append("scheduler.step.step_size=2")
    whole, _ = runs.train("whole", *schedulers)
    assert len(read_metrics(runs.interrupt("cut", 2, *schedulers))) == 2
    cut, _ = runs.train("cut", *schedulers)
    assert read_metrics(whole).equals(read_metrics(cut))
    for name in (run_folder.LAST, run_folder.BEST):
        assert have_same_weights(whole, cut, name)
    assert read_metrics(whole)["learning_rate"].nunique() > 2


def test_a_run_that_stopped_early_is_only_tested_when_resumed(runs: Runs) -> None:
    stopping = ["early_stopping.patience=1", "monitor.metric=val/accuracy", "monitor.mode=max", "trainer.max_epochs=30"]
    folder, best = runs.train("run", *stopping)
    epochs = len(read_metrics(folder))
    assert epochs < 30
    (folder / run_folder.SCORES).unlink()
    assert runs.train("run", *stopping)[1] == best
    assert len(read_metrics(folder)) == epochs


@pytest.fixture
def interrupted(runs: Runs) -> Path:
    """A run of two epochs that was interrupted after the first."""
    return runs.interrupt("run", 1, "trainer.max_epochs=2", "model.learning_rate=2e-3")


def resume(folder: Path, *overrides: str) -> None:
    train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, [*overrides, f"run_dir={folder}"])


def test_where_and_how_a_run_is_made_may_change_when_it_is_resumed(runs: Runs, interrupted: Path) -> None:
    same = runs.overrides("trainer.max_epochs=2", "model.learning_rate=0.002")  # the same number, written otherwise
    elsewhere = ["trainer.accelerator=auto", "trainer.deterministic=warn", "executor.workers=2", "finished=skip"]
    resume(interrupted, *same, *elsewhere, "logger=tensorboard", "data.num_workers=0")
    assert list(interrupted.glob("tensorboard/events.*"))
    assert read_metrics(interrupted)["epoch"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "overrides", [[], ["logger=tensorboard", "finished=skip", "trainer.accelerator=auto"]], ids=["alone", "with others"]
)
def test_run_dir_resumes_with_the_stored_configuration(interrupted: Path, overrides: list[str]) -> None:
    resume(interrupted, *overrides)
    assert read_metrics(interrupted)["epoch"].tolist() == [0, 1]
    assert read_metrics(interrupted)["learning_rate"].tolist() == pytest.approx([2e-3, 2e-3])
    assert bool(list(interrupted.glob("tensorboard/events.*"))) == bool(overrides)


def test_an_unfinished_run_with_other_values_is_refused(runs: Runs, interrupted: Path) -> None:
    message = r"run holds an unfinished run with model\.learning_rate=0\.002, not 0\.001: give run_dir alone to resume"
    with pytest.raises(GenreError, match=message):
        resume(interrupted, *runs.overrides("trainer.max_epochs=2"))


def test_a_finished_run_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    before = state(folder)
    with pytest.raises(GenreError, match="holds a finished run: choose another run_dir"):
        runs.train("run", "trainer.max_epochs=1")
    with pytest.raises(GenreError, match="finished=exted is unknown: did you mean extend"):
        runs.train("run", "trainer.max_epochs=1", "finished=exted")
    assert state(folder) == before


def test_a_finished_run_is_skipped_on_request(runs: Runs) -> None:
    folder, best = runs.train("run", "trainer.max_epochs=2", "finished=skip")
    before = state(folder)
    assert runs.train("run", "trainer.max_epochs=2", "finished=skip", "logger=tensorboard")[1] == best
    assert state(folder) == before
    with pytest.raises(
        GenreError, match=r"holds a finished run with trainer.max_epochs=2, not 3: delete it, or .* another label"
    ):
        runs.train("run", "trainer.max_epochs=3", "finished=skip")


def test_the_stored_configuration_is_the_composed_one(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    stored = OmegaConf.load(folder / run_folder.CONFIG)
    assert stored.model.net.hidden_dim == 4
    assert stored.run_dir == str(folder)
    assert OmegaConf.load(folder / run_folder.OVERRIDES) == runs.overrides("trainer.max_epochs=1")


def test_a_run_is_restored_with_the_folders_where_audio_and_caches_are_now(tmp_path: Path) -> None:
    config = compose(["data=folder", "data.root=a", "paths.cache=b", f"run_dir={tmp_path}"])
    (tmp_path / run_folder.CONFIG).parent.mkdir()
    OmegaConf.save(config, tmp_path / run_folder.CONFIG)
    same = restore_settings(tmp_path, evaluation())
    assert (same.data.root, same.paths.cache, same.logger) == ("a", "b", {})
    moved = restore_settings(tmp_path, evaluation(data_root="c", cache="d", trust=["mylab"]))
    assert (moved.data.root, moved.data.source["root"], moved.paths.cache, moved.trust) == ("c", "c", "d", ["mylab"])
    with pytest.raises(GenreError, match=r"elsewhere is not a run folder: give one made by train\.py"):
        restore_settings(tmp_path / "elsewhere", evaluation())


def test_a_run_of_several_gpus_is_restored_for_one_device(tmp_path: Path) -> None:
    config = compose(["trainer=ddp", "trainer.devices=4", "trainer.num_nodes=2", f"run_dir={tmp_path}"])
    (tmp_path / run_folder.CONFIG).parent.mkdir()
    OmegaConf.save(config, tmp_path / run_folder.CONFIG)
    one = {"devices": 1, "num_nodes": 1, "strategy": "auto", "sync_batchnorm": False}
    assert restore_settings(tmp_path, evaluation()).trainer.items() >= (one | {"accelerator": "gpu"}).items()
    on_cpu = restore_settings(tmp_path, evaluation(accelerator="cpu"))
    assert on_cpu.trainer.items() >= (one | {"accelerator": "cpu"}).items()
    check_trainer(on_cpu.trainer)


DEFAULT = ["recipe=default", "features.hop_length=512", "data.segment_seconds=1.5", "data.min_batches=3"]


@pytest.mark.parametrize(
    "method",
    [
        DEFAULT,
        [*DEFAULT, "scheduler=cosine", "optimizer=sgd", "loss=focal", "monitor.select=best"],
        [*DEFAULT, "callbacks=[ema,lr_monitor]", "loss=balanced_softmax", "trainer.accumulate_grad_batches=2"],
        [*DEFAULT, "optimizer=adamw", "optimizer.decay_norms_and_biases=false", "scheduler=study"],
    ],
    ids=["default", "cosine and focal", "monitor and accumulation", "study schedule"],
)
def test_a_resumed_run_equals_an_uninterrupted_one_with_every_option(runs: Runs, method: list[str]) -> None:
    logger = ["logger=tensorboard"] if "callbacks=[ema,lr_monitor]" in method else []
    whole, _ = runs.train("whole", *method, *logger)
    runs.interrupt("cut", 2, *method, *logger)
    cut, _ = runs.train("cut", *method, *logger)
    assert read_metrics(whole).equals(read_metrics(cut))
    for name in (run_folder.LAST, run_folder.BEST):
        assert have_same_weights(whole, cut, name)


def test_a_run_with_callbacks_of_the_recipe_resumes_by_its_folder_alone(runs: Runs) -> None:
    whole, _ = runs.train("whole", *DEFAULT, "callbacks=[ema,lr_monitor]", "logger=tensorboard")
    cut = runs.interrupt("cut", 2, *DEFAULT, "callbacks=[ema,lr_monitor]", "logger=tensorboard")
    resume(cut)
    assert have_same_weights(whole, cut, run_folder.LAST)


def test_the_averaged_weights_are_tested(runs: Runs) -> None:
    folder, score = runs.train("run", *DEFAULT)
    last = torch.load(folder / run_folder.LAST, weights_only=True)
    averaged, current = last["state_dict"], last["current_model_state"]
    assert any(not torch.equal(averaged[name], current[name]) for name in averaged)
    assert have_same_weights(folder, folder, run_folder.BEST)
    best = torch.load(folder / run_folder.BEST, weights_only=True)["state_dict"]
    assert all(torch.equal(best[name], averaged[name]) for name in averaged)
    epochs = read_metrics(folder)
    assert score == pytest.approx(epochs["val/loss"].iloc[-1])
    assert run_folder.read_scores(folder)["val/loss"] == pytest.approx(score)


def test_a_run_killed_between_its_two_checkpoints_is_tested_at_the_last_one(runs: Runs) -> None:
    folder, _ = runs.train("run", *DEFAULT)
    (folder / run_folder.SCORES).unlink()
    other, _ = runs.train("other", *DEFAULT, "seed=7")
    (folder / run_folder.BEST).write_bytes((other / run_folder.BEST).read_bytes())
    runs.train("run", *DEFAULT)
    assert (folder / run_folder.BEST).read_bytes() == (folder / run_folder.LAST).read_bytes()


def test_a_finished_run_is_extended_to_more_epochs(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=2")
    whole, _ = runs.train("whole", "trainer.max_epochs=4")
    reports = [folder / name for name in ("report", "report_val", "on/music")]
    for report in reports:
        report.mkdir(parents=True)
    resume(folder, "finished=extend", "trainer.max_epochs=4")
    assert not any(report.exists() for report in reports)  # which were about the shorter training
    assert read_metrics(folder).equals(read_metrics(whole))
    assert have_same_weights(folder, whole, run_folder.LAST)
    assert OmegaConf.load(folder / run_folder.CONFIG).trainer.max_epochs == 4
    for override, message in {"trainer.max_epochs=4": "more than 4", "seed=7": "more than 4"}.items():
        with pytest.raises(GenreError, match=message):
            resume(folder, "finished=extend", override)
    assert run_folder.is_finished(folder)


def test_an_interrupted_extension_is_resumed_by_the_same_command(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1", "model=cnn1d_lstm")
    whole, _ = runs.train("whole", "trainer.max_epochs=3", "model=cnn1d_lstm")
    command = ("finished=extend", "trainer.max_epochs=3")  # whose composed model is another one
    start = GenreClassifier.on_train_epoch_start

    def start_or_stop(classifier: GenreClassifier) -> None:
        if classifier.current_epoch == 2:
            raise KeyboardInterrupt
        start(classifier)

    monkeypatch.setattr(GenreClassifier, "on_train_epoch_start", start_or_stop)
    with pytest.raises(KeyboardInterrupt):
        resume(folder, *command)
    monkeypatch.undo()
    assert not run_folder.is_finished(folder)
    with pytest.raises(GenreError, match="holds an unfinished run"):
        resume(folder, "finished=extend", "trainer.max_epochs=4")
    resume(folder, *command)
    assert read_metrics(folder).equals(read_metrics(whole))
    assert have_same_weights(folder, whole, run_folder.LAST)


def test_a_schedule_of_fixed_length_is_stretched_when_its_run_is_extended(runs: Runs) -> None:
    folder, _ = runs.train("run", *DEFAULT, "trainer.max_epochs=2")
    whole, _ = runs.train("whole", *DEFAULT, "trainer.max_epochs=5")
    resume(folder, "finished=extend", "trainer.max_epochs=5")
    rates = [read_metrics(some)["learning_rate"] for some in (folder, whole)]
    assert len(rates[0]) == 5
    assert rates[0][2:].tolist() == pytest.approx(rates[1][2:].tolist())
    assert rates[0][1] < rates[1][1]  # where the shorter schedule had ended


def test_a_run_that_stopped_early_is_not_extended(runs: Runs) -> None:
    stopping = ["early_stopping.patience=1", "monitor.metric=val/accuracy", "monitor.mode=max", "trainer.max_epochs=30"]
    folder, _ = runs.train("run", *stopping)
    epochs = len(read_metrics(folder))
    before = state(folder)
    with pytest.raises(GenreError, match=f"stopped early, after {epochs} of 30 epochs, and cannot be extended"):
        resume(folder, "finished=extend", "trainer.max_epochs=40")
    assert state(folder) == before
    at_the_end, _ = runs.train("end", *stopping[:-1], f"trainer.max_epochs={epochs}")
    with pytest.raises(GenreError, match=f"stopped early, after {epochs} of {epochs} epochs, and cannot be extended"):
        resume(at_the_end, "finished=extend", "trainer.max_epochs=40")


def test_an_extended_run_trains_nothing_else(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    alone = "give run_dir, finished and trainer.max_epochs alone to extend it, or choose another run_dir"
    with pytest.raises(GenreError, match=f"a finished run with seed=42, not 7: {alone}"):
        resume(folder, *runs.overrides("finished=extend", "trainer.max_epochs=2", "seed=7"))
    with pytest.raises(GenreError, match=r"a finished run with model\.learning_rate=0\.001, not 0\.1"):  # not data.root
        resume(folder, "finished=extend", "trainer.max_epochs=2", "model.learning_rate=0.1")
    with pytest.raises(GenreError, match="mien holds no run that finished=extend could train longer: check run_dir"):
        resume(folder.with_name("mien"), "finished=extend", "trainer.max_epochs=2")
    assert not folder.with_name("mien").exists()
    baseline, _ = runs.train("logreg", "model=logreg")
    with pytest.raises(GenreError, match="without epochs"):
        resume(baseline, "finished=extend", "trainer.max_epochs=9")
    assert run_folder.is_finished(folder)
