"""Many files at once."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre import Predictor
from genre.audio.decoding import AudioError
from genre.errors import GenreError
from genre.inference.files import find_audio, predict_files
from genre.inference.prediction import Prediction
from tests.composing import ROOT
from tests.conftest import sound, write_sound


def test_folders_are_searched_and_files_are_kept(tmp_path: Path) -> None:
    for name in ("b.wav", "in/a.MP3", "in/deep/c.flac", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    notes = tmp_path / "notes.txt"
    expected = [notes, *(tmp_path / name for name in ("b.wav", "in/a.MP3", "in/deep/c.flac"))]
    assert find_audio([notes, tmp_path]) == expected
    (tmp_path / "empty").mkdir()
    with pytest.raises(GenreError, match=r"empty contains no audio file: the formats are \.mp3, "):
        find_audio([tmp_path / "empty"])


class Constant:
    """Predicts the loudness of a clip, and remembers how many clips it was given."""

    genres = ("quiet", "loud")
    sample_rate, clip_seconds, min_seconds = 22050, 1.0, 0.5

    def classify(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        loud = float(np.abs(waveform).mean())
        return np.zeros(1), np.array([[1 - loud, loud]])


def test_each_file_has_a_prediction_or_a_reason_in_order(tmp_path: Path) -> None:
    long = np.concatenate([sound(number, seconds=1.0) for number in range(9)])
    write_sound(tmp_path / "long.wav", long)
    write_sound(tmp_path / "short.wav", sound(1, seconds=0.2))
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "folder.wav").mkdir()
    write_sound(tmp_path / "last.wav", 0.1 * sound(2, seconds=1.0))
    paths = [tmp_path / f"{name}.wav" for name in ("text", "long", "short", "nowhere", "folder", "last")]
    found = dict(predict_files(Constant(), paths))
    assert list(found) == paths
    reasons = [result.reason if isinstance(result, AudioError) else None for result in found.values()]
    assert reasons == ["undecodable", None, "too_short", "missing_file", "missing_file", None]
    assert isinstance(found[paths[1]], Prediction)
    assert found[paths[1]].probabilities[1] == pytest.approx(np.abs(long).mean(), abs=1e-3)
    assert len(found[paths[1]].timeline) == 9
    assert found[paths[5]].probabilities[1] < 0.1


def test_a_rest_that_is_not_used_does_not_reach_the_next_file(tmp_path: Path) -> None:
    class Picky(Constant):
        min_seconds = 2.0  # longer than a clip: refuses the first clip of each file

    for name in "abc":
        write_sound(tmp_path / f"{name}.wav", sound(1, seconds=8.0))
    found = dict(predict_files(Picky(), sorted(tmp_path.iterdir())))
    assert [result.reason for result in found.values()] == ["too_short"] * 3


def test_a_real_predictor(trained: Path, music_folder: Path) -> None:
    predictor = Predictor.load(trained)
    paths = find_audio([music_folder / "rock"])
    for path, result in predict_files(predictor, paths):
        np.testing.assert_array_equal(result.probabilities, predictor(path).probabilities)


def test_a_short_file_whose_rest_is_unusable_too_does_not_stop_the_others(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", 0 * sound(1, seconds=0.2))
    write_sound(tmp_path / "b.wav", sound(1, seconds=1.0))
    short, good = dict(predict_files(Constant(), sorted(tmp_path.iterdir()))).values()
    assert short.reason == "too_short"
    assert isinstance(good, Prediction)


def test_windows_of_overlapping_clips_are_in_order(tmp_path: Path) -> None:
    class Windows(Constant):
        def classify(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            loud = np.abs(waveform).reshape(2, -1).mean(axis=1)
            return np.array([0.0, 0.5]), np.stack([1 - loud, loud], axis=1)

    write_sound(tmp_path / "a.wav", sound(1, seconds=2.4))
    (found,) = dict(predict_files(Windows(), [tmp_path / "a.wav"])).values()
    assert found.times == pytest.approx([0, 0.5, 1, 1.4, 1.5, 1.9], abs=1e-3)
    assert found.probabilities == pytest.approx(found.timeline.mean(axis=0))


PEAK = """
import resource, sys
import sys
from pathlib import Path
from genre.inference.files import predict_files
from tests.inference.test_files import Constant
((_, found),) = predict_files(Constant(), [Path(sys.argv[1])])
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))  # of this process alone
print(len(found.timeline), peak)
"""


def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    peaks = {}
    for seconds in (60, 3600):
        path = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(path, "w", Constant.sample_rate, 1) as file:
            for _ in range(seconds // 60):
                file.write(sound(1, seconds=60.0))
        command = [sys.executable, "-c", PEAK, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        clips, peaks[seconds] = map(int, done.stdout.split())
        assert clips == seconds
    assert peaks[3600] - peaks[60] < 30_000  # KiB; the hour alone has 310 MB
