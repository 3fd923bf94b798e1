"""Too little to train on is reported in one line."""

from dataclasses import replace

from genre.data.prepare import prepare
from genre.data.sources.fma import Fma
from genre.data.sources.folder import Folder
from tests.conftest import track_table, write_fma
from tests.data.prepare.conftest import CONFIG, Listed, error, some


def test_one_genre_is_too_little_and_the_counts_explain_it(root, cache, executors):
    some(root, "rock/a.wav", "rock/b.wav", "spoken/a.wav", "rock/c.wav")
    genres = {"rock/a.wav": "rock", "rock/b.wav": "rock", "rock/c.wav": None, "spoken/a.wav": "spoken"}
    genres |= {f"pop/{number}.wav": "pop" for number in range(5)}
    source = Listed(str(root), track_table(genres))
    config = replace(CONFIG, exclude_genres=["spoken"])
    assert error(lambda: prepare(source, config, cache, executors, 1)) == (
        f"{root} lists 7 labeled tracks, of which 2 have audio; 1 genre(s) remain and at least 2 are needed: "
        "check data.root and the filters in data.* (rejected: 5 missing_file, 1 missing_genre, 1 excluded_genre)"
    )
    assert executors.calls == 0
    assert not cache.folder.exists()


def test_too_little_after_decoding(root, cache, executors):
    some(root, "rock/a.wav", "rock/b.wav")
    some(root, "pop/a.wav", "pop/b.wav", seconds=0.5)
    source = Listed(str(root), track_table({name: name[:-6] for name in ["rock/a.wav", "rock/b.wav", "pop/a.wav"]}))
    text = error(lambda: prepare(source, CONFIG, cache, executors, 1))
    assert text.startswith(f"{root} lists 3 labeled tracks, of which 3 have audio; 1 genre(s) remain")
    assert text.endswith("(rejected: 1 short)")


def test_no_audio_at_all(tmp_path, cache, executors):
    write_fma(tmp_path, {n: {"set.subset": "small", "track.genre_top": "Rock" if n % 2 else "Pop"} for n in range(8)})
    text = error(lambda: prepare(Fma(str(tmp_path)), CONFIG, cache, executors, 1))
    assert text.startswith(f"none of the 8 listed files is in {tmp_path} (first: fma_")


def test_no_genre_at_all(root, cache, executors):
    some(root, "a.wav")
    text = error(lambda: prepare(Listed(str(root), track_table({"a.wav": None})), CONFIG, cache, executors, 1))
    assert text.startswith(f"{root} lists 0 labeled tracks, of which 0 have audio; 0 genre(s) remain")


def test_an_impossible_split(prepared_with):
    assert error(lambda: prepared_with({}, splits="artist")) == "this data names no artist: use data.splits=stratified"


def test_fma_s_genres_may_be_excluded_where_they_are_missing_and_a_folder_s_may_not(root, cache, executors, fma_folder):
    config = replace(CONFIG, exclude_genres=["Country"])
    prepared = prepare(Fma(str(fma_folder), "small"), config, cache, executors, 1)
    assert prepared.genres == ["Blues", "Jazz", "Rock"]
    some(root, *(f"{genre}/{number}.wav" for genre in ("rock", "pop") for number in range(10)))
    config = replace(CONFIG, exclude_genres=["Rock", "Pop"])
    assert error(lambda: prepare(Folder(str(root)), config, cache, executors, 1)) == (
        "data.exclude_genres: unknown genre Rock, Pop (did you mean rock, pop?): use some of pop, rock"
    )


def test_all_files_in_one_folder(root, cache, executors):
    some(root, "all/a.wav", "all/b.wav")
    assert error(lambda: prepare(Folder(str(root)), CONFIG, cache, executors, 1)) == (
        f"{root} has 2 tracks, all of the genre all, and at least 2 genres are needed: "
        "check data.root; data=folder needs one folder per genre in it"
    )
