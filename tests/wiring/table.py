"""Rows of the table of settings, and ways to see on a built object what a setting did."""

from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, Timer
from torch import nn

from genre.data import splits
from genre.data.sources.fma import Fma
from genre.training.averaging import EMAWeightAveraging
from tests.wiring.building import Built, See, found

GENRES = ["blues", "jazz", "polka", "rock"]
TRANSFORMS = ["frequency_mask", "time_mask", "amplitude_scale", "time_shift", "noise", "frequency_shift"]


class Row(NamedTuple):
    """One override and what `see` shows of what is built with it; without it, `see` shows something else."""

    override: str
    see: See
    expected: Any


class Group(NamedTuple):
    """Independent overrides, composed together to save time.

    Attributes:
        rows: The overrides.
        context: Other overrides of the command, and all of those of the command that it is compared with.
        bare: Whether the defaults of conf/ hold, not the tests' small settings.
    """

    rows: list[Row]
    context: tuple[str, ...] = ()
    bare: bool = False


def tracks(built: Built) -> Any:
    return built.data.data.tracks


def split_of(path: str) -> See:
    """The split of one track."""
    return lambda built: tracks(built).set_index("path")["split"][path]


def split_sizes(built: Built) -> tuple[int, ...]:
    counts = tracks(built)["split"].value_counts()
    return tuple(int(counts[name]) for name in ("train", "val", "test"))


def is_split(how: str, seed: int = 42, **folds: int) -> See:
    """Whether the split is the one that `splits.split` makes with these arguments."""

    @cache
    def see(built: Built) -> bool:
        table = tracks(built)
        if how == "official":
            table = table.drop(columns="split").merge(
                Fma(built.parts.source.root, "small").tracks()[["track_id", "split"]]
            )
        return splits.assign_splits(table, how, seed, **folds).tolist() == tracks(built)["split"].tolist()

    return see


def reason(path: str) -> See:
    """Why a track was dropped; empty where it was not."""
    return lambda built: "".join(built.data.data.rejected.set_index("path")["reason"].get([path], []))


def loudest(path: str) -> See:
    """Center in Hz of the mel band that is loudest at the beginning of a track's clip."""

    def see(built: Built) -> float:
        prepared = built.data.data
        row = prepared.tracks.set_index("path").loc[path]
        clip = prepared.cache.read_windows([row["shard"]], [row["row"]], [0], 8)[0]
        return prepared.cache.spec.features.mel_frequencies[int(clip.astype(float).mean(axis=0).argmax())]

    return see


def drawn(built: Built) -> float:
    """Share of the rarest genre among what 40 epochs draw."""
    sampler = built.data.train_dataloader().sampler
    rows = []
    for epoch in range(40):
        sampler.set_epoch(epoch)
        rows += [track for track, _ in sampler]
    counts = Counter(tracks(built)["genre"].iloc[rows])
    return counts["polka"] / counts.total()


def windows(built: Built) -> tuple[int, int | None]:
    """Frames of a training clip, and of a window in validation."""
    return built.train_batch().mel.shape[1], built.begun.classifier.segment_frames


def inverse_counts(built: Built) -> Any:
    """Whether the loss weights each of the 4 genres by n / (4 n_genre)."""
    table = tracks(built)
    counts = table.loc[table["split"] == "train", "genre"].value_counts()[GENRES].to_numpy()
    weight = built.loss.weight
    return weight is not None and np.allclose(weight, counts.sum() / (4 * counts))


def optimizer(built: Built) -> str:
    return type(built.configured[0]).__name__


def has_timer(built: Built) -> bool:
    return any(isinstance(callback, Timer) for callback in built.begun.trainer.callbacks)


def steps(built: Built) -> list[int]:
    """Length of the schedules that have one."""
    return [scheduler.total_steps for scheduler in built.schedulers]


def balance(built: Built) -> bool:
    """Whether the loss adds the logarithms of the genres' shares of the training tracks."""
    table = tracks(built)
    counts = table.loc[table["split"] == "train", "genre"].value_counts()[GENRES].to_numpy()
    added = getattr(built.begun.classifier.loss, "log_share", torch.zeros(4))
    return np.allclose(added, np.log(counts / counts.sum()))


def callbacks(built: Built) -> list[str]:
    """Those of the configuration."""
    own = ("EMAWeightAveraging", "LearningRateMonitor")
    return [type(made).__name__ for made in built.begun.trainer.callbacks if type(made).__name__ in own]


def teacher(built: Built) -> tuple[int, float] | None:
    """Number of features of the teacher, and the weight of its loss."""
    made = built.parts.teacher
    return made and (made.features.n_features, made.weight)


def callback(built: Built, kind: type) -> Any:
    return next(made for made in built.begun.trainer.callbacks if isinstance(made, kind))


def is_channels_last(built: Built) -> bool:
    weight = next(module.weight for module in built.net.modules() if getattr(module, "in_channels", 1) > 1)
    return weight.is_contiguous(memory_format=torch.channels_last)


def average(built: Built) -> float:
    """Share of the old average in the new one."""
    update = callback(built, EMAWeightAveraging).average
    return update(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(10_000)).item()


def interval(built: Built) -> str:
    return callback(built, LearningRateMonitor).logging_interval


