import lightning as L
import pytest
import torch

from genre import run_folder
from genre.config.instantiate import build_network as build
from genre.errors import GenreError
from genre.models.checkpoint import load_model, load_models, resolve_device
from genre.models.crnn import CRNN
from genre.training.classifier import GenreClassifier

NET = {
    "_target_": "genre.models.crnn.CRNN",
    "num_classes": 3,
    "n_mels": 20,
    "cnn": "1d",
    "rnn": "gru",
    "hidden_dim": 4,
    "num_layers": 1,
    "dropout": 0.5,
}
METADATA = {
    "net": NET,
    "features": {"_target_": "genre.audio.features.LogMel", "n_mels": 20},
    "clip_seconds": 30.0,
    "clip_start": "middle",
    "segment_seconds": None,
    "genres": ["Folk", "Jazz", "Old-Time / Historic"],
}


def network(seed: int = 1, **other) -> CRNN:
    torch.manual_seed(seed)
    return build(NET | other)


def checkpoint(net: torch.nn.Module, metadata: dict | None = None) -> dict:
    """The relevant part of what Lightning stores of a `GenreClassifier`."""
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    return {
        "epoch": 3,
        "state_dict": weights | {"loss.weight": torch.ones(3)},
        "hyper_parameters": {"card": metadata or METADATA},
        "schedulers": [],
    }


def stored(folder, content):
    """A run folder with that best checkpoint."""
    path = folder / run_folder.BEST
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def without(content: dict, key: str) -> dict:
    return {name: value for name, value in content.items() if name != key}


def test_a_model_is_loaded_with_its_metadata_and_weights(tmp_path):
    net = network()
    model = load_model(stored(tmp_path, checkpoint(net)))
    assert model.metadata == METADATA | {"net": METADATA["net"] | {"input_norm": False, "channels_last": False}}
    assert model.genres == METADATA["genres"]
    assert not model.net.training
    weights = model.net.state_dict()
    assert weights.keys() == net.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
    mel = torch.rand(2, 64, 20)
    assert torch.equal(model.net(mel), net.eval()(mel))


@pytest.mark.parametrize(
    ("old", "new", "arguments"),
    [
        ("hybrid.Hybrid", "crnn.CRNN", without(NET, "_target_")),
        ("baselines.MelStatistics", "baselines.MelStatisticsClassifier", {"num_classes": 3, "n_mels": 20}),
        ("baselines.Majority", "baselines.ClassPrior", {"num_classes": 3, "n_mels": 20}),
    ],
)
def test_a_checkpoint_of_an_earlier_version_is_loaded_under_the_present_names(tmp_path, old, new, arguments):
    net = build({"_target_": f"genre.models.{new}"} | arguments)
    spec = {"_target_": f"genre.models.{old}"} | arguments
    features = {"_target_": "genre.features.LogMel", "n_mels": 20}
    model = load_model(stored(tmp_path, checkpoint(net, METADATA | {"net": spec, "features": features})))
    assert type(model.net) is type(net)
    assert model.metadata["features"] == METADATA["features"]


def test_the_random_state_does_not_matter(tmp_path):
    path = stored(tmp_path, checkpoint(network()))
    mel = torch.rand(1, 64, 20)
    torch.manual_seed(5)
    one = load_model(path).net(mel)
    torch.manual_seed(6)
    assert torch.equal(load_model(path).net(mel), one)


def test_a_checkpoint_written_by_lightning_is_loaded(tmp_path):
    net = network()
    classifier = GenreClassifier(net, METADATA, 64, loss=torch.nn.CrossEntropyLoss(torch.ones(3)))
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(classifier)
    trainer.save_checkpoint(tmp_path / run_folder.BEST)
    model = load_model(tmp_path / run_folder.BEST)
    assert model.metadata == METADATA | {"net": METADATA["net"] | {"input_norm": False, "channels_last": False}}
    assert all(torch.equal(model.net.state_dict()[name], value) for name, value in net.state_dict().items())


def test_several_checkpoints_are_loaded_as_the_mean_of_their_probabilities(tmp_path):
    nets = [network(1), network(2, hidden_dim=6, dropout=0.1)]
    specs = [NET, NET | {"hidden_dim": 6, "dropout": 0.1}]
    contents = [checkpoint(net, METADATA | {"net": spec}) for net, spec in zip(nets, specs, strict=True)]
    paths = [stored(tmp_path / name, content) for name, content in zip("ab", contents, strict=True)]
    model = load_models(paths)
    mel = torch.rand(3, 64, 20)
    mean = sum(net.eval()(mel).softmax(dim=1) for net in nets) / 2
    torch.testing.assert_close(model.net(mel), mean.log())
    torch.testing.assert_close(model.net.embed(mel), torch.cat([net.embed(mel) for net in nets], dim=1))
    assert not any(module.training for module in model.net.modules())
    assert model.genres == METADATA["genres"]
    assert without(model.metadata, "net") == without(METADATA, "net")
    again = load_model(stored(tmp_path / "both", checkpoint(model.net, model.metadata)))
    assert torch.equal(again.net(mel), model.net(mel))


