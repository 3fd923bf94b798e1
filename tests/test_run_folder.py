import json

from genre import run_folder


def test_a_run_is_started_with_its_configuration_and_finished_with_its_scores(tmp_path):
    assert not run_folder.is_started(tmp_path)
    assert not run_folder.is_finished(tmp_path)
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/config.yaml").touch()
    assert run_folder.is_started(tmp_path)
    assert not run_folder.is_finished(tmp_path)
    (tmp_path / "scores.json").write_text(json.dumps({"test/accuracy": 0.5, "genres": ["Folk"]}))
    assert run_folder.is_finished(tmp_path)
    assert run_folder.read_scores(tmp_path) == {"test/accuracy": 0.5, "genres": ["Folk"]}


def test_names_in_a_run_folder():
    assert run_folder.CONFIG == ".hydra/config.yaml"
    assert (run_folder.BEST, run_folder.LAST) == ("checkpoints/best.ckpt", "checkpoints/last.ckpt")
    assert (run_folder.METRICS, run_folder.SCORES, run_folder.REPORT) == ("metrics.csv", "scores.json", "report")
    assert (run_folder.TRACKS, run_folder.REJECTED) == ("tracks.parquet", "rejected.csv")
    assert run_folder.PREDICTIONS == "predictions.parquet"
