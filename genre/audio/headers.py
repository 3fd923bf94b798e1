"""Read the length that the headers of WAV, AU and Ogg files promise, where libsndfile does not report it."""

import struct
from pathlib import Path

import mutagen
from mutagen.wave import WAVE

UNKNOWN_SIZE = 0x7FFFFF00
"""Bytes of sound from which on a WAV or AU header means that it was written into a pipe."""
UNKNOWN_FRAMES = 1 << 40
"""Frames from which on libsndfile means that it does not know."""
LONGEST_PAGE = 27 + 255 + 255 * 255
"""Bytes of an Ogg page at most."""


def promised_frames(path: Path, claimed: int) -> int | None:
    """Frames that the header promises.

    libsndfile itself shrinks the promise of a WAV or AU file to what a cut file holds.

    Args:
        path: A file that libsndfile reads.
        claimed: Frames that libsndfile expects.

    Returns:
        The frames; None where the header was written before their number was known.
    """
    with path.open("rb") as raw:
        header = raw.read(24)
    promised = 0
    if header.startswith(b".snd") and len(header) == 24:
        size, encoding, channels = struct.unpack(">8xII4xI", header)
        width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding, 0) * channels
        promised = size // width if width and size < UNKNOWN_SIZE else 0
    elif header.startswith(b"RIFF"):
        try:
            info = WAVE(path).info
        except mutagen.MutagenError:  # stricter than the decoder, which has the last word
            info = None
        if info is not None and info.length * info.bitrate / 8 < UNKNOWN_SIZE:
            promised = round(info.length * info.sample_rate)
    return max(promised, claimed) if claimed < UNKNOWN_FRAMES else None


def is_cut_ogg(path: Path) -> bool:
    """Whether this is an Ogg file whose last page is incomplete or is not marked as the end of the stream."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        size = file.seek(0, 2)
        file.seek(max(0, size - 2 * LONGEST_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS\0") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return not page[5] & 4 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
