"""Prepare a collection that models were not trained on: its tracks of the genres that they know."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from genre.config.compose import compose
from genre.config.instantiate import build
from genre.config.schema import DataConfig
from genre.config.validate import validate
from genre.data.cache.feature_cache import FeatureCache
from genre.data.prepare import select_tracks
from genre.data.prepared import PreparedData
from genre.data.shared_genres import SharedGenres
from genre.data.tracks import Selection, Source, unify_names
from genre.errors import GenreError


def collection_settings(given: Any) -> DataConfig:
    """Settings of a collection.

    Args:
        given: A folder that has a folder per genre, the file of a table, or the values of `data`, with the choice in
            conf/data as `data`: `{data: fma, root: path/to/fma}`.

    Returns:
        The settings of `data`, as for training.

    Raises:
        GenreError: There is no such file or folder, or a value is wrong.
    """
    if not isinstance(given, dict):
        path = Path(str(given))
        if not path.exists():
            raise GenreError(f"on={given} does not exist: give a folder with a folder per genre, or a table of files")
        given = {"data": "folder", "root": str(path)} if path.is_dir() else {"data": "table", "table": str(path)}
    if "data" not in given:
        raise GenreError("on={...} must say which data they are: add data: folder, or another choice of conf/data")
    config = compose("train", [f"data={given['data']}"])
    OmegaConf.update(config, "data", {key: value for key, value in given.items() if key != "data"})
    settings: DataConfig = validate(config).data
    return settings


def list_tracks(settings: DataConfig, caches: Path) -> tuple[Source, pd.DataFrame]:
    """List the labeled tracks of a collection.

    Args:
        settings: As returned by `collection_settings`.
        caches: Folder of the caches, in which tags of files are kept.

    Returns:
        The source, and its track table without the genres that the settings exclude.
    """
    source: Source = build("data.source", settings.source)
    if hasattr(source, "index_folder"):
        source.index_folder = caches
    selection = Selection(unify_names(source.tracks()))
    selection.reject_genres(settings.exclude_genres, getattr(source, "known_genres", ()))
    return source, selection.kept


class SharedTracks:
    """The tracks of a collection whose genres are shared, under the shared names; a `Source`.

    Args:
        source: The collection.
        tracks: Its tracks, as returned by `list_tracks`.
        genres: The shared genres.
    """

    def __init__(self, source: Source, tracks: pd.DataFrame, genres: SharedGenres) -> None:
        self.name, self.root = source.name, source.root
        table = tracks.assign(genre=tracks["genre"].map(genres.find))
        self.table = table.dropna(subset="genre").reset_index(drop=True)

    def tracks(self) -> pd.DataFrame:
        """List the tracks; see `Source.tracks`."""
        return self.table


def prepare_external(
    source: SharedTracks, settings: DataConfig, cache: FeatureCache, make_executor: Callable[[], Executor]
) -> PreparedData:
    """Cache the features of all tracks and reject unusable audio.

    Args:
        source: The tracks.
        settings: Filters.
        cache: Stores the features.
        make_executor: Makes the executor that extracts features.

    Returns:
        The data set; all tracks are test tracks.
    """
    selection, index = select_tracks(source, replace(settings, exclude_genres=[]), cache, make_executor)
    kept = selection.kept.sort_values("track_id").reset_index(drop=True).assign(split="test")
    tracks = kept.join(index.drop(columns="path"), on="path")
    return PreparedData(tracks, selection.rejected, sorted(tracks["genre"].unique()), cache)
