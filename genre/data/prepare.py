"""Source, filters, extraction, rejections by the ear, split: what every use of data stands on."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genre.config.schema import DataConfig
from genre.data import leakage, splits
from genre.data.cache.feature_cache import FeatureCache
from genre.data.tracks import SPLITS, Selection, Source, with_clear_names
from genre.errors import GenreError

MIN_DECODED_FRACTION = 0.9
"""A file that decodes to less than this share of what its header promises is truncated."""
MIN_FULL_FRACTION = 0.9
"""A track shorter than this share of a clip has too little of it for the leakage ladder, which halves clips."""
MIN_ACTIVE_FRACTION = 0.1
"""A clip of which less than this share is louder than `audio.QUIET_DB` is silent."""
USER_FIXABLE = ("missing_file", "undecodable", "truncated")
"""Reasons that a user may do something about, if he knows the file."""
MAX_NAMED_FILES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedData:
    """Tracks that are ready for training, and the cache that holds their features.

    Attributes:
        tracks: Track table with `split` (train, val, test) and the cache's index columns; index 0..n-1.
        rejected: Tracks that were dropped, with `reason` and `detail`.
        genres: The classes in the order of their numbers.
        cache: Reads the features.
    """

    tracks: pd.DataFrame
    rejected: pd.DataFrame
    genres: list[str]
    cache: FeatureCache

    @property
    def train_counts(self) -> np.ndarray:
        """Training tracks of each genre, shape (genres,)."""
        train = self.targets[(self.tracks["split"] == "train").to_numpy()]
        return np.bincount(train, minlength=len(self.genres))

    @property
    def sound_frames(self) -> np.ndarray:
        """Frames of each clip that hold sound, not the padding behind it, shape (tracks,)."""
        spec = self.cache.spec
        decoded = self.tracks["decoded"].clip(upper=1)
        seconds = self.tracks["duration"].clip(upper=spec.clip_seconds) * decoded
        return np.array([spec.features.n_frames(length) for length in seconds], np.int64)

    def read_clips(self, rows: list[int]) -> list[np.ndarray]:
        """Read whole clips from the cache.

        Args:
            rows: Rows of the track table.

        Returns:
            Features in [0, 1], float32, each of shape (time, bins).
        """
        chosen = self.tracks.iloc[rows]
        starts = [0] * len(rows)
        return list(
            self.cache.read_windows(chosen["shard"], chosen["row"], starts, self.cache.spec.n_frames).astype(np.float32)
        )

    @property
    def targets(self) -> np.ndarray:
        """Number of each track's genre, shape (tracks,)."""
        return pd.Categorical(self.tracks["genre"], self.genres).codes.astype(np.int64)


def prepare(
    source: Source, settings: DataConfig, cache: FeatureCache, make_executor: Callable[[], Executor], seed: int
) -> PreparedData:
    """Take a collection from its folder to split, cached tracks.

    Args:
        source: Where the music lies.
        settings: Filters and split.
        cache: Where the features go.
        make_executor: Makes the executor that extracts, when there is something to extract.
        seed: Of the split.

    Returns:
        The prepared collection.

    Raises:
        GenreError: Nothing usable is there, or the split asked for cannot be made.
    """
    selection, index = select_tracks(source, settings, cache, make_executor)
    kept = selection.kept.sort_values("track_id").reset_index(drop=True)
    if leakage.is_leakage_level(settings.splits):
        kept = leakage.leakage_split(kept, settings.splits, seed)
    else:
        kept["split"] = splits.assign_splits(kept, settings.splits, seed, fold=settings.fold, folds=settings.folds)
    tracks = kept.join(index.drop(columns=["path"]), on="path")
    genres = sorted(kept["genre"].unique())
    sizes = tracks["split"].value_counts()
    log.info("%d tracks of %d genres: %s", len(tracks), len(genres), ", ".join(f"{sizes[p]} {p}" for p in SPLITS))
    for part, lacking in splits.missing_genres(tracks, tracks["split"]).items():
        if lacking:
            log.warning("no track of %s in %s", ", ".join(lacking), part)
    return PreparedData(tracks, selection.rejected, genres, cache)


def select_tracks(
    source: Source, settings: DataConfig, cache: FeatureCache, make_executor: Callable[[], Executor]
) -> tuple[Selection, pd.DataFrame]:
    """List the tracks, filter them by what is written about them, cache their features, reject by the ear.

    Args:
        source: Where the music lies.
        settings: Filters.
        cache: Where the features go.
        make_executor: As for `prepare`.

    Returns:
        What is left and what was dropped; the cache's index, indexed by path.

    Raises:
        GenreError: Fewer than two genres are left.
    """
    if hasattr(source, "index_folder"):  # a source may keep there what it read from files
        source.index_folder = cache.folder.parent
    selection = Selection(with_clear_names(source.tracks()))
    selection.reject_genres(settings.exclude_genres, getattr(source, "known_genres", ()))
    root = Path(source.root)
    there = selection.kept["path"].map(lambda path: (root / path).is_file())
    selection.reject(~there.astype(bool), "missing_file", "no such file")
    selection.reject_rare_genres(settings.min_tracks_per_genre)
    _need_two_genres(source, selection)
    index = cache.update(root, selection.kept["path"].tolist(), make_executor)
    reject_after_decoding(selection, index, settings)
    for reason, count in selection.reason_counts.items():
        names = selection.rejected.loc[selection.rejected["reason"] == reason, "path"]
        some = (
            f" ({', '.join(names[:MAX_NAMED_FILES])}{', ...' if count > MAX_NAMED_FILES else ''})"
            if reason in USER_FIXABLE
            else ""
        )
        log.info("rejected %d tracks: %s%s", count, reason, some)
    _need_two_genres(source, selection)
    return selection, index


