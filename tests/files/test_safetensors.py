"""The format, held against its reference implementation, and files that lie."""

import json

import numpy as np
import pytest

from graphdl.core.errors import ModelFileError
from graphdl.files.safetensors import DTYPES, NO_DIGEST, TensorFile, write

ARRAYS = {
    code: (np.arange(6) % 2).reshape(2, 3).astype(np.dtype(text).newbyteorder("="))
    for code, text in DTYPES.items()
} | {
    "scalar": np.float64(0.1) * np.ones(()), "empty": np.zeros((0, 3), np.float32),
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(12.0, dtype=np.float32)[::3], "big": np.arange(3, dtype=">i4"),
    "σ/☃ \"\\ \x00": np.array([np.nan, np.inf, -0.0]), "../../x": np.ones(2, np.int64),
}  # fmt: skip


def read(path):
    with TensorFile(path) as file:
        return file.read(list(file.entries)), file.metadata


def equal(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        assert theirs[name].dtype == array.dtype.newbyteorder("="), name
        assert theirs[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes(), name
        assert theirs[name].shape == array.shape, name


def test_what_is_written_is_read(tmp_path):
    write(tmp_path / "f", ARRAYS, {"text": "“☃”"})
    arrays, metadata = read(tmp_path / "f")
    equal(ARRAYS, arrays)
    assert metadata["text"] == "“☃”" and len(metadata["sha256"]) == 64


def test_arrays_are_aligned(tmp_path):
    write(tmp_path / "f", ARRAYS, {})
    header = int.from_bytes((tmp_path / "f").read_bytes()[:8], "little") + 8
    with TensorFile(tmp_path / "f") as file:
        assert all((header + e.begin) % e.dtype.itemsize == 0 for e in file.entries.values())


def test_the_reference_implementation_reads_ours(tmp_path):
    safe = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    write(tmp_path / "f", ARRAYS, {})
    equal(ARRAYS, safe.load_file(tmp_path / "f"))


def test_we_read_the_reference_implementation_s(tmp_path):
    safe = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    plain = {k: np.ascontiguousarray(v.astype(v.dtype.newbyteorder("="))).reshape(v.shape)
             for k, v in ARRAYS.items()}  # fmt: skip
    safe.save_file(plain, tmp_path / "f", {"from": "elsewhere"})
    arrays, metadata = read(tmp_path / "f")
    equal(plain, arrays)
    assert metadata == {"from": "elsewhere"}


# ------------------------------------------------------------------ files that lie


def entry(shape=(2,), dtype="F32", offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


LIES = {
    "shape and bytes differ": ({"a": entry((3,))}, "8 bytes"),
    "huge shape": ({"a": entry((2**40, 2**40))}, "8 bytes"),
    "overflowing shape": ({"a": entry((2**64,))}, "has the shape"),
    "negative shape": ({"a": entry((-2, -1))}, "has the shape"),
    "shape of floats": ({"a": entry((2.0,))}, "has the shape"),
    "shape of truth values": ({"a": entry((True, 2))}, "has the shape"),
    "unknown dtype": ({"a": entry(dtype="BF16")}, "dtype 'BF16'"),
    "dtype is no text": ({"a": entry(dtype=["F32"])}, "dtype"),
    "another dtype": ({"a": entry(dtype="F64")}, "8 bytes"),
    "beyond the file": ({"a": entry((4,), offsets=(0, 16))}, "16 bytes, the file has 8"),
    "backwards": ({"a": entry((2,), offsets=(8, 0))}, "-8 bytes"),
    "negative offset": ({"a": entry((2,), offsets=(-8, 0))}, "has the offsets"),
    "overlap": ({"a": entry(), "b": entry((1,), offsets=(4, 8))}, "overlaps"),
    "gap": ({"a": entry((1,), offsets=(4, 8))}, "gap"),
    "bytes left over": ({"a": entry((1,), offsets=(0, 4))}, "4 bytes, the file has 8"),
    "three offsets": ({"a": entry(offsets=(0, 4, 8))}, "has the offsets"),
    "more keys": ({"a": entry(path="/etc/passwd")}, "just dtype"),
    "no object": ([], "not a JSON object"),
    "metadata of numbers": ({"__metadata__": {"a": 1}, "a": entry()}, "metadata"),
    "truth values": ({"a": entry((8,), "BOOL")}, "truth values"),
    "a wrong digest": ({"__metadata__": {"sha256": "0" * 63 + "1"}, "a": entry()}, "SHA-256"),
    "a digest of nothing": ({"__metadata__": {"sha256": ""}, "a": entry()}, "SHA-256"),
    "a digest of half a pair": ({"__metadata__": {"sha256": "\ud800"}, "a": entry()}, "SHA-256"),
}
TEXTS = {
    "not JSON": (b"{", "not JSON"),
    "not UTF-8": (b'{"\xff": 1}', "not UTF-8"),
    "a key twice": (b'{"a": 1, "a": 2}', "stands twice"),
    "NaN": (b'{"a": NaN}', "NaN"),
    "1e999": (b'{"a": 1e999}', "beyond float64"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "a long number": (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
    "nothing": (b"", "not JSON"),
}


def lie(path, text, body=b"\x02" * 8, length=None):
    length = len(text) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + text + body)
    with pytest.raises(ModelFileError) as error, TensorFile(path) as file:
        file.read(list(file.entries))
    assert str(path) in str(error.value) and "another copy" in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", list(LIES))
def test_a_header_that_lies(tmp_path, name):
    header, words = LIES[name]
    assert words in lie(tmp_path / "f", json.dumps(header).encode())


@pytest.mark.parametrize("name", list(TEXTS))
def test_a_header_that_is_none(tmp_path, name):
    text, words = TEXTS[name]
    assert words in lie(tmp_path / "f", text)


@pytest.mark.parametrize("length", [9, 2**40, 2**64 - 1])
def test_a_header_longer_than_the_file(tmp_path, length):
    assert "longer than the file" in lie(tmp_path / "f", b"", length=length)


def test_every_cut_and_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "f"
    write(path, {"a": np.arange(4.0), "b": np.ones(3, bool)}, {"k": "v"})
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(len(whole))] + [whole + b"\0"]
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ModelFileError):
            read(path)


def test_the_digest_is_of_the_file_with_zeros_in_its_place(tmp_path):
    import hashlib

    write(tmp_path / "f", {"a": np.arange(4.0)}, {})
    content = (tmp_path / "f").read_bytes()
    _, metadata = read(tmp_path / "f")
    blank = content.replace(metadata["sha256"].encode(), NO_DIGEST.encode())
    assert hashlib.sha256(blank).hexdigest() == metadata["sha256"]
