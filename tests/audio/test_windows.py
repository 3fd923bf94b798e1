import numpy as np
import pytest
import torch

from genre.audio.windows import split_windows, track_embedding, track_logits, window_starts

TABLE = [
    # frames, window, starts
    (100, 100, [0]),  # exactly one
    (60, 100, [0]),  # shorter than a window
    (1, 64, [0]),
    (101, 100, [0, 1]),  # one frame more
    (150, 100, [0, 50]),  # the last start is a multiple of half a window
    (149, 100, [0, 49]),
    (151, 100, [0, 50, 51]),
    (200, 100, [0, 50, 100]),
    (300, 100, [0, 50, 100, 150, 200]),
    (11, 5, [0, 2, 4, 6]),  # an odd window's half is rounded down
    (12, 5, [0, 2, 4, 6, 7]),
    (10, 3, [0, 1, 2, 3, 4, 5, 6, 7]),
    (4, 1, [0, 1, 2, 3]),
    (1292, 431, [0, 215, 430, 645, 860, 861]),  # 30 s in windows of 10 s
]


@pytest.mark.parametrize(("frames", "window", "expected"), TABLE)
def test_window_starts(frames, window, expected):
    assert window_starts(frames, window) == expected


@pytest.mark.parametrize("window", [1, 2, 3, 7, 64, 65])
@pytest.mark.parametrize("frames", [1, 2, 5, 64, 65, 127, 128, 129, 300])
def test_windows_cover_every_frame_of_the_clip(frames, window):
    found = window_starts(frames, window)
    length = min(window, frames)
    assert {start + i for start in found for i in range(length)} == set(range(frames))
    assert found == sorted(set(found))


def numbered(clips: int, frames: int, mels: int = 3) -> torch.Tensor:
    """Clips whose values are their positions."""
    return torch.arange(float(clips * frames * mels)).reshape(clips, frames, mels)


def test_windows_contain_the_frames_after_their_starts():
    mel = numbered(2, 12)
    windows, counted = split_windows(mel, 5)
    assert counted.all()
    assert windows.shape == (2, 5, 5, 3)
    for clip in range(2):
        for i, start in enumerate([0, 2, 4, 6, 7]):
            assert torch.equal(windows[clip, i], mel[clip, start : start + 5])


@pytest.mark.parametrize("window", [None, 12, 13, 1000])
def test_a_window_as_long_as_the_clip(window):
    mel = numbered(2, 12)
    assert torch.equal(split_windows(mel, window)[0], mel[:, None])


def linear(channels: int, classes: int = 4, scale: float = 1.0):
    """A small network that is not linear in time, and its weights in float64."""
    weight = scale * np.random.default_rng(0).normal(size=(channels, classes))

    def net(windows: torch.Tensor) -> torch.Tensor:
        assert windows.ndim == 3
        return windows.amax(dim=1) @ torch.tensor(weight, dtype=windows.dtype)

    return net, weight


def by_hand(mel: np.ndarray, weight: np.ndarray, window: int, offsets: list[int]) -> np.ndarray:
    """log(mean(softmax)) in float64, clip by clip and window by window."""
    rows = []
    for clip in mel.astype(np.float64):
        probabilities = []
        for start in offsets:
            logits = clip[start : start + window].max(axis=0) @ weight
            shares = np.exp(logits - logits.max())
            probabilities.append(shares / shares.sum())
        rows.append(np.log(np.mean(probabilities, axis=0)))
    return np.array(rows)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_track_logits_are_the_log_of_the_mean_probability(scale):
    net, weight = linear(3, scale=scale)
    mel = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 12, 3)).astype(np.float32))
    ours = track_logits(net, mel, 5)
    assert ours.shape == (5, 4)
    expected = by_hand(mel.numpy(), weight, 5, [0, 2, 4, 6, 7])
    np.testing.assert_allclose(ours.numpy(), expected, atol=2e-5)
    torch.testing.assert_close(ours.exp().sum(dim=1), torch.ones(5))


