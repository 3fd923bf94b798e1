import lightning as L
import pytest
import torch

from genre import run_folder
from genre.config.instantiate import network as build
from genre.errors import GenreError
from genre.models.checkpoint import load_model
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
CARD = {
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


def checkpoint(net: torch.nn.Module, card: dict | None = None) -> dict:
    """What Lightning stores of a `GenreClassifier`, as far as it matters."""
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    return {
        "epoch": 3,
        "state_dict": weights | {"loss.weight": torch.ones(3)},
        "hyper_parameters": {"card": card or CARD},
        "schedulers": [],
    }


def stored(folder, content, name: str = run_folder.BEST):
    """A run folder with that checkpoint."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return folder


def test_build_calls_the_target():
    net = build(NET)
    assert type(net) is CRNN
    assert net.head[-1].out_features == 3
    features = build({"_target_": "genre.audio.features.Mfcc", "n_mfcc": 13, "n_mels": 40, "_convert_": "all"})
    assert features.cache_key["n_mfcc"] == 13
    assert features.cache_key["n_mels"] == 40
    assert build({"_target_": "torch.nn.Dropout", "p": 0.2}).p == 0.2


def test_build_leaves_its_argument_alone():
    spec = dict(NET)
    build(spec)
    assert spec == NET


def test_load(tmp_path):
    net = network()
    trained = load_model(stored(tmp_path, checkpoint(net)))
    assert trained.metadata == CARD
    assert trained.genres == CARD["genres"]
    assert not trained.net.training
    weights = trained.net.state_dict()
    assert weights.keys() == net.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
    mel = torch.rand(2, 64, 20)
    assert torch.equal(trained.net(mel), net.eval()(mel))


def test_load_takes_the_checkpoint_asked_for(tmp_path):
    stored(tmp_path, checkpoint(network(1)))
    stored(tmp_path, checkpoint(network(2)), run_folder.LAST)
    first = next(load_model(tmp_path).net.parameters())
    last = next(load_model(tmp_path, run_folder.LAST).net.parameters())
    assert torch.equal(first, next(network(1).parameters()))
    assert torch.equal(last, next(network(2).parameters()))


def test_load_leaves_the_random_numbers_of_the_result_alone(tmp_path):
    stored(tmp_path, checkpoint(network()))
    mel = torch.rand(1, 64, 20)
    torch.manual_seed(5)
    one = load_model(tmp_path).net(mel)
    torch.manual_seed(6)
    assert torch.equal(load_model(tmp_path).net(mel), one)


def test_load_of_what_lightning_writes(tmp_path):
    net = network()
    classifier = GenreClassifier(net, CARD, segment_frames=64, class_weights=torch.ones(3))
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(classifier)
    trainer.save_checkpoint(tmp_path / run_folder.BEST)
    trained = load_model(tmp_path)
    assert trained.metadata == CARD
    assert all(torch.equal(trained.net.state_dict()[name], value) for name, value in net.state_dict().items())


def refusal(folder) -> str:
    with pytest.raises(GenreError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder / run_folder.BEST) in message
    return message


def test_a_missing_checkpoint(tmp_path):
    assert "does not exist" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "nowhere")
    (tmp_path / run_folder.BEST).mkdir(parents=True)
    assert "does not exist" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04" + bytes(100), bytes(1000)])
def test_a_file_that_is_no_checkpoint(tmp_path, content):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / run_folder.BEST).write_bytes(content)
    assert "is not a checkpoint that can be used" in refusal(tmp_path)


def test_a_checkpoint_that_broke_off(tmp_path):
    path = stored(tmp_path, checkpoint(network())) / run_folder.BEST
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "is not a checkpoint that can be used" in refusal(tmp_path)


def without(content: dict, key: str) -> dict:
    return {name: value for name, value in content.items() if name != key}


def test_a_checkpoint_of_something_else(tmp_path):
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
        assert "is not a checkpoint that can be used" in refusal(stored(tmp_path, other))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"_target_": "genre.models.crnn.Nothing"}, "genre.models.crnn has no Nothing"),
        ({"_target_": "genre.models.nowhere.Hybrid"}, "genre.models has no nowhere"),
        ({"depth": 3}, "model.net.depth is no argument of genre.models.crnn.CRNN"),
        ({"hiden_dim": 3}, "did you mean hidden_dim?"),
    ],
)
def test_a_checkpoint_of_a_network_that_cannot_be_made(other, message, tmp_path):
    net = {key: value for key, value in NET.items() if key != "hidden_dim"} | other
    assert message in refusal(stored(tmp_path, checkpoint(network(), CARD | {"net": net})))


def test_a_checkpoint_with_other_weights(tmp_path):
    whole = checkpoint(network())
    for key in ("net.head.0.weight", "net.cnn.layers.1.running_mean"):
        refusal(stored(tmp_path, whole | {"state_dict": without(whole["state_dict"], key)}))
    more = whole["state_dict"] | {"net.head.9.weight": torch.zeros(2)}
    refusal(stored(tmp_path, whole | {"state_dict": more}))
    refusal(stored(tmp_path, checkpoint(network(hidden_dim=5))))
    refusal(stored(tmp_path, checkpoint(network(num_classes=4))))
    refusal(stored(tmp_path, whole | {"state_dict": {}}))


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return type(self.path).touch, (self.path,)


def test_a_checkpoint_is_not_trusted_with_pickled_code(tmp_path):
    trap = tmp_path / "trap"
    refusal(stored(tmp_path, checkpoint(network()) | {"callbacks": Touch(trap)}))
    assert not trap.exists()


def test_started_and_finished(tmp_path):
    assert not run_folder.is_started(tmp_path)
    assert not run_folder.is_finished(tmp_path)
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/config.yaml").touch()
    assert run_folder.is_started(tmp_path)
    assert not run_folder.is_finished(tmp_path)
    (tmp_path / "scores.json").touch()
    assert run_folder.is_finished(tmp_path)


def test_names_in_a_run_folder():
    assert run_folder.CONFIG == ".hydra/config.yaml"
    assert (run_folder.BEST, run_folder.LAST) == ("checkpoints/best.ckpt", "checkpoints/last.ckpt")
    assert (run_folder.METRICS, run_folder.SCORES, run_folder.REPORT) == ("metrics.csv", "scores.json", "report")
    assert (run_folder.TRACKS, run_folder.REJECTED) == ("tracks.parquet", "rejected.csv")
    assert run_folder.PREDICTIONS == "predictions.parquet"


def test_a_checkpoint_is_not_trusted_with_targets(tmp_path):
    trap = tmp_path / "trap"
    refusal(stored(tmp_path, checkpoint(network(), CARD | {"net": {"_target_": "os.mkdir", "path": str(trap)}})))
    assert not trap.exists()


def test_a_checkpoint_is_not_trusted_with_functions_of_torch(tmp_path):
    trap = tmp_path / "trap"
    net = {"_target_": "torch.utils.collect_env.run", "command": f"touch {trap}"}
    refusal(stored(tmp_path, checkpoint(network(), CARD | {"net": net})))
    assert not trap.exists()
