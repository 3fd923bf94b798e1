"""What a user gets wrong is said in one line, before any audio is read."""

import pytest

from genre.config.errors import exit_with_one_line
from genre.config.validate import validate
from genre.training.components import build_components
from tests.composing import compose

WRONG = [
    (["modle=cnn2d_gru"], "modle is not a key of the configuration: did you mean model?"),
    (["+modle=cnn2d_gru"], "modle is not a key of the configuration: did you mean model?"),
    (["+model.net.foo=1"], "model.net.foo is not an argument of genre.models.crnn.CRNN"),
    (["data.batchsize=3"], "data.batchsize is not a key of the configuration: did you mean data.batch_size?"),
    (["model=cnn3d"], "model=cnn3d is unknown: did you mean cnn2d? available are cnn1d_gru, cnn1d_lstm, cnn2d"),
    (["data.batch_size=0"], "data.batch_size=0 must be at least 1"),
    (["model.net.num_layers=0"], "model.net: num_layers must be greater than zero"),
    (["model.net.dropout=1.5"], "model.net: dropout probability has to be between 0 and 1, but got 1.5"),
    (["model.learning_rate=0"], "model.learning_rate=0.0 must be above 0"),
    (["trainer.max_epochs=abc"], "trainer.max_epochs=abc must be a whole number of at least 1"),
    (["model.net.num_layers=two"], "model.net.num_layers=two is of the wrong type: use int"),
    (["data=fma"], "data.root must be given: add data.root=..."),
    (["data=fma", "data.root=x", "data.subset=huge"], "data.subset=huge is unknown: use one of small, medium, large"),
    (["trainer.precision=foo"], "trainer: Precision 'foo' is invalid"),
    (["trainer.precision=16-true"], "Adam divides by 0 in float16: use 16-mixed or bf16-true"),
    (["trainer.precision=transformer-engine"], "trainer: Requirement 'transformer_engine"),
    (
        ["trainer.limit_val_batches=0"],
        "trainer.limit_val_batches=0 must be above 0: a number of batches, or a fraction such as 0.5",
    ),
    (["trainer.limit_val_batches=-1"], "trainer.limit_val_batches=-1 must be above 0"),
    (["trainer.limit_val_batches=abc"], "trainer.limit_val_batches=abc must be above 0"),
    (["trainer.limit_train_batches=null"], "trainer.limit_train_batches=None must be above 0"),
    (["trainer.limit_train_batches=1.5"], "trainer: You have passed invalid value 1.5 for limit_train_batches"),
    (["trainer.deterministic=maybe"], "trainer.deterministic=maybe is unknown: use one of true, false, warn"),
    (["model.learning_rate=nan"], "model.learning_rate=nan must be finite"),
    (["data.clip_seconds=inf"], "data.clip_seconds=inf must be finite"),
    (["model.net.pool_sizes=[32,32]"], "model.net: input_size must be greater than zero"),
    (["data.fold=7"], "data.fold=7 is not one of the 5 folds: use 0 to 4"),
    (["model.net.pooling=max"], "model.net: pooling=max is unknown: use one of mean, mean_max, last"),
    (["data.splits=random"], "data.splits=random is unknown: use one of auto, artist"),
    (["monitor.metric=val/f1_macro"], "monitor.mode=min selects the worst val/f1_macro: set monitor.mode=max"),
    (["monitor.mode=max"], "monitor.mode=max selects the worst val/loss: set monitor.mode=min"),
    (["monitor.metric=val/auc"], "monitor.metric=val/auc is unknown: use one of val/loss"),
    (["model.net=null"], "model.net=None is not a network: choose one, such as model=cnn2d_gru"),
    (["model.net=5"], "model.net=5 is not a network"),
    (["features=null"], "features=null chooses no option: use one of conf/features"),
    (["data.clip_seconds=5", "data.segment_seconds=10"], "10.0 is longer than the 5 s that are used of each track"),
    (["data.splits=leak_albums", "data.segment_seconds=6"], "6.0 is longer than the 5 s that are used of each track"),
    (["data.segment_seconds=0.5"], "the networks need at least 64: use at least 1.5"),
    (["data.clip_seconds=1", "data.segment_seconds=null"], "data.clip_seconds=1.0 gives 44 frames"),
    (["data.splits=leak_albums", "data.clip_seconds=2"], "data.clip_seconds=2.0 gives 44 frames"),
    (["finished=delete"], "finished=delete is unknown: use one of refuse, skip"),
    (["data.clip_start=end"], "data.clip_start=end is unknown: use seconds from 0 to 86400, or middle"),
    (["data.clip_start=-3"], "data.clip_start=-3 is unknown: use seconds from 0 to 86400, or middle"),
    (["data.clip_start=true"], "data.clip_start=True is unknown: use seconds from 0 to 86400, or middle"),
    (["data.clip_start=1e9"], "data.clip_start=1000000000.0 is unknown: use seconds from 0 to 86400, or middle"),
    (["data.clip_start=nan"], "data.clip_start=nan must be finite"),
    (["features.n_mels=0"], "features: n_mels must be above 0, not 0"),
    (["features.f_min=20000"], "features: f_min=20000 and f_max=11025.0 must satisfy"),
    (["augment.noise.p=3"], "augment"),
    (["scheduler.plateau.factor=2"], "scheduler.plateau"),
    (
        ["model.net._target_=genre.models.crnn.Hybrd"],
        "model.net._target_=genre.models.crnn.Hybrd cannot be imported",
    ),
    (["+scheduler.plateau.speed=2"], "scheduler.plateau"),
    (
        ["scheduler.plateau.speed=2"],
        "scheduler.plateau.speed is not an argument of torch.optim",
    ),
    (["model.net.hidden_dim=0"], "model.net: hidden_dim=0 must be at least 1"),
    (["model.net.cnn=3d"], "model.net: cnn=3d is unknown: use one of 1d, 2d"),
    (["model.net.rnn=rnn"], "model.net: rnn=rnn is unknown: use one of gru, lstm"),
    (["model.net.bidirectional=maybe"], "model.net.bidirectional=maybe is of the wrong type: use bool"),
    (["model.net.pool_sizes=3"], "model.net: pool_sizes=3 must be two sizes of at least 1"),
    (
        ["trainer.max_epoch=3"],
        "trainer.max_epoch is not an argument of lightning.Trainer: did you mean trainer.max",
    ),
    (["trainer.callbacks=[a]"], "trainer.callbacks=['a'] cannot be used: add callbacks.NAME._target_=... instead"),
    (["trainer.fast_dev_run=true"], "trainer.fast_dev_run=True cannot be used: it keeps no checkpoint: use debug=fast"),
    (["trainer.accumulate_grad_batches=0"], "trainer.accumulate_grad_batches=0 must be a whole number of at least 1"),
    (["trainer.gradient_clip_val=-1"], "trainer.gradient_clip_val=-1 must be above 0, or null"),
    (["callbacks.x={_target_: torch.nn.ReLU}"], "callbacks.x is not a Lightning callback"),
    (["logger.tensorbord.name=x"], "logger.tensorbord is not a part of logger: it has no _target_: did you mean"),
    (["model.net.pool_sizes=[0,2]"], "model.net: pool_sizes=[0, 2] must be two sizes of at least 1"),
    (["trainer.max_epochs=0"], "trainer.max_epochs=0 must be a whole number of at least 1"),
    (
        ["scheduler.platau.patience=3"],
        "scheduler.platau is not a part of scheduler: it has no _target_: did you mean",
    ),
    (
        ["scheduler.plateau.patiense=3"],
        "torch.optim.lr_scheduler.ReduceLROnPlateau: did you mean scheduler.plateau.patience?",
    ),
    (["augment.nois.p=1"], "augment: nois is no transform: give it a _target_ that names one"),
    (["optimizer.lr=-1"], "optimizer: Invalid learning rate: -1"),
    (["optimizer.foo=3"], "optimizer.foo is not an argument of torch.optim.Adam"),
    (["callbacks.mine.patience=3"], "callbacks.mine is not a part of callbacks: it has no _target_"),
    (
        ["features.n_mel=3"],
        "features.n_mel is not an argument of genre.audio.features.LogMel: did you mean features.n_",
    ),
    (["executor.worker=3"], "executor.worker is not an argument of"),
    (["search.n_trials=3"], "search.n_trials is not a key of the configuration"),
    (
        ["hparams_search=optuna", "search.trials=3"],
        "search.trials is not a key of the configuration: did you mean search.trial?",
    ),
    (["hparams_search=optuna", "search.n_trials=x"], "search.n_trials=x must be a whole number"),
]


@pytest.mark.parametrize(
    ("overrides", "message"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_wrong_setting_is_one_line(
    overrides: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENRE_DEBUG", raising=False)
    monkeypatch.setattr("sys.argv", ["train.py", *overrides])
    with pytest.raises(SystemExit) as exit_, exit_with_one_line():
        build_components(validate(compose(["recipe=study", *overrides])))
    said = capsys.readouterr().err
    assert exit_.value.code == 1
    assert message in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_defaults_are_within_their_ranges() -> None:
    settings = validate(compose([]))
    assert settings.model.net["_target_"] == "genre.models.crnn.CRNN"
    assert settings.monitor.metric == "val/loss"
