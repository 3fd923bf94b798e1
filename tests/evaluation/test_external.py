"""Runs are tested on music that they were not trained on."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from omegaconf.errors import OmegaConfBaseException
from scipy.special import softmax
from sklearn.metrics import accuracy_score

from genre import Predictor, run_folder
from genre.config.errors import one_line
from genre.errors import GenreError
from genre.evaluation.comparison import compare_runs
from genre.evaluation.external import ExternalTest, evaluate_externally
from genre.evaluation.runs import EvaluatedRun
from genre.reports.comparison import write_comparison_report
from genre.reports.run import run_notes, write_run_report
from tests.composing import evaluation
from tests.conftest import Runs
from tests.evaluation.conftest import OTHER


def on(run: EvaluatedRun | Path, music: object, **more: object) -> ExternalTest:
    folder = run if isinstance(run, Path) else run.folder
    return evaluate_externally([folder], evaluation(accelerator="cpu", on=music, **more))


def test_predictions_are_those_of_predict_among_the_shared_genres(run: EvaluatedRun, other_music: Path) -> None:
    found = on(run, other_music)
    table = found.predictions
    assert table["track_id"].tolist() == sorted(f"{genre}/{n}.wav" for genre in ("Blues", "JAZZ") for n in range(5))
    assert set(table["genre"]) == {"blues", "jazz"}
    predictor = Predictor.load(run.folder)
    for row in table.to_dict("records"):
        probability = pd.Series(dict(predictor(other_music / row["track_id"]).top(3)))[["blues", "jazz"]]
        np.testing.assert_allclose([row["blues"], row["jazz"]], probability / probability.sum(), atol=1e-4)
        assert row["prediction"] == probability.idxmax()
    (tested,) = found.evaluated
    assert tested.scores["test/accuracy"] == pytest.approx(accuracy_score(table["genre"], table["prediction"]))
    assert tested.scores["test/tracks"] == 10


def test_what_one_side_lacks_is_named(run: EvaluatedRun, other_music: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "genre")
    found = on(run, other_music)
    assert found.notes[:3] == [
        f"Tested on 10 tracks of {other_music} with shared genres: blues, jazz.",
        "Left out, because the model does not know them: polka (5 tracks).",
        "Left out, because the music does not have them: rock.",
    ]
    assert found.notes[1] in caplog.messages
    assert set(found.notes) < set(run_notes(found.evaluated[0]))
    renamed = on(run, other_music, on_genres="{polka: Rock}")
    assert renamed.predictions["genre"].value_counts().to_dict() == {"blues": 5, "jazz": 5, "rock": 5}
    assert renamed.notes[1] == "Genres renamed: polka as Rock."


def test_tracks_of_training_and_validation_are_left_out(run: EvaluatedRun, music_folder: Path) -> None:
    stored = pd.read_parquet(run.folder / run_folder.PREDICTIONS)
    tests = stored[stored["split"] == "test"].sort_values("track_id")
    found = on(run, music_folder)
    assert found.predictions["track_id"].tolist() == tests["track_id"].tolist()
    probability = softmax(np.stack(tests["logits"].to_list()), axis=1)
    np.testing.assert_allclose(found.predictions[["blues", "jazz", "rock"]], probability, atol=1e-5)
    assert "Left out, because a run was trained or validated on their audio: 27 tracks." in found.notes


def test_a_copy_under_another_name_is_left_out(
    run: EvaluatedRun, other_music: Path, music_folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "mixed"
    shutil.copytree(other_music, root)
    tracks = run.datamodule.data.tracks.set_index("split")["path"]
    for name, split in (("train.wav", "train"), ("val.wav", "val"), ("test.wav", "test")):
        shutil.copy(music_folder / tracks[split].iloc[0], root / "JAZZ" / name)
    found = on(run, root)
    assert {"JAZZ/test.wav"} == {name for name in found.predictions["track_id"] if not name[-5].isdigit()}
    assert "Left out, because a run was trained or validated on their audio: 2 tracks." in found.notes


def test_a_run_without_digests_cannot_be_checked(run: EvaluatedRun, other_music: Path) -> None:
    path = run.folder / run_folder.TRACKS
    content = path.read_bytes()
    pd.read_parquet(path).drop(columns="audio_digest").to_parquet(path)
    try:
        found = on(run, other_music)
    finally:
        path.write_bytes(content)
    assert f"{run.folder} stores no digests, so tracks that it was trained on cannot be found." in found.notes


def test_known_artists_are_counted_and_kept(run: EvaluatedRun, other_music: Path) -> None:
    path = run.folder / run_folder.TRACKS
    content = path.read_bytes()
    pd.read_parquet(path).assign(artist="The Band", title="Trained on").to_parquet(path)
    table = pd.DataFrame({"path": [f"{genre}/{n}.wav" for genre in OTHER for n in range(5)]})
    table["artist"] = ["THE BAND"] * 3 + ["Others"] * 12
    table.assign(album=None, title=table["path"]).to_csv(other_music / "tracks.csv", index=False)
    try:
        found = on(run, other_music)
    finally:
        path.write_bytes(content)
        (other_music / "tracks.csv").unlink()
    assert "3 tracks are other recordings of artists that a run was trained or validated on." in found.notes
    assert len(found.predictions) == 10
    (tested,) = (each.predictions for each in found.runs)
    assert tested.title.tolist() == tested.track_id.tolist()  # not those of the collection that it was trained on


def test_merged_genres_add_up(run: EvaluatedRun, other_music: Path) -> None:
    apart = on(run, other_music, on_genres="{polka: rock, jazz: swing}").predictions
    merged = on(run, other_music, on_genres="{polka: loud, rock: loud, jazz: loud}").predictions
    assert sorted(merged["genre"].unique()) == ["blues", "loud"]
    np.testing.assert_allclose(merged["loud"], apart["swing"] + apart["rock"], atol=1e-5)


def test_a_table_and_a_choice_of_data_are_collections_too(run: EvaluatedRun, other_music: Path, tmp_path: Path) -> None:
    whole = on(run, other_music).predictions
    table = tmp_path / "tracks.csv"
    paths = [path for path in sorted(other_music.glob("*/*.wav")) if path.stem != "0"]
    pd.DataFrame({"path": paths, "style": [path.parent.name for path in paths]}).to_csv(table, index=False)
    given = f"{{data: table, table: {table}, root: {other_music}, columns: {{genre: style}}, exclude_genres: [polka]}}"
    found = on(run, given)
    kept = ~whole["track_id"].str.contains("/0.wav")
    assert found.predictions["track_id"].tolist() == whole.loc[kept, "track_id"].tolist()
    assert not any("polka" in note for note in found.notes)
    pd.read_csv(table).rename(columns={"style": "genre"}).to_csv(table, index=False)
    (other_music / table.name).write_text(table.read_text())
    try:
        by_path = on(run, other_music / table.name)
    finally:
        (other_music / table.name).unlink()
    assert by_path.predictions["track_id"].tolist() == found.predictions["track_id"].tolist()


@pytest.mark.parametrize(
    ("music", "more", "message"),
    [
        ("nowhere", {}, "on=nowhere does not exist"),
        ("{root: x}", {}, "on={...} must say which data they are"),
        ("{data: folder, rot: x}", {}, "data.rot is not a key of the configuration: did you mean data.root?"),
        (
            "MUSIC",
            {"on_genres": "{polca: Rock}"},
            "on_genres: polca is not a genre of the music or of the run: did",
        ),
        ("MUSIC", {"on_genres": "{blues: jazz, polka: jazz}"}, "only the genre jazz is shared, and at least 2 are"),
        ("MUSIC", {"split": "val"}, "split=val cannot be combined with on="),
        ("MUSIC", {"ensemble": True}, "ensemble=true averages several runs"),
    ],
)
def test_bad_settings_are_one_line(
    run: EvaluatedRun, other_music: Path, music: str, more: dict[str, object], message: str
) -> None:
    music = music.replace("MUSIC", str(other_music))
    with pytest.raises((GenreError, OmegaConfBaseException)) as caught:
        on(run, music, **more)
    assert message in one_line(caught.value)


def test_the_report_of_a_run_on_other_music(run: EvaluatedRun, other_music: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    found = on(run, other_music)
    page = write_run_report(found.evaluated[0], tmp_path / "report").read_text()
    found.write(tmp_path / "report")
    assert "shared genres: blues, jazz" in page
    assert f"<h1>cnn1d_gru, trained on folder, tested on {other_music.name}</h1>" in page
    players = [tmp_path / "report" / unquote(source) for source in re.findall(r'<audio [^>]*src="([^"]+)"', page)]
    assert players
    assert all(path.resolve().is_relative_to(other_music.resolve()) for path in players)
    assert "24 training, 3 validation, 3 test" in page  # of the run, not of the other music
    assert "10 test tracks, 2 genres" in page
    scores = pd.read_csv(tmp_path / "report/tables/scores.csv").set_index("score")
    assert scores.loc["accuracy", "value"] == pytest.approx(found.evaluated[0].scores["test/accuracy"])
    stored = pd.read_parquet(tmp_path / "report" / run_folder.PREDICTIONS)
    pd.testing.assert_frame_equal(stored, found.predictions)
    assert {path: path.read_bytes() for path in before} == before


def test_runs_are_compared_on_the_same_tracks(runs: Runs, other_music: Path, tmp_path: Path) -> None:
    """Folds are further runs of their label; what one of them was trained on is left out for all."""
    folds = [f"data.fold={fold}" for fold in (0, 1)]
    folders = [runs.train(f"net-{n}", fold, "data.folds=2", "trainer.max_epochs=1")[0] for n, fold in enumerate(folds)]
    folders.append(runs.train("logreg", "model=logreg", "features.n_mels=8", "data.fold=0", "data.folds=2")[0])
    found = evaluate_externally(folders, evaluation(accelerator="cpu", on=other_music))
    result = compare_runs(found.runs, found.notes)
    assert result.table[["label", "seeds", "tracks"]].values.tolist() == [["cnn1d_gru", 2, 10], ["logreg", 1, 10]]
    for (label, seed), folder in zip((("cnn1d_gru", 1), ("cnn1d_gru", 2), ("logreg", 1)), folders, strict=True):
        (model,) = (model for model in result.models if model.label == label)
        single = on(folder, other_music).evaluated[0].predictions
        np.testing.assert_array_equal(model.predictions[seed].logits, single.logits)
    ensemble = compare_runs(found.runs, [], ensemble=True)
    assert ensemble.table["label"].tolist() == [
        "cnn1d_gru",
        "cnn1d_gru ensemble (2 members)",
        "logreg",
        "ensemble of 2 models (3 members)",
    ]
    assert set(found.predictions["run"]) == set(map(str, folders))
    write_comparison_report(result, tmp_path / "report")
    stored = pd.read_csv(tmp_path / "report/tables/runs.csv")
    assert stored[["seed", "fold"]].values.tolist() == [[42, 0], [42, 0], [42, 1]]  # the more accurate first
