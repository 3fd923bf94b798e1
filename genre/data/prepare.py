"""Prepare a data set: list tracks, filter, extract features, reject unusable audio, split."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from genre.audio.decoding import MIN_DECODED_FRACTION
from genre.config.schema import DataConfig
from genre.data.cache.feature_cache import FeatureCache
from genre.data.leakage import is_leakage_level, leakage_split
from genre.data.prepared import PreparedData
from genre.data.splits import (
    OFFICIAL,
    check_split_names,
    chosen_strategy,
    configured_splits,
    missing_genres,
    training_subset,
)
from genre.data.tracks import SPLITS, Selection, Source, unify_names
from genre.errors import GenreError

MIN_FULL_FRACTION = 0.9
"""The leakage experiment, which halves clips, rejects tracks shorter than this fraction of a clip."""
MIN_ACTIVE_FRACTION = 0.1
"""A clip of which a smaller fraction is louder than `decoding.SILENCE_DB` is silent."""
USER_FIXABLE = ("missing_genre", "missing_file", "undecodable", "truncated")
"""Rejection reasons for which file names are logged, because the user can fix them."""
MAX_NAMED_FILES = 3

log = logging.getLogger(__name__)


def prepare(
    source: Source, config: DataConfig, cache: FeatureCache, make_executor: Callable[[], Executor], seed: int
) -> PreparedData:
    """Select the tracks of a source, cache their features and split them.

    Args:
        source: Lists the tracks.
        config: Filters and splits.
        cache: Stores the features.
        make_executor: Makes the executor that extracts features; only called if there are any to extract.
        seed: Seed of the split.

    Returns:
        The prepared data set.

    Raises:
        GenreError: Fewer than two genres remain, or the tracks cannot be split as configured.
    """
    if config.train_fraction < 1 and is_leakage_level(config.splits):
        raise GenreError(f"data.train_fraction cannot be combined with data.splits={config.splits}: leave it at 1")
    selection, index = select_tracks(source, config, cache, make_executor)
    kept = selection.kept.sort_values("track_id").reset_index(drop=True)
    has_own_split = getattr(source, "has_own_split", False)
    strategy = chosen_strategy(kept, config, has_own_split)
    if has_own_split and config.splits == "auto" and strategy not in OFFICIAL:
        log.warning("the split of the table is not used: data.fold=%d makes folds", config.fold)
    if is_leakage_level(strategy):
        kept = leakage_split(kept, strategy, seed)
    else:
        kept["split"] = configured_splits(kept, strategy, config, seed)
    if config.train_fraction < 1:
        subset = training_subset(kept, config.train_fraction, seed).reset_index(drop=True)
        log.info("data.train_fraction=%g leaves out %d tracks", config.train_fraction, len(kept) - len(subset))
        kept = subset
    tracks = kept.join(index.drop(columns="path"), on="path")
    genres = sorted(kept["genre"].unique())
    sizes = tracks["split"].value_counts()
    log.info("%d tracks of %d genres: %s", len(tracks), len(genres), ", ".join(f"{sizes[s]} {s}" for s in SPLITS))
    for split, missing in missing_genres(tracks, tracks["split"]).items():
        if missing:
            log.warning("no track of %s in %s", ", ".join(missing), split)
    return PreparedData(tracks, selection.rejected, genres, cache, strategy)


def select_tracks(
    source: Source, config: DataConfig, cache: FeatureCache, make_executor: Callable[[], Executor]
) -> tuple[Selection, pd.DataFrame]:
    """List the tracks, filter them by metadata, cache their features and reject unusable audio.

    The arguments are those of `prepare`.

    Returns:
        The kept and the rejected tracks; the cache's index, indexed by path.

    Raises:
        GenreError: Fewer than two genres remain.
    """
    if hasattr(source, "index_folder"):  # where a source may keep what it read from files
        source.index_folder = cache.folder.parent
    tracks = source.tracks()
    if chosen_strategy(tracks, config, getattr(source, "has_own_split", False)) in OFFICIAL:
        check_split_names(tracks)  # before hours of extraction
    selection = Selection(unify_names(tracks))
    selection.reject_genres(config.exclude_genres, getattr(source, "known_genres", ()))
    selection.reject_licenses(config.licenses)
    root = Path(source.root)
    missing = ~selection.kept["path"].map(lambda path: (root / path).is_file()).astype(bool)
    selection.reject(missing, "missing_file", "no such file")
    selection.reject_rare_genres(config.min_tracks_per_genre)
    _check_genres(source, selection)
    index = cache.update(root, selection.kept["path"].tolist(), make_executor)
    reject_after_decoding(selection, index, config)
    for reason, count in selection.reason_counts.items():
        files = selection.rejected.loc[selection.rejected["reason"] == reason, "path"]
        names = [*files[:MAX_NAMED_FILES], *(["..."] if count > MAX_NAMED_FILES else [])]
        named = f" ({', '.join(names)})" if reason in USER_FIXABLE else ""
        log.info("rejected %d track%s: %s%s", count, "s" * (count > 1), reason, named)
    _check_genres(source, selection)
    return selection, index


def reject_after_decoding(selection: Selection, index: pd.DataFrame, config: DataConfig) -> None:
    """Reject tracks with unusable audio, then genres that became too rare.

    Args:
        selection: Changed in place.
        index: The cache's index, with a row for each kept path.
        config: Thresholds.
    """
    audio = index.loc[selection.kept["path"]].set_axis(selection.kept.index)
    decoded = (100 * audio["decoded"]).map("decodes to {:.0f} % of what its header declares".format)
    decoded = decoded.where(audio["decoded"] > 0, "the end of the file is missing: download it again")
    min_seconds = config.min_seconds
    if is_leakage_level(config.splits):  # it trains on the second half of a clip, which must not be padding
        min_seconds = max(min_seconds, MIN_FULL_FRACTION * config.clip_seconds)
    checks = [  # the first that applies is the reason
        (audio["reason"] != "", audio["reason"], audio["detail"]),
        (audio["decoded"] < MIN_DECODED_FRACTION, "truncated", decoded),
        (audio["duration"] < min_seconds, "short", audio["duration"].map("{:.1f} s".format)),
        (audio["sounding"] < MIN_ACTIVE_FRACTION, "silent", "almost entirely silent"),
    ]
    masks, codes, details = zip(*checks, strict=True)
    reason = pd.Series(np.select(masks, codes, ""), audio.index)
    detail = pd.Series(np.select(masks, details, ""), audio.index)
    for code in sorted(set(reason) - {""}):
        selection.reject((reason == code)[selection.kept.index], code, detail[selection.kept.index])
    kept = selection.kept.sort_values("track_id")
    digest = index.loc[kept["path"], "audio_digest"].set_axis(kept.index)
    first = kept.groupby(digest)["track_id"].transform("first")
    selection.reject((first != kept["track_id"])[selection.kept.index], "duplicate", "same audio as " + first)
    selection.reject_rare_genres(config.min_tracks_per_genre)


def restore_from_run(
    path: Path, source: Source, cache: FeatureCache, make_executor: Callable[[], Executor]
) -> PreparedData:
    """Restore the tracks and splits of a run from the track table in its folder.

    Args:
        path: The track table.
        source: Where the audio is; only needed for what the cache lacks.
        cache: The cache.
        make_executor: The same as for `prepare`.

    Returns:
        The data set of the run.

    Raises:
        GenreError: The table is missing or damaged, or audio that is not cached is missing or changed.
    """
    if not path.is_file():
        raise GenreError(f"{path} does not exist: run_dir must be the folder of a trained run")
    try:
        tracks = pd.read_parquet(path)
        for name in ("track_id", "path", "genre", "split", "file_digest"):
            if not pd.api.types.is_string_dtype(tracks[name]):
                raise ValueError(f"its column {name} is not text")
        if empty := [split for split in SPLITS if not (tracks["split"] == split).any()]:
            raise GenreError(f"{path} has no {empty[0]} tracks: train again")
        files = tracks.drop_duplicates("path")  # two rows may be halves of one file in the leakage experiment
        paths, digests = files["path"].tolist(), files["file_digest"].tolist()
    except (ValueError, KeyError) as error:  # Arrow's errors are ValueErrors
        raise GenreError(f"{path} is damaged ({str(error).splitlines()[0]}): train again") from error
    index = cache.lookup(paths, digests)
    if not_cached := [name for name in paths if name not in index.index]:
        if missing := [name for name in not_cached if not (Path(source.root) / name).is_file()]:
            raise GenreError(
                f"{len(missing)} tracks of the run are neither in {cache.folder} nor in {source.root}: set data_root= "
                "to the folder of the audio, or cache= to the folder of the caches"
            )
        index = pd.concat([index, cache.update(Path(source.root), not_cached, make_executor)])
    changed = tracks["file_digest"].to_numpy() != index.loc[tracks["path"], "file_digest"].to_numpy()
    if changed.any():
        raise GenreError(
            f"{changed.sum()} audio files changed since training (first: {tracks['path'][changed].iloc[0]}): restore "
            "them or train again"
        )
    own = tracks[tracks.columns.difference(index.columns.drop("path"), sort=False)]  # the rest is up to the cache
    table = own.join(index.drop(columns="path"), on="path")
    return PreparedData(table, tracks.iloc[:0], sorted(tracks["genre"].unique()), cache)


def _check_genres(source: Source, selection: Selection) -> None:
    genres = selection.kept["genre"].unique()
    same = next((pair for pair in combinations(sorted(genres), 2) if pair[0].casefold() == pair[1].casefold()), None)
    if same:
        raise GenreError(f"the genres {same[0]} and {same[1]} differ in capitals only: give both the same name")
    if len(genres) >= 2:
        return
    counts = selection.reason_counts
    labeled = len(selection.kept) + len(selection.rejected)
    labeled -= counts.get("missing_genre", 0) + counts.get("excluded_genre", 0)
    absent = selection.rejected.loc[selection.rejected["reason"] == "missing_file", "path"]
    if labeled and len(absent) == labeled:
        raise GenreError(
            f"none of the {labeled} listed files is in {Path(source.root).absolute()} (first: {absent.iloc[0]}): set "
            "data.root to the folder that the paths are relative to"
        )
    if not counts:
        raise GenreError(
            f"{source.root} has {labeled} tracks, all of the genre {', '.join(genres) or 'none'}, and at least 2 "
            "genres are needed: check data.root; data=folder needs one folder per genre in it"
        )
    raise GenreError(
        f"{source.root} lists {labeled} labeled tracks, of which {labeled - counts.get('missing_file', 0)} have audio; "
        f"{len(genres)} genre(s) remain and at least 2 are needed: check data.root and the filters in data.* "
        f"(rejected: {', '.join(f'{count} {reason}' for reason, count in counts.items())})"
    )
