"""satchel.Buffer: bytes of the library, seen without a copy."""

from __future__ import annotations

import array
import gc
import pickle

import pytest

import satchel
from satchel import Buffer


def fetched(content: bytes) -> Buffer:
    satchel.put("mem://buffers/one", content)
    return satchel.get("mem://buffers/one")


def test_it_is_read_in_place() -> None:
    buffer = fetched(b"hello")
    view = memoryview(buffer)
    assert (bytes(view), view.readonly, view.nbytes) == (b"hello", True, 5)
    del buffer
    gc.collect()
    assert bytes(view) == b"hello"


def test_the_protocol_can_be_called() -> None:
    view = fetched(b"hello").__buffer__(0)
    gc.collect()
    assert bytes(view) == b"hello"


def test_it_behaves_like_bytes() -> None:
    buffer = fetched("grüß".encode())
    assert len(buffer) == 6
    assert bytes(buffer) == "grüß".encode()
    assert buffer.decode() == "grüß"
    assert buffer.decode("latin-1") == "grüß".encode().decode("latin-1")
    assert buffer == "grüß".encode() == buffer
    assert buffer != b"other" and buffer != "grüß"
    assert hash(buffer) == hash(bytes(buffer))
    assert (buffer[0], buffer[-1]) == (ord("g"), 0x9F)
    assert repr(buffer) == "<satchel.Buffer of 6 bytes>"


def test_it_slices_without_losing_its_bytes() -> None:
    part = fetched(b"0123456789")[2:8]
    gc.collect()
    assert part == b"234567"
    assert part[1:-1] == b"3456"
    assert part[::2] == b"246"
    assert part[::-1] == b"765432"
    assert part[9:] == b""


def test_an_empty_one() -> None:
    buffer = fetched(b"")
    assert (len(buffer), bytes(buffer), buffer == b"", bytes(memoryview(buffer))) == (
        0,
        b"",
        True,
        b"",
    )
    with pytest.raises(IndexError):
        buffer[0]


def test_a_bad_index_and_bad_text() -> None:
    buffer = fetched(b"\xff")
    with pytest.raises(IndexError):
        buffer[1]
    with pytest.raises(UnicodeDecodeError):
        buffer.decode()
    assert buffer.decode(errors="replace") == "\ufffd"


def test_it_pickles_and_is_made_from_buffers() -> None:
    assert pickle.loads(pickle.dumps(fetched(b"abc"))) == b"abc"
    numbers = array.array("H", [1, 2])
    assert Buffer(numbers) == numbers.tobytes()
    with pytest.raises(TypeError):
        Buffer("text")


@pytest.mark.parametrize(
    "data", [b"x\0y", bytearray(b"x\0y"), memoryview(b"x\0y"), Buffer(b"x\0y")]
)
def test_any_buffer_can_be_stored(data: object) -> None:
    satchel.put("mem://buffers/two", data)
    assert satchel.get("mem://buffers/two") == b"x\0y"


def test_what_is_no_contiguous_buffer_is_refused() -> None:
    with pytest.raises(TypeError):
        satchel.put("mem://buffers/three", "text")
    with pytest.raises(BufferError):
        satchel.put("mem://buffers/three", memoryview(b"abcdef")[::2])
