import pytest

from genre.audio.augment import Augment, FrequencyMask, FrequencyShift
from genre.audio.equalizer import RandomEqualizer
from genre.audio.features import LogMel, Mfcc
from genre.errors import GenreError
from genre.training.checks import check_frames, warn_of_transforms

FEATURES = LogMel(sample_rate=20000, n_fft=2048, hop_length=1000, n_mels=16)


def test_a_duration_with_too_few_frames_is_refused_with_the_least() -> None:
    message = r"data\.clip_seconds=3\.0 gives 61 frames, but the networks need at least 64: use at least 3\.2"
    with pytest.raises(GenreError, match=message):
        check_frames(FEATURES, "data.clip_seconds", 3.0)


def test_augmentations_for_mel_bands_are_reported_for_other_features(caplog: pytest.LogCaptureFixture) -> None:
    transforms = {"equalizer": RandomEqualizer(), "shift": FrequencyShift(), "mask": FrequencyMask(3), "none": None}
    warn_of_transforms(Augment(**transforms), FEATURES)
    assert caplog.text == ""
    warn_of_transforms(Augment(**transforms), Mfcc())
    message = "augment.{0} is for mel bands, not for these features: add augment.{0}=null"
    assert [record.message for record in caplog.records] == [message.format("equalizer"), message.format("shift")]


def test_enough_frames_and_no_limit_pass() -> None:
    check_frames(FEATURES, "data.clip_seconds", 3.15)
    check_frames(FEATURES, "data.segment_seconds", None)
    with pytest.raises(GenreError, match="gives 32 frames"):
        check_frames(FEATURES, "data.clip_seconds", 3.15, used=0.5)
