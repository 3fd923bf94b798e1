"""Test trained models on a collection that they were not trained on."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from genre import run_folder
from genre.config.schema import DataConfig, EvaluateConfig
from genre.data.cache.feature_cache import FeatureCache
from genre.data.external import SharedTracks, collection_settings, list_tracks, prepare_external
from genre.data.prepared import PreparedData
from genre.data.shared_genres import SharedGenres, share_genres
from genre.data.tracks import collection_name
from genre.errors import GenreError
from genre.evaluation.runs import EvaluatedRun, FinishedRun
from genre.evaluation.trained_run import TrainedRun
from genre.files import atomic_write

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExternalTest:
    """Result of a test on another collection.

    Attributes:
        name: Name of the collection.
        runs: The runs, with predictions for the collection instead of their test tracks. Runs of one label differ in
            `seed`, which numbers them.
        evaluated: The same runs with networks and data, for the report of a single one.
        predictions: `run, track_id, genre, prediction`, and the probability of each genre.
        rejected: Tracks with unusable audio.
        notes: Sentences on what was tested and what was left out.
    """

    name: str
    runs: list[FinishedRun]
    evaluated: list[EvaluatedRun]
    predictions: pd.DataFrame
    rejected: pd.DataFrame
    notes: list[str]

    def write(self, folder: Path) -> None:
        """Write the predictions and the rejected tracks to a folder."""
        with atomic_write(folder / run_folder.PREDICTIONS) as temporary:
            self.predictions.to_parquet(temporary)
        with atomic_write(folder / run_folder.REJECTED) as temporary:
            self.rejected.to_csv(temporary, index=False)


def evaluate_externally(
    folders: list[Path], evaluation: EvaluateConfig, labels: Mapping[Path, str | None] | None = None
) -> ExternalTest:
    """Test runs on the tracks of a collection whose genres they know.

    Decoding, features and windows are those of each run. A prediction is the most probable one of the shared genres, so
    that no model is asked for genres that the collection lacks. Tracks that a run was trained or validated on, found by
    the digest of their audio, are left out for all runs.

    Args:
        folders: Run folders.
        evaluation: The collection, names of genres, and locations that differ from those of the run.
        labels: Labels of run folders in place of their own.

    Returns:
        Predictions for the same tracks by all runs.

    Raises:
        GenreError: A run is unfinished, or fewer than two genres are shared.
    """
    if evaluation.split != "test":
        raise GenreError("split=val cannot be combined with on=: all tracks of the other music are test tracks")
    if evaluation.ensemble and len(folders) == 1:
        raise GenreError("ensemble=true averages several runs: give more of them, as run_dir=[a,b]")
    trained = [TrainedRun.load(folder, evaluation, (labels or {}).get(folder)) for folder in folders]
    settings = collection_settings(evaluation.on)
    source, tracks = list_tracks(settings, Path(trained[0].components.settings.paths.cache))
    models = [each.model.genres for each in trained]
    genres = share_genres(tracks["genre"].unique(), models, evaluation.on_genres)
    notes = _missing_genres(tracks, models, genres)
    for note in notes:
        log.info("%s", note)
    _check_two(genres.names, tracks, models)
    prepared = _prepare(trained, settings, SharedTracks(source, tracks, genres))
    track_ids, seen_notes = _unseen(trained, prepared)
    prepared = {key: _select(data, track_ids) for key, data in prepared.items()}
    first = prepared[trained[0].data_key]
    _check_two(first.genres, tracks, models)
    genres = replace(genres, names=first.genres)
    name, root = collection_name(settings), Path(source.root)
    results = [each.test_on(prepared[each.data_key], genres, name, root) for each in trained]
    found = f"Tested on {len(track_ids)} tracks of {source.root} with shared genres: {', '.join(genres.names)}."
    renamed = "; ".join(f"{old} as {new}" for old, new in evaluation.on_genres.items())
    notes = [found, *[f"Genres renamed: {renamed}."] * bool(renamed), *notes, *seen_notes]
    if outside := sum(count for _, count in results):
        notes.append(
            f"Of {len(track_ids) * len(results)} predictions, {outside} would be a genre that was left out; the most "
            "probable of the others was taken instead."
        )
    evaluated = [replace(run, notes=notes) for run, _ in results]
    runs = _number([replace(t.run, predictions=e.predictions) for t, e in zip(trained, evaluated, strict=True)])
    table = pd.concat([_table(run) for run in evaluated], ignore_index=True)
    return ExternalTest(name, runs, evaluated, table, first.rejected, notes)


def _missing_genres(tracks: pd.DataFrame, models: list[list[str]], genres: SharedGenres) -> list[str]:
    """A sentence on the genres that one side lacks."""
    counts = sorted(tracks["genre"].value_counts().items())
    other = [f"{genre} ({_tracks(count)})" for genre, count in counts if genres.find(genre) is None]
    unknown = sorted({genre for model in models for genre in model if genres.find(genre) is None})
    sentences = [f"Left out, because the model does not know them: {', '.join(other)}."] if other else []
    return sentences + [f"Left out, because the music does not have them: {', '.join(unknown)}."] * bool(unknown)


def _tracks(count: int) -> str:
    return f"{count} track{'s' * (count != 1)}"


def _check_two(names: list[str], tracks: pd.DataFrame, models: list[list[str]]) -> None:
    if len(names) < 2:
        shared = f"only the genre {names[0]} is shared" if names else "no genre is shared"
        raise GenreError(
            f"{shared}, and at least 2 are needed: the music has {', '.join(sorted(tracks['genre'].unique()))}, the "
            f"model {', '.join(models[0])}; give equal genres one name, as in 'on_genres={{rap: Hip-Hop}}'"
        )


def _prepare(trained: list[TrainedRun], settings: DataConfig, source: SharedTracks) -> dict[str, PreparedData]:
    prepared: dict[str, PreparedData] = {}
    for each in trained:
        if each.data_key not in prepared:
            own, parts = each.components.settings, each.components
            cache = FeatureCache(Path(own.paths.cache), Path(source.root).resolve().name, parts.cache.spec)
            like_run = replace(settings, clip_seconds=own.data.clip_seconds, min_seconds=own.data.min_seconds)
            prepared[each.data_key] = prepare_external(source, like_run, cache, parts.make_executor)
    return prepared


def _unseen(trained: list[TrainedRun], prepared: dict[str, PreparedData]) -> tuple[set[str], list[str]]:
    """Ids of the tracks that are usable for all runs and new to them, and sentences on the others."""
    usable = set.intersection(*(set(data.tracks["track_id"]) for data in prepared.values()))
    seen, artists, notes = set(), set(), []
    for each in trained:
        tracks = prepared[each.data_key].tracks
        artists |= set(each.seen["artist"].dropna().str.casefold())
        if "audio_digest" in each.tracks:
            seen |= set(tracks.loc[tracks["audio_digest"].isin(each.seen["audio_digest"]), "track_id"])
        else:
            notes.append(f"{each.run.folder} stores no digests, so tracks that it was trained on cannot be found.")
    if count := len(usable & seen):
        notes.append(f"Left out, because a run was trained or validated on their audio: {_tracks(count)}.")
    tracks = next(iter(prepared.values())).tracks
    known = tracks["artist"].str.casefold().isin(artists) & tracks["track_id"].isin(usable - seen)
    if count := known.sum():
        are = "tracks are other recordings" if count > 1 else "track is another recording"
        notes.append(f"{count} {are} of artists that a run was trained or validated on.")
    return usable - seen, notes


def _select(data: PreparedData, track_ids: set[str]) -> PreparedData:
    tracks = data.tracks[data.tracks["track_id"].isin(track_ids)].reset_index(drop=True)
    return replace(data, tracks=tracks, genres=sorted(tracks["genre"].unique()))


def _number(runs: list[FinishedRun]) -> list[FinishedRun]:
    """Number the runs of each label, which may differ in seed and fold: all were tested on the same tracks."""
    labels = [run.label for run in runs]
    return [replace(run, seed=labels[:n].count(run.label) + 1, fold=None) for n, run in enumerate(runs)]


def _table(run: EvaluatedRun) -> pd.DataFrame:
    test = run.predictions
    names = np.array([*test.genres, None])  # the last one, -1, is no prediction
    table = pd.DataFrame({"run": str(run.folder), "track_id": test.track_id, "genre": names[test.target]})
    table["prediction"] = names[test.prediction]
    return table.join(pd.DataFrame(softmax(test.logits, axis=1), columns=test.genres))