def test_members_may_have_read_the_weights_of_their_features_elsewhere(tmp_path):
    files = [tmp_path / "musicnn.safetensors", tmp_path / "features.safetensors"]
    features = [METADATA["features"] | {"weights": str(file)} for file in files]
    paths = [
        stored(tmp_path / file.stem, checkpoint(network(), METADATA | {"features": spec}))
        for file, spec in zip(files, features, strict=True)
    ]
    for file in files:
        file.write_bytes(b"the same")
    assert load_models(paths).metadata["features"] == features[0]
    files[1].write_bytes(b"others")
    with pytest.raises(GenreError, match=r"differ in features\.weights"):
        load_models(paths)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"genres": ["Jazz", "Folk", "Rock"]}, f"genres ({METADATA['genres']} and ['Jazz', 'Folk', 'Rock'])"),
        ({"features": METADATA["features"] | {"n_mels": 21}}, "features.n_mels (20 and 21)"),
        ({"segment_seconds": 3.0}, "segment_seconds (None and 3.0)"),
        ({"clip_seconds": 10.0}, "clip_seconds (30.0 and 10.0)"),
        ({"clip_start": 0.0}, "clip_start (middle and 0.0)"),
    ],
)
def test_checkpoints_of_other_data_are_no_ensemble(tmp_path, other, difference):
    paths = [stored(tmp_path / name, checkpoint(network())) for name in "ab"]
    paths.append(stored(tmp_path / "c", checkpoint(network(), METADATA | other)))
    with pytest.raises(GenreError) as caught:
        load_models(paths)
    assert str(caught.value) == (
        f"{paths[0]} and {paths[2]} differ in {difference}: train the members of an ensemble on the same genres with "
        "the same features and segments"
    )


def test_the_members_of_an_ensemble_may_name_only_trusted_code(tmp_path):
    paths = [stored(tmp_path / "a", checkpoint(network()))]
    paths.append(stored(tmp_path / "b", checkpoint(network(), METADATA | {"net": {"_target_": "os.getcwd"}})))
    with pytest.raises(GenreError, match=r"os\.getcwd is not allowed"):
        load_models(paths)
    nested = {"_target_": "genre.models.ensemble.Ensemble", "nets": [NET, {"_target_": "os.getcwd"}]}
    assert "os.getcwd is not allowed" in refusal(stored(tmp_path, checkpoint(network(), METADATA | {"net": nested})))


def refusal(path) -> str:
    with pytest.raises(GenreError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_missing_checkpoint_is_refused(tmp_path):
    path = tmp_path / run_folder.BEST
    assert "does not exist: run_dir must be the folder of a trained run" in refusal(path)
    path.mkdir(parents=True)
    assert "does not exist" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04" + bytes(100), bytes(1000)])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "best.ckpt"
    path.write_bytes(content)
    assert "is not a usable checkpoint" in refusal(path)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = stored(tmp_path, checkpoint(network()))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "is not a usable checkpoint" in refusal(path)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    whole = checkpoint(network())
    others = [
        [1, 2],
        {},
        network().state_dict(),
        without(whole, "hyper_parameters"),
        without(whole, "state_dict"),
        whole | {"hyper_parameters": {}},
        checkpoint(network(), {"genres": ["Folk"]}),
    ]
    for other in others:
        assert "is not a usable checkpoint" in refusal(stored(tmp_path, other))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"_target_": "genre.models.crnn.Nothing"}, "genre.models.crnn has no Nothing"),
        ({"_target_": "genre.models.nowhere.CRNN"}, "genre.models has no nowhere"),
        ({"depth": 3}, "model.net.depth is not an argument of genre.models.crnn.CRNN"),
        ({"hiden_dim": 3}, "did you mean model.net.hidden_dim?"),
    ],
)
def test_a_checkpoint_of_a_network_that_cannot_be_built_is_refused(other, message, tmp_path):
    net = {key: value for key, value in NET.items() if key != "hidden_dim"} | other
    assert message in refusal(stored(tmp_path, checkpoint(network(), METADATA | {"net": net})))


def test_a_checkpoint_whose_weights_do_not_fit_is_refused(tmp_path):
    whole = checkpoint(network())
    for key in ("net.head.0.weight", "net.cnn.layers.1.running_mean"):
        refusal(stored(tmp_path, whole | {"state_dict": without(whole["state_dict"], key)}))
    more = whole["state_dict"] | {"net.head.9.weight": torch.zeros(2)}
    refusal(stored(tmp_path, whole | {"state_dict": more}))
    refusal(stored(tmp_path, checkpoint(network(hidden_dim=5))))
    refusal(stored(tmp_path, checkpoint(network(num_classes=4))))
    refusal(stored(tmp_path, whole | {"state_dict": {}}))


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return type(self.path).touch, (self.path,)


def test_pickled_code_is_not_run(tmp_path):
    trap = tmp_path / "trap"
    refusal(stored(tmp_path, checkpoint(network()) | {"callbacks": Touch(trap)}))
    assert not trap.exists()


def test_functions_named_by_a_checkpoint_are_not_called(tmp_path):
    trap = tmp_path / "trap"
    for net in (
        {"_target_": "os.mkdir", "path": str(trap)},
        {"_target_": "torch.utils.collect_env.run", "command": f"touch {trap}"},
    ):
        refusal(stored(tmp_path, checkpoint(network(), METADATA | {"net": net})))
        assert not trap.exists()


@pytest.mark.parametrize(
    ("available", "devices"),
    [
        ((), {"auto": "cpu", "cpu": "cpu"}),
        (("cuda",), {"auto": "cuda", "cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}),
        (("mps",), {"auto": "mps", "cpu": "cpu", "gpu": "mps", "mps": "mps"}),
    ],
)
def test_an_accelerator_is_resolved_to_a_device_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, available: tuple[str, ...], devices: dict[str, str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in available)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in available)
    for name in ("auto", "cpu", "gpu", "cuda", "mps"):
        if name in devices:
            assert resolve_device(name) == devices[name]
        else:
            with pytest.raises(GenreError, match=f"accelerator={name} is not available on this machine: use auto or"):
                resolve_device(name)


def test_an_unknown_accelerator_is_refused() -> None:
    with pytest.raises(GenreError, match="accelerator=banana is unknown: use one of auto, gpu, cuda, mps, cpu"):
        resolve_device("banana")