def test_the_mean_of_contradicting_windows_is_finite():
    # Probabilities of 1 and e^-2000: the mean of the logarithms would be -1000, the log of an underflow -inf
    logits = torch.tensor([[0.0, -2000.0, -3000.0], [-2000.0, 0.0, -3000.0]])
    ours = track_logits(lambda windows: logits, torch.zeros(1, 3, 2), 2)
    expected = [[np.log(0.5), np.log(0.5), -3000.0]]
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("window", [None, 12, 50])
def test_one_window_gives_its_own_log_probabilities(window):
    net, _ = linear(3)
    mel = torch.randn(5, 12, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(track_logits(net, mel, window), net(mel).log_softmax(dim=1))


def test_half_precision_logits_are_averaged_in_float32():
    net, _ = linear(3)
    logits = track_logits(lambda windows: net(windows).half(), numbered(2, 12).div(72), 5)
    assert logits.dtype == torch.float32


def test_tracks_do_not_depend_on_their_batch():
    net, _ = linear(3)
    mel = torch.randn(4, 30, 3, generator=torch.Generator().manual_seed(0))
    together = track_logits(net, mel, 7)
    for i in range(4):
        torch.testing.assert_close(track_logits(net, mel[i : i + 1], 7), together[i : i + 1])


@pytest.mark.parametrize(("tracks", "parts"), [(2, [64, 64, 32]), (100, 80 * [100])])
def test_few_windows_are_classified_at_once(tracks, parts):
    torch.manual_seed(0)
    mel, sizes = torch.rand(tracks, 162, 3), []

    def net(windows):
        sizes.append(len(windows))
        return windows.mean(dim=1)

    whole = net(split_windows(mel, 4)[0].flatten(0, 1)).log_softmax(dim=1).unflatten(0, (tracks, 80))
    expected = whole.exp().mean(dim=1).log()
    sizes.clear()
    torch.testing.assert_close(track_logits(net, mel, 4), expected)
    assert sizes == parts
    sizes.clear()
    torch.testing.assert_close(track_embedding(net, mel, 4), split_windows(mel, 4)[0].mean(dim=(1, 2)))
    assert sizes == parts


def test_track_embedding_is_the_mean_of_the_windows():
    mel = np.random.default_rng(0).normal(size=(3, 12, 4)).astype(np.float32)
    ours = track_embedding(lambda windows: windows.amax(dim=1), torch.from_numpy(mel), 5)
    expected = np.mean([mel[:, start : start + 5].max(axis=1) for start in (0, 2, 4, 6, 7)], axis=0)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-6)
    whole = track_embedding(lambda windows: windows.amax(dim=1), torch.from_numpy(mel), None)
    np.testing.assert_array_equal(whole.numpy(), mel.max(axis=1))


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        ([12, 12], [[0, 2, 4, 6, 7]] * 2),
        ([12, 9], [[0, 2, 4, 6, 7], [0, 2, 4]]),
        ([8, 5], [[0, 2, 3], [0]]),
        ([4, 0], [[0], [0]]),  # the only window ends with padding
        ([99, 6], [[0, 2, 4, 6, 7], [0, 1]]),
    ],
)
def test_windows_contain_no_padding(sound, expected):
    mel = numbered(2, 12)
    windows, counted = split_windows(mel, 5, torch.tensor(sound))
    found = [
        [int(window[0, 0] - clip[0, 0]) // 3 for window in own[of]]
        for clip, own, of in zip(mel, windows, counted, strict=True)
    ]
    assert found == expected


@pytest.mark.parametrize("window", [None, 12, 50])
def test_whole_clips_include_their_padding(window):
    mel = numbered(2, 12)
    windows, counted = split_windows(mel, window, torch.tensor([3, 12]))
    assert torch.equal(windows, mel[:, None])
    assert counted.all()


def test_padding_does_not_change_the_logits():
    net, weight = linear(3)
    mel = np.random.default_rng(1).normal(size=(3, 12, 3)).astype(np.float32)
    sound = torch.tensor([12, 7, 4])
    ours = track_logits(net, torch.from_numpy(mel), 5, sound)
    offsets = [[0, 2, 4, 6, 7], [0, 2], [0]]
    expected = [by_hand(mel[i : i + 1], weight, 5, own)[0] for i, own in enumerate(offsets)]
    np.testing.assert_allclose(ours.numpy(), expected, atol=2e-5)
    mel[1, 7:], mel[2, 5:] = 99, 99
    assert torch.equal(track_logits(net, torch.from_numpy(mel), 5, sound), ours)


def test_unpadded_clips_get_the_same_bits_in_a_batch_with_padded_ones():
    net, _ = linear(3)
    mel = torch.randn(4, 12, 3, generator=torch.Generator().manual_seed(0))
    alone = track_logits(net, mel, 5)
    assert torch.equal(track_logits(net, mel, 5, torch.tensor([12, 6, 12, 12]))[[0, 2, 3]], alone[[0, 2, 3]])
    before = net(mel.unfold(1, 5, 1).transpose(2, 3)[:, [0, 2, 4, 6, 7]].flatten(0, 1)).log_softmax(-1)
    before = before.unflatten(0, (-1, 5)).logsumexp(dim=1) - torch.tensor(5.0).log().item()
    assert torch.equal(alone, before)


def test_the_embedding_of_a_padded_track_is_the_mean_of_its_valid_windows():
    mel = np.random.default_rng(2).normal(size=(2, 12, 3)).astype(np.float32)
    ours = track_embedding(lambda windows: windows.amax(dim=1), torch.from_numpy(mel), 5, torch.tensor([12, 7]))
    for clip, own, offsets in zip(mel, ours, [[0, 2, 4, 6, 7], [0, 2]], strict=True):
        expected = np.mean([clip[start : start + 5].max(axis=0) for start in offsets], axis=0)
        np.testing.assert_allclose(own, expected, rtol=1e-5)