def reject_after_decoding(selection: Selection, index: pd.DataFrame, settings: DataConfig) -> None:
    """Drop what decoding showed to be unusable, then genres that became too rare by it.

    Args:
        selection: Changed in place.
        index: The cache's index, with a row for each kept path.
        settings: Thresholds.
    """
    heard = index.loc[selection.kept["path"]].set_axis(selection.kept.index)
    share = (100 * heard["decoded"]).map("decodes to {:.0f} % of what its header promises".format)
    share = share.where(heard["decoded"] > 0, "the end of the file is missing: fetch it again")
    # Of a rung's clips training sees the second half, which must not be padding
    least = max(
        settings.min_seconds,
        MIN_FULL_FRACTION * settings.clip_seconds if leakage.is_leakage_level(settings.splits) else 0,
    )
    verdicts = [  # the first that holds is the one reason
        (heard["reason"] != "", heard["reason"], heard["detail"]),
        (heard["decoded"] < MIN_DECODED_FRACTION, "truncated", share),
        (heard["duration"] < least, "short", heard["duration"].map("{:.1f} s".format)),
        (heard["sounding"] < MIN_ACTIVE_FRACTION, "silent", "hardly anything above the noise floor"),
    ]
    found = [holds for holds, _, _ in verdicts]
    reason = pd.Series(np.select(found, [code for _, code, _ in verdicts], ""), heard.index)
    detail = pd.Series(np.select(found, [text for _, _, text in verdicts], ""), heard.index)
    for code in sorted(set(reason) - {""}):
        selection.reject((reason == code)[selection.kept.index], code, detail[selection.kept.index])
    kept = selection.kept.sort_values("track_id")
    digest = index.loc[kept["path"], "audio_digest"].set_axis(kept.index)
    first = kept.groupby(digest)["track_id"].transform("first")
    selection.reject((first != kept["track_id"])[selection.kept.index], "duplicate", "same audio as " + first)
    selection.reject_rare_genres(settings.min_tracks_per_genre)


def restore_from_run(
    path: Path, source: Source, cache: FeatureCache, make_executor: Callable[[], Executor]
) -> PreparedData:
    """Take a collection as a run folder's track table has it, with the split of that run.

    Args:
        path: The track table.
        source: Where the music lies; only needed for what the cache lacks.
        cache: Where the features are.
        make_executor: As for `prepare`.

    Returns:
        The collection as it was.

    Raises:
        GenreError: The table, or audio that is not cached, is gone.
    """
    if not path.is_file():
        raise GenreError(f"{path} does not exist: run_dir must be the folder of a trained run")
    try:
        tracks = pd.read_parquet(path)
        for name in ("track_id", "path", "genre", "split", "file_digest"):
            if not pd.api.types.is_string_dtype(tracks[name]):
                raise ValueError(f"its column {name} holds something else than text")
        if empty := [part for part in SPLITS if not (tracks["split"] == part).any()]:
            raise GenreError(f"{path} has no {empty[0]} tracks: train again")
        files = tracks.drop_duplicates("path")  # of the leakage ladder two rows may be halves of one
        paths, digests = files["path"].tolist(), files["file_digest"].tolist()
    except (ValueError, KeyError) as error:  # Arrow's errors are ValueErrors
        raise GenreError(f"{path} is damaged ({str(error).splitlines()[0]}): train again") from error
    index = cache.lookup(paths, digests)
    unknown = files.loc[~files["path"].isin(index.index), "path"].tolist()
    if unknown:
        gone = [name for name in unknown if not (Path(source.root) / name).is_file()]
        if gone:
            raise GenreError(
                f"{len(gone)} of the run's tracks are neither in {cache.folder} nor in {source.root}: set data_root="
                "to where the audio lies now, or cache= to where the caches lie"
            )
        index = pd.concat([index, cache.update(Path(source.root), unknown, make_executor)])
    changed = tracks["file_digest"].to_numpy() != index.loc[tracks["path"], "file_digest"].to_numpy()
    if changed.any():
        raise GenreError(
            f"{changed.sum()} of the run's tracks are other files by now, {tracks['path'][changed].iloc[0]} among "
            "them: bring the old ones back, or train again"
        )
    # Where features are is for the cache alone to say
    own = tracks[tracks.columns.difference(index.columns.drop("path"), sort=False)]
    table = own.join(index.drop(columns="path"), on="path")
    return PreparedData(table, tracks.iloc[:0], sorted(tracks["genre"].unique()), cache)


def _need_two_genres(source: Source, selection: Selection) -> None:
    genres = selection.kept["genre"].nunique()
    if genres >= 2:
        return
    dropped = selection.reason_counts
    labelled = len(selection.kept) + len(selection.rejected)
    labelled -= dropped.get("missing_genre", 0) + dropped.get("excluded_genre", 0)
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    if not dropped:
        only = selection.kept["genre"].iloc[0] if genres else "none"
        raise GenreError(
            f"{source.root} has {labelled} tracks, all of the genre {only}, and at least 2 genres are needed: "
            "check data.root; data=folder wants a folder for each genre in it"
        )
    raise GenreError(
        f"{source.root} names {labelled} labelled tracks of which {labelled - dropped.get('missing_file', 0)} have "
        f"audio; {genres} genre(s) are left and at least 2 are needed: check data.root and the filters in data.* "
        f"(dropped: {reasons or 'none'})"
    )
