"""Frame headers of MPEG layer III: how long an mp3 is, and a copy that libsndfile reads to its end.

libmpg123 guesses the length of a stream without a header that it understands from the bit rate of the first frame,
and libsndfile reads no further than that guess.
"""

from dataclasses import dataclass
from pathlib import Path

RATES = (44100, 48000, 32000)
KBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of layer III in kbit/s by their index; the second row is for MPEG-2 and 2.5."""
TRIMMED = 8719
"""Samples that a decoder cuts off at most: two numbers of 12 bits that the encoder states, and 529 of its own delay."""
LONGEST_JUNK = 1 << 16
"""Bytes before the first frame that are not an ID3 tag."""
INFO_BYTES = 160
"""libmpg123 looks for a header in frames of 120 bytes and more only."""


@dataclass(frozen=True)
class FrameHeader:
    """The 4 bytes before each frame.

    Attributes:
        raw: The bytes.
        version: 1, 2, or 3 for MPEG-2.5.
        rate: Sample rate in Hz.
        size: Bytes of the frame, this header included.
    """

    raw: bytes
    version: int
    rate: int
    size: int

    @classmethod
    def parse(cls, raw: bytes) -> "FrameHeader | None":
        """Parse 4 bytes; None where they do not begin a frame of layer III."""
        if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xE6 != 0xE2:
            return None
        version = {3: 1, 2: 2, 0: 3}.get(raw[1] >> 3 & 3)
        index, rate_index = raw[2] >> 4, raw[2] >> 2 & 3
        if version is None or index in (0, 15) or rate_index == 3:  # index 0 is a free bit rate, which nobody uses
            return None
        rate = RATES[rate_index] // (1, 2, 4)[version - 1]
        kbits = KBITS[min(version, 2)][index]
        size = (144 if version == 1 else 72) * 1000 * kbits // rate + (raw[2] >> 1 & 1)
        return cls(raw, version, rate, size)

    @property
    def samples(self) -> int:
        """Samples per channel and frame."""
        return 1152 if self.version == 1 else 576

    @property
    def side_bytes(self) -> int:
        """Bytes of side information that follow the header."""
        mono = self.raw[3] >> 6 == 3
        return (17 if mono else 32) if self.version == 1 else (9 if mono else 17)


@dataclass(frozen=True)
class Mp3:
    """An mp3 file.

    Attributes:
        content: All bytes.
        start: Where the first frame with sound begins.
        header: Header of that frame.
        frames: Frames that the Xing, Info or VBRI header counts; None without such a header.
    """

    content: bytes
    start: int
    header: FrameHeader
    frames: int | None

    @classmethod
    def read(cls, path: Path) -> "Mp3 | None":
        """Read a file; None where no frame of layer III is found."""
        content = path.read_bytes()
        start = _after_id3(content)
        at, header = start - 1, None
        while header is None:
            at = content.find(b"\xff", at + 1, start + LONGEST_JUNK)
            if at < 0:
                return None
            header = FrameHeader.parse(content[at : at + 4])
            if header and not FrameHeader.parse(content[at + header.size : at + header.size + 4]):
                header = None
        frame = content[at : at + header.size]
        frames = None
        checksum = 0 if header.raw[1] & 1 else 2  # some encoders leave no room for it
        for tag in (4 + header.side_bytes, 4 + header.side_bytes + checksum):
            if frame[tag : tag + 4] in (b"Xing", b"Info"):
                at += header.size
                frames = int.from_bytes(frame[tag + 8 : tag + 12]) if frame[tag + 7] & 1 else None
                break
        else:
            if frame[36:40] == b"VBRI":
                at += header.size
                frames = int.from_bytes(frame[50:54])
        return cls(content, at, header, frames or None)

    def promised(self, claimed: int) -> int:
        """Samples per channel that the file promises.

        Args:
            claimed: Samples that the decoder expects. They count where they agree with the header: a decoder knows how
                much it cuts off.

        Returns:
            The samples that the header counts, or those of all frames where there is no header.
        """
        if self.frames is None:
            return self.count() * self.header.samples
        samples = self.frames * self.header.samples
        return claimed if samples - TRIMMED <= claimed <= samples else samples

    def count(self) -> int:
        """Count the whole frames, as a decoder finds them: where one does not follow another, at the next that does."""
        content, end, count, at = self.content, len(self.content), 0, self.start
        sizes: dict[bytes, int] = {}
        while at + 4 <= end:
            raw = content[at : at + 3]
            size = sizes.get(raw)
            if size is None:
                header = FrameHeader.parse(content[at : at + 4])
                fits = header and (header.version, header.rate) == (self.header.version, self.header.rate)
                size = sizes[raw] = header.size if header and fits else 0
            if not size:
                at = content.find(b"\xff", at + 1)
                if at < 0:
                    break
                continue
            at += size
            count += at <= end
        return count

    def with_header(self, samples: int) -> bytes:
        """Copy the frames behind an Info header of our own, without any tags.

        Args:
            samples: Samples per channel to promise.

        Returns:
            The content of an mp3 file.
        """
        raw = bytearray(self.header.raw)
        raw[1] |= 1  # no checksum
        for index in range(1, 15):
            raw[2] = index << 4 | raw[2] & 0x0C
            header = FrameHeader.parse(bytes(raw))
            if header and header.size >= INFO_BYTES:
                break
        assert header is not None
        frames = -(-samples // header.samples)
        info = bytes(raw) + bytes(header.side_bytes) + b"Info" + (1).to_bytes(4) + frames.to_bytes(4)
        return info.ljust(header.size, b"\0") + self.content[self.start :]


def _after_id3(content: bytes) -> int:
    """Where the ID3v2 tags at the beginning end."""
    at = 0
    while content[at : at + 3] == b"ID3" and len(content) >= at + 10:
        sizes = content[at + 6 : at + 10]
        at += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(sizes, (21, 14, 7, 0), strict=True))
    return at
