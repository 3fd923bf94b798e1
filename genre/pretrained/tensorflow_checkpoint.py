"""Read the tensors of a TensorFlow checkpoint (format V2) without TensorFlow.

The index file is a table of LevelDB: blocks of sorted keys with shared prefixes. Its values are protocol buffers of
type BundleEntryProto, which say where in the data file a tensor lies. Both formats are described in TensorFlow's
core/lib/io/table_format.txt and core/protobuf/tensor_bundle.proto.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER_BYTES = 48
FLOAT, VARINT, BYTES, FIXED32 = 1, 0, 2, 5
"""TensorFlow's number of float32, and the wire types of protocol buffers."""


def read_checkpoint(index: Path, data: Path) -> dict[str, np.ndarray]:
    """Read all float32 tensors of a checkpoint in one data file.

    Args:
        index: Path of the `.index` file.
        data: Path of the `.data-00000-of-00001` file.

    Returns:
        Arrays by variable name.

    Raises:
        ValueError: The files are no such checkpoint.
    """
    table, values = index.read_bytes(), data.read_bytes()
    if len(table) < FOOTER_BYTES or not table.endswith(MAGIC):
        raise ValueError(f"{index} is not the index of a TensorFlow checkpoint")
    footer = table[-FOOTER_BYTES:]
    _, position = _block_handle(footer, 0)  # the metaindex, which is empty
    handle, _ = _block_handle(footer, position)
    tensors = {}
    for _, value in _entries(_block(table, handle)):
        for key, entry in _entries(_block(table, _block_handle(value, 0)[0])):
            if key:  # the empty key holds the header of the bundle
                fields = dict(_fields(entry))
                if fields.get(1) == FLOAT:
                    shape = [dict(_fields(dim)).get(1, 0) for number, dim in _fields(fields.get(2, b"")) if number == 2]
                    offset, size = fields.get(4, 0), fields[5]
                    array = np.frombuffer(values[offset : offset + size], "<f4")
                    tensors[key.decode()] = array.reshape(shape)
    return tensors


def _block(table: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    if table[offset + size] != 0:
        raise ValueError("compressed blocks are not supported")
    return table[offset : offset + size]


def _block_handle(content: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and the position behind them."""
    offset, position = _varint(content, position)
    size, position = _varint(content, position)
    return (offset, size), position


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; a key holds only what differs from the key before."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        size, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + size]
        position += size


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers of a protocol buffer, and their values: int or bytes."""
    position = 0
    value: int | bytes
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == VARINT:
            value, position = _varint(message, position)
        elif kind == BYTES:
            size, position = _varint(message, position)
            value, position = message[position : position + size], position + size
        elif kind == FIXED32:
            value, position = message[position : position + 4], position + 4
        else:
            raise ValueError(f"wire type {kind} does not occur in a checkpoint")
        yield tag >> 3, value


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Number with seven bits per byte, lowest first, and the position behind it."""
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
