"""Collections that models were not trained on."""

from pathlib import Path

import pytest

from genre.data.external import SharedTracks, collection_settings, list_tracks
from genre.data.shared_genres import share_genres
from genre.data.sources.folder import Folder
from genre.errors import GenreError
from tests.conftest import track_table


def test_a_folder_and_a_file_are_recognized(music_folder: Path, tmp_path: Path) -> None:
    folder = collection_settings(music_folder)
    assert (folder.name, folder.root, folder.source["root"]) == ("folder", str(music_folder), str(music_folder))
    table = tmp_path / "tracks.csv"
    table.write_text("path,genre\n")
    found = collection_settings(str(table))
    assert (found.name, found.table, found.source["root"]) == ("table", str(table), str(tmp_path))


def test_values_of_data_are_those_of_train(tmp_path: Path) -> None:
    found = collection_settings({"data": "fma", "root": str(tmp_path), "subset": "small", "exclude_genres": ["Rock"]})
    assert found.source == {"_target_": "genre.data.sources.fma.Fma", "root": str(tmp_path), "subset": "small"}
    assert found.exclude_genres == ["Rock"]
    with pytest.raises(GenreError, match=r"data.root must be given: add data.root="):
        collection_settings({"data": "fma"})


def test_excluded_genres_are_not_listed_and_unknown_ones_refused(music_folder: Path, tmp_path: Path) -> None:
    settings = collection_settings({"data": "folder", "root": str(music_folder), "exclude_genres": ["jazz"]})
    source, tracks = list_tracks(settings, tmp_path)
    assert isinstance(source, Folder)
    assert source.index_folder == tmp_path
    assert tracks["genre"].value_counts().to_dict() == {"blues": 10, "rock": 10}
    settings.exclude_genres = ["jaz"]
    with pytest.raises(GenreError, match=r"unknown genre jaz \(did you mean jazz\?\)"):
        list_tracks(settings, tmp_path)


def test_shared_tracks_have_the_shared_names() -> None:
    table = track_table({"a.wav": "hip hop", "b.wav": "polka", "c.wav": "JAZZ"})
    shared = SharedTracks(Folder("music"), table, share_genres(table["genre"], [["Hip-Hop", "Jazz", "Rock"]], {}))
    assert (shared.name, shared.root) == ("folder", "music")
    assert shared.tracks()[["path", "genre"]].values.tolist() == [["a.wav", "Hip-Hop"], ["c.wav", "Jazz"]]
