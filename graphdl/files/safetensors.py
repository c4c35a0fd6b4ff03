"""The safetensors format: 8 bytes of length, a JSON header, the arrays one after the other.

    {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}

Every byte is accounted for: the arrays lie without gaps or overlap from the header to the end of the
file. All of that is checked against the size of the file before any array is allocated, and reading
runs nothing. Files of graphdl hold a SHA-256 of themselves, which shows damage (it is no signature).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from graphdl import memory
from graphdl.core.errors import ModelFileError
from graphdl.files import disk

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
CODES = {np.dtype(text).name: code for code, text in DTYPES.items()}
MAX_HEADER = 100_000_000  # bytes; the limit of the format's reference reader
METADATA, DIGEST = "__metadata__", "sha256"
FORMAT = {"format": "graphdl"}  # in the metadata of what is written here
NO_DIGEST = "0" * 64  # stands for the digest while it is computed
PIECE = 2**20


@dataclass(frozen=True)
class Entry:
    """Where an array lies in its file."""

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int  # bytes from the end of the header
    end: int


# ------------------------------------------------------------------ writing


def write(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Replace the file at `path` by one that holds the arrays, by name, and the metadata."""
    # wide dtypes first: then each array lies at a multiple of its item size
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    parts = [_bytes_of(arrays[name]) for name in order]
    header = _header(order, arrays, metadata)
    digest = hashlib.sha256(header)
    for part in parts:
        digest.update(part)
    header = header.replace(NO_DIGEST.encode(), digest.hexdigest().encode(), 1)
    disk.replace(path, [header, *parts])


def _bytes_of(array: np.ndarray) -> memoryview:
    """The array's bytes as the format wants them: C order, little-endian."""
    code = CODES[array.dtype.name]
    plain = np.ascontiguousarray(array, DTYPES[code])
    return plain.reshape(-1).view(np.uint8).data


def _header(
    order: list[str], arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> bytes:
    entries: dict[str, Any] = {METADATA: {DIGEST: NO_DIGEST, **FORMAT, **metadata}}
    place = 0
    for name in order:
        array = arrays[name]
        if name in entries:
            raise ModelFileError(f"an array cannot be called {name!r} in a safetensors file")
        end = place + array.nbytes
        code, shape = CODES[array.dtype.name], list(array.shape)
        entries[name] = {"dtype": code, "shape": shape, "data_offsets": [place, end]}
        place = end
    text = json.dumps(entries, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > MAX_HEADER:
        raise ModelFileError(
            f"the model's description takes {len(text):,} bytes; a safetensors header has at most "
            f"{MAX_HEADER:,}. Keep large arrays in weights, not in arguments of layers"
        )
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


# ------------------------------------------------------------------ reading


class TensorFile:
    """An open safetensors file, checked: `metadata`, `entries`, and `read` for the arrays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = disk.opened(path)
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            self._header = self._read_header()
            self.metadata, self.entries = _parsed(self._header[8:], self._body_size, path)
            self._verify_digest()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def _body_size(self) -> int:
        return self.size - len(self._header)

    def _read_header(self) -> bytes:
        start = self._file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(self.size - 8, MAX_HEADER):
            raise _bad(self.path, "its header is longer than the file (or no header at all)")
        return start + _exactly(self._file, length, self.path)

    def _verify_digest(self) -> None:
        """Compare the file with its SHA-256; those of other programs hold none."""
        given = self.metadata.get(DIGEST)
        if given is None:
            if self.metadata.get("format") == FORMAT["format"]:
                raise _bad(self.path, "it has lost its SHA-256, so it was changed")
            return
        # what is not in the header as it stands (escaped, say) cannot be the digest either
        blank = self._header.replace(given.encode("utf-8", "replace"), NO_DIGEST.encode(), 1)
        digest = hashlib.sha256(blank)
        for piece in self._pieces():
            digest.update(piece)
        if digest.hexdigest() != given:
            raise _bad(self.path, "its content does not match its SHA-256, so it was changed")

    def _pieces(self) -> Iterator[bytes]:
        self._file.seek(len(self._header))
        while piece := self._file.read(PIECE):
            yield piece

    def read(self, names: list[str]) -> dict[str, np.ndarray]:
        """The arrays of these names, all together within the memory that is free."""
        total = sum(self.entries[n].end - self.entries[n].begin for n in names)
        memory.require(f"reading {self.path}", total)
        return {name: self._array(name, self.entries[name]) for name in names}

    def _array(self, name: str, entry: Entry) -> np.ndarray:
        raw = np.empty(entry.end - entry.begin, np.uint8)
        self._file.seek(len(self._header) + entry.begin)
        if self._file.readinto(memoryview(raw)) != raw.size:  # type: ignore[attr-defined]
            raise _bad(self.path, "it became shorter while it was read")
        if entry.dtype.kind == "b" and (raw > 1).any():
            raise _bad(self.path, f"{name!r} holds truth values other than 0 and 1")
        return (
            raw.view(entry.dtype)
            .reshape(entry.shape)
            .astype(entry.dtype.newbyteorder("="), copy=False)
        )


def _exactly(file: BinaryIO, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise _bad(path, "it ends within its header")
    return data


def _bad(path: Path, why: str) -> ModelFileError:
    return ModelFileError(
        f"{path} cannot be read as a model or weights file: {why}. Use another copy of the file; "
        "nothing was changed"
    )


def _parsed(text: bytes, size: int, path: Path) -> tuple[dict[str, str], dict[str, Entry]]:
    """Metadata and arrays of a header, held against the `size` of what follows it."""
    try:
        header = load_json(text)
        if not isinstance(header, dict):
            raise ValueError("its header is not a JSON object")
        metadata = _metadata(header.pop(METADATA, {}))
        entries = {name: _entry(name, value) for name, value in header.items()}
        _no_gaps(entries, size)
    except ValueError as error:
        raise _bad(path, str(error)) from None
    return metadata, entries


def load_json(text: bytes | str) -> Any:
    """Strict JSON: no key twice, no NaN or infinity, no endless nesting. Raises ValueError."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise ValueError("its header is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its header is not JSON ({error})") from None
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.60} stands twice in its JSON")
        found[key] = value
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"its JSON holds {text}, which is no JSON number")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"its JSON holds {text:.30}, which is beyond float64")
    return value


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise ValueError("its metadata is not a map of texts")
    return value


def _entry(name: str, value: Any) -> Entry:
    """One array's dtype, shape and place, each with the other two."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of {name!r:.60} has not just dtype, shape and data_offsets")
    code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise ValueError(f"{name!r:.60} has the dtype {code!r:.30}; known are {', '.join(DTYPES)}")
    if not _sizes(shape) or len(shape) > 64:
        raise ValueError(f"{name!r:.60} has the shape {shape!r:.60}")
    if not _sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{name!r:.60} has the offsets {offsets!r:.60}")
    dtype, (begin, end) = np.dtype(DTYPES[code]), offsets
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name!r:.60} of shape {shape} and {code} has {end - begin} bytes")
    return Entry(dtype, tuple(shape), begin, end)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def _no_gaps(entries: Mapping[str, Entry], size: int) -> None:
    place = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != place:
            word = "overlaps another array" if entry.begin < place else "leaves a gap before it"
            raise ValueError(f"{name!r:.60} {word}")
        place = entry.end
    if place != size:
        raise ValueError(f"its arrays take {place} bytes, the file has {size} for them")