def decays(built: Built) -> dict[float, bool]:
    """Weight decay of each group of parameters, and whether these are matrices."""
    groups = built.configured[0].param_groups
    return {group["weight_decay"]: all(p.ndim > 1 for p in group["params"]) for group in groups}


def method(built: Built) -> tuple[Any, ...]:
    data, select = built.settings.data, built.settings.monitor.select
    return optimizer(built), scheduled(built), data.segment_seconds, data.batch_size, select


def first_weight(built: Built) -> float:
    return found(built.net, nn.Conv1d, nn.Conv2d)[0].weight.flatten()[0].item()


def equalizer(key: str) -> See:
    name = {"db": "scale", "range_db": "scale"}.get(key, key)
    return lambda built: getattr(built.data.augment.transforms["equalizer"], name)


def kind(built: Built) -> str:
    return type(built.parts.features).__name__


def weights(built: Built) -> float:
    return built.parts.features.network.output.bias[0].item()


def pooling(built: Built) -> str:
    return type(built.parts.features.pool).__name__


def feature(name: str) -> See:
    return lambda built: built.data.data.cache.spec.cache_key[name]


def trainer(name: str) -> See:
    return lambda built: built.given[name]


def transform(name: str, key: str) -> See:
    return lambda built: getattr(built.data.augment.transforms[name], key)


def members(built: Built) -> tuple[float, list[str]]:
    chain = built.data.augment
    return chain.p, [*chain.transforms, *chain.batch_transforms]


def seeded(seed: int) -> See:
    """Whether split, order and the network's first weights are those of a seed."""

    def see(built: Built) -> bool:
        state, genres, parts = built.net.state_dict(), built.data.data.genres, built.parts
        lightning.seed_everything(seed, verbose=False)
        expected = parts.build_network(genres).state_dict()
        same = all(torch.equal(state[name], expected[name]) for name in expected)
        order = list(built.data.train_dataloader().sampler)
        rows = np.flatnonzero(tracks(built)["split"] == "train")
        first = np.random.default_rng([seed, 0]).permutation(rows).tolist()
        return same and [track for track, _ in order] == first and is_split("stratified", seed)(built)

    return see


def rnn(built: Built) -> Any:
    return found(built.net, nn.GRU, nn.LSTM)[0]


def dropouts(built: Built) -> list[float]:
    return [module.p for module in found(built.net, nn.Dropout, nn.Dropout1d, nn.Dropout2d)]


def pools(built: Built) -> list[int]:
    return [module.kernel_size for module in found(built.net, nn.MaxPool1d, nn.MaxPool2d)]


def ends_with_the_last_state(built: Built) -> bool:
    """Whether the head sees the last layer's last state alone."""
    net = built.net.eval()
    with torch.no_grad():
        mel = built.train_batch().mel.float()
        states, _ = rnn(built)(net.cnn(mel))
        seen = net.embed(mel)
    return seen.shape == states[:, -1].shape and torch.allclose(seen, states[:, -1])


def layers(built: Built) -> list[str]:
    """Kinds of layers, each once."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.GRU, nn.LSTM)
    net = built.parts.build_network(["a", "b"])
    return list(dict.fromkeys(type(module).__name__ for module in found(net, *kinds))) or [type(net).__name__]


def scheduled(built: Built) -> list[str]:
    return [type(scheduler).__name__ for scheduler in built.schedulers]


def scheduler(name: str) -> See:
    return lambda built: next(getattr(made, name) for made in built.schedulers if hasattr(made, name))


def workers(built: Built) -> tuple[str, int]:
    with built.parts.make_executor() as executor:
        return type(executor).__name__, executor._max_workers


def channels(built: Built) -> int:
    return found(built.net, nn.Conv1d, nn.Conv2d)[0].out_channels


def accelerated(built: Built) -> tuple[Any, ...]:
    return tuple(built.given[name] for name in ("accelerator", "devices", "strategy", "sync_batchnorm"))


def loggers(built: Built) -> list[str]:
    """Beside that of metrics.csv."""
    return [name for name in built.loggers if name != "EpochCSVLogger"]


def labels(built: Built) -> list[str]:
    """What the loggers that name their runs call this one."""
    given = [logger.given for logger in built.loggers.values() if hasattr(logger, "given")]
    return [own.get("name") or own["run_name"] for own in given]


def debugged(*names: str) -> See:
    """Arguments of the trainer, and the other values that options of `debug` change."""

    def see(built: Built) -> list[Any]:
        settings = built.settings
        others = {"logger": list(settings.logger), "patience": settings.early_stopping.patience}
        others |= {"augment": list(built.parts.datamodule.augment.transforms), "scheduler": list(settings.scheduler)}
        values = {**settings.trainer, **others}
        return [values.get(name) for name in names]

    return see


def sizes(built: Built) -> tuple[Any, ...]:
    """What a small collection has of its own."""
    data, features, net = built.settings.data, built.parts.features, built.parts.build_network(["a", "b"])
    clip = (data.clip_seconds, data.segment_seconds, data.min_seconds, built.parts.datamodule.batch_size)
    return *clip, features.n_features, found(net, nn.Conv2d)[0].out_channels, built.settings.trainer["max_epochs"]


def near(value: float, tolerance: float) -> Any:
    return pytest.approx(value, rel=tolerance)
