"""Disks that are read-only, full or failing."""

import errno
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import soundfile

from genre.audio.decoding import AudioError
from genre.data.cache import extraction, lock
from genre.data.cache.executors import local_executor
from genre.data.cache.feature_cache import FeatureCache
from genre.errors import GenreError
from tests.data.cache.conftest import NAMES, SPEC, assert_holds, change, contents


def mounted(folder: Path, *command: str) -> Iterator[Path]:
    """A mount for the time of a test, where that is permitted."""
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", *command, folder], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    yield from mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=100k", "tmpfs")


@pytest.fixture(params=["mount", "error"])
def read_only(request, filled, tmp_path, monkeypatch) -> Iterator[None]:
    """The filled cache's disk can only be read."""
    if request.param == "mount":
        caches = str(filled.folder.parent)
        for _ in mounted(filled.folder.parent, "--bind", caches):
            subprocess.run(["mount", "-o", "remount,ro,bind", caches], check=True)
            yield
        return

    def refuse(self, *_args, **_kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(lock.FileLock, "acquire", refuse)
    for name in ("unlink", "replace", "write_text", "write_bytes"):
        monkeypatch.setattr(Path, name, refuse)
    yield


def test_a_complete_cache_on_a_read_only_disk_is_used(root, filled, read_only, make, executors, caplog):
    before = contents(filled.folder)
    cache = make()
    assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.calls == 0
    assert caplog.messages == []
    assert contents(filled.folder) == before


def test_new_mtimes_do_not_need_a_writable_disk(root, filled, read_only, make, executors):
    os.utime(root / NAMES[3], ns=(0, 10**18))
    cache = make()
    index = cache.update(root, NAMES, executors)
    assert index["mtime_ns"][NAMES[3]] == 10**18
    assert_holds(cache, root, index)


def test_an_incomplete_cache_on_a_read_only_disk_is_one_line(root, filled, read_only, make, executors):
    change(root / NAMES[3], seconds=1.1)
    with pytest.raises(GenreError) as error:
        make().update(root, NAMES, executors)
    assert str(error.value) == (
        f"{filled.folder} lacks 1 files and is read-only (Read-only file system): set paths.cache to a writable folder"
    )


def test_no_cache_on_a_read_only_disk_is_one_line(root, filled, read_only, executors):
    cache = FeatureCache(filled.folder.parent, "other", SPEC)
    with pytest.raises(GenreError, match=r"other-\w+ lacks 40 files and is read-only"):
        cache.update(root, NAMES, executors)


@pytest.mark.parametrize("make_executor", [None, partial(local_executor, 2)], ids=["here", "processes"])
def test_a_full_disk_is_one_line_and_finished_shards_stay(root, small_disk, executors, make_executor):
    cache = FeatureCache(small_disk, "music", SPEC)
    with pytest.raises(GenreError) as error:
        cache.update(root, NAMES, make_executor or executors)
    assert re.match(rf"the disk of {cache.folder} is full \(\d+\.\d kB are needed, ", str(error.value))
    assert str(error.value).endswith(f"free some space on {small_disk}, or choose another folder")
    assert "\n" not in str(error.value)
    assert not list(cache.folder.glob("*.tmp"))
    subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
    assert_holds(cache, root, cache.update(root, NAMES, executors))


ERRORS = {
    "input/output": OSError(errno.EIO, "Input/output error"),
    "too many open files": OSError(errno.EMFILE, "Too many open files"),
    "memory": MemoryError(),
    "libsndfile's system error": soundfile.LibsndfileError(2),
}


@pytest.fixture(params=ERRORS)
def failing(request, monkeypatch) -> tuple[str, list[int]]:
    """Decoding the tenth file fails as often as the list says."""
    times, decode = [100], extraction.load_clip

    def load_clip(path: Path, *arguments):
        if path.name == "10.wav" and times[0]:
            times[0] -= 1
            error = ERRORS[request.param]
            if isinstance(error, soundfile.LibsndfileError):
                raise AudioError("undecodable", error.error_string) from error
            raise error
        return decode(path, *arguments)

    monkeypatch.setattr(extraction, "load_clip", load_clip)
    return request.param, times


def test_a_system_error_ends_the_extraction_and_is_not_stored(root, make, executors, failing):
    _, times = failing
    with pytest.raises(GenreError) as error:
        make().update(root, NAMES, executors)
    assert str(error.value).startswith(f"{root / '1/10.wav'} cannot be read at the moment (")
    assert "\n" not in str(error.value)
    times[0] = 0
    cache = make()
    assert_holds(cache, root, cache.update(root, NAMES, executors))


def test_a_temporary_error_is_not_a_property_of_the_file(root, make, executors, failing):
    name, times = failing
    times[0] = 1
    cache = make()
    if name == "libsndfile's system error":
        assert_holds(cache, root, cache.update(root, NAMES, executors))
    else:
        with pytest.raises(GenreError):
            cache.update(root, NAMES, executors)
        assert_holds(cache, root, cache.update(root, NAMES, executors))


def test_a_read_error_within_a_file_does_not_make_it_truncated(root, make, executors, monkeypatch):
    """Decoders take an error in the middle of a file for its end."""
    decode, digest = extraction.load_clip, extraction.file_digest
    bad = root / "1/10.wav"
    reads = []

    def load_clip(path: Path, *arguments):
        clip = decode(path, *arguments)
        return replace(clip, decoded_fraction=0.5) if path == bad else clip

    def file_digest(path: Path) -> str:
        reads.append(path)
        if reads.count(bad) > 1:
            raise OSError(errno.EIO, "Input/output error")
        return digest(path)

    with monkeypatch.context() as patch:
        patch.setattr(extraction, "load_clip", load_clip)
        patch.setattr(extraction, "file_digest", file_digest)
        with pytest.raises(GenreError, match=r"10\.wav cannot be read at the moment \(Input/output error\)"):
            make().update(root, NAMES, executors)
    cache = make()
    assert_holds(cache, root, cache.update(root, NAMES, executors))
