"""Parse the frame headers of MP3 files: the length of a file, and a copy that libsndfile reads to its end.

Without a Xing, Info or VBRI header that it understands, libmpg123 estimates the length from the bit rate of the first
frame, and libsndfile stops reading at that estimate.
"""

from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATES = (44100, 48000, 32000)
BIT_RATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Layer III bit rates in kbit/s by index, for MPEG-1 and for MPEG-2 and 2.5."""
MAX_TRIMMED = 8719
"""Samples that a decoder removes at most: two 12-bit numbers that the encoder declares, and its own delay of 529."""
MAX_JUNK = 1 << 16
"""Number of bytes after the ID3 tags in which the first frame is searched for."""
MIN_INFO_FRAME = 160
"""Bytes of the frame that holds our Info header; libmpg123 ignores it in frames of fewer than 120 bytes."""


@dataclass(frozen=True)
class FrameHeader:
    """The 4 bytes at the start of each frame.

    Attributes:
        raw: The bytes.
        version: 1, 2, or 3 for MPEG-2.5.
        rate: Sample rate in Hz.
        samples: Samples per channel in the frame.
        size: Bytes in the frame, including this header.
        side_info_size: Bytes of side information after the header.
    """

    raw: bytes
    version: int
    rate: int
    samples: int
    size: int
    side_info_size: int

    @classmethod
    def parse(cls, raw: bytes) -> "FrameHeader | None":
        """Parse 4 bytes; return None if they are not the header of a layer III frame."""
        if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xE6 != 0xE2:
            return None
        version = {3: 1, 2: 2, 0: 3}.get(raw[1] >> 3 & 3)
        index, rate_index = raw[2] >> 4, raw[2] >> 2 & 3
        if version is None or index in (0, 15) or rate_index == 3:  # index 0: free bit rate, not used in practice
            return None
        rate = SAMPLE_RATES[rate_index] // (1, 2, 4)[version - 1]
        bits_per_second = 1000 * BIT_RATES[min(version, 2)][index]
        samples = 1152 if version == 1 else 576
        size = samples // 8 * bits_per_second // rate + (raw[2] >> 1 & 1)
        mono = raw[3] >> 6 == 3
        side_info_size = (17 if mono else 32) if version == 1 else (9 if mono else 17)
        return cls(raw, version, rate, samples, size, side_info_size)


@dataclass(frozen=True)
class Mp3:
    """An MP3 file.

    Attributes:
        content: All bytes.
        start: Position of the first frame with audio.
        header: Header of the first frame of the file.
        declared_frames: Number of frames according to a Xing, Info or VBRI header; None without such a header.
    """

    content: bytes
    start: int
    header: FrameHeader
    declared_frames: int | None

    @classmethod
    def read(cls, path: Path) -> "Mp3 | None":
        """Read a file; return None if it contains no layer III frame."""
        content = path.read_bytes()
        first = _skip_id3(content)
        at, header = first - 1, None
        while header is None:
            at = content.find(b"\xff", at + 1, first + MAX_JUNK)
            if at < 0:
                return None
            header = FrameHeader.parse(content[at : at + 4])
            if header and not FrameHeader.parse(content[at + header.size : at + header.size + 4]):
                header = None
        frame = content[at : at + header.size]
        frames = None
        checksum = 0 if header.raw[1] & 1 else 2  # some encoders leave no room for it
        for tag in (4 + header.side_info_size, 4 + header.side_info_size + checksum):
            if frame[tag : tag + 4] in (b"Xing", b"Info"):
                at += header.size
                frames = int.from_bytes(frame[tag + 8 : tag + 12]) if frame[tag + 7] & 1 else None
                break
        else:
            if frame[36:40] == b"VBRI":
                at += header.size
                frames = int.from_bytes(frame[50:54])
        return cls(content, at, header, frames or None)

    def declared_samples(self, reported: int) -> int:
        """Return the number of samples per channel that the file should contain, by its header or its frames.

        The number that the decoder reports is preferred if it agrees: the decoder knows how many samples it trims.
        """
        if self.declared_frames is None:
            return self.count_frames() * self.header.samples
        samples = self.declared_frames * self.header.samples
        return reported if samples - MAX_TRIMMED <= reported <= samples else samples

    def count_frames(self) -> int:
        """Count the complete frames; between frames that are not adjacent, skip to the next one as decoders do."""
        content, end, count, at = self.content, len(self.content), 0, self.start
        sizes: dict[bytes, int] = {}
        while 0 <= at <= end - 4:
            raw = content[at : at + 3]
            if raw not in sizes:
                header = FrameHeader.parse(content[at : at + 4])
                fits = header and (header.version, header.rate) == (self.header.version, self.header.rate)
                sizes[raw] = header.size if header and fits else 0
            if size := sizes[raw]:
                at += size
                count += at <= end
            else:
                at = content.find(b"\xff", at + 1)
        return count

    def with_header(self, samples: int) -> bytes:
        """Return an MP3 file of these frames with an Info header that declares this many samples per channel."""
        raw = bytearray(self.header.raw)
        raw[1] |= 1  # no checksum
        for index in range(1, 15):
            raw[2] = index << 4 | raw[2] & 0x0C
            header = FrameHeader.parse(bytes(raw))
            if header and header.size >= MIN_INFO_FRAME:
                break
        assert header is not None
        frames = -(-samples // header.samples)
        info = bytes(raw) + bytes(header.side_info_size) + b"Info" + (1).to_bytes(4) + frames.to_bytes(4)
        return info.ljust(header.size, b"\0") + self.content[self.start :]


def _skip_id3(content: bytes) -> int:
    """Return the position after the ID3v2 tags at the start of a file."""
    at = 0
    while content[at : at + 3] == b"ID3" and len(content) >= at + 10:
        sizes = content[at + 6 : at + 10]
        at += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(sizes, (21, 14, 7, 0), strict=True))
    return at
