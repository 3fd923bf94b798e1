"""Read the length that the headers of WAV, AU and Ogg files declare, where libsndfile does not report it."""

import struct
from pathlib import Path

import mutagen
from mutagen.wave import WAVE

UNKNOWN_SIZE = 0x7FFFFF00
"""WAV and AU headers that were written to a pipe declare at least this many bytes of audio."""
UNKNOWN_FRAMES = 1 << 40
"""libsndfile reports at least this many frames if it does not know their number."""
AU_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Bytes per sample by the encoding number of an AU header."""
MAX_OGG_PAGE = 27 + 255 + 255 * 255
"""Bytes of the largest possible Ogg page."""


def declared_frames(path: Path, reported: int) -> int | None:
    """Return the number of frames that a file's header declares.

    libsndfile reduces the number of a truncated WAV or AU file to the frames that are left.

    Args:
        path: A file that libsndfile reads.
        reported: Number of frames that libsndfile reports.

    Returns:
        Number of frames; None if the header was written before the length was known.
    """
    with path.open("rb") as file:
        header = file.read(24)
    declared = 0
    if header.startswith(b".snd") and len(header) == 24:
        size, encoding, channels = struct.unpack(">8xII4xI", header)
        width = AU_SAMPLE_BYTES.get(encoding, 0) * channels
        declared = size // width if width and size < UNKNOWN_SIZE else 0
    elif header.startswith(b"RIFF"):
        try:
            info = WAVE(path).info
        except mutagen.MutagenError:  # mutagen rejects files that libsndfile decodes
            info = None
        if info is not None and info.length * info.bitrate / 8 < UNKNOWN_SIZE:
            declared = round(info.length * info.sample_rate)
    return max(declared, reported) if reported < UNKNOWN_FRAMES else None


def is_truncated_ogg(path: Path) -> bool:
    """Return whether this is an Ogg file whose last page is incomplete or does not end the stream."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        size = file.seek(0, 2)
        file.seek(max(0, size - 2 * MAX_OGG_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS\0") :]
    is_complete = len(page) >= 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
    return not is_complete or not page[5] & 4
