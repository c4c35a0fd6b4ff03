"""Host arrays and the device memory that stands for them.

A mirror lives as long as somebody who placed its array. Arrays that two programs are given are
uploaded once; one that comes in the place of another, of the same size, takes over its memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import RLock
from typing import Any, Protocol

import numpy as np

from codegen.cuda.interface import Device

Key = tuple[str, int, int]  # what it is, where it lies, its bytes


class Mirror:
    """Device memory for one host array, which it keeps alive; allocated when it is first asked for."""

    def __init__(self, device: Device, host: np.ndarray) -> None:
        self.device, self.host = device, host
        self.stale = True  # has the host written since the upload?
        self._coming: Any = None  # the moment after what was last uploaded aside
        self.holders: weakref.WeakSet[Any] = weakref.WeakSet()
        # of variables, by where they begin
        self.values: weakref.WeakValueDictionary[int, Value] = weakref.WeakValueDictionary()
        self._address: int | None = None

    @property
    def needed(self) -> int:
        """Bytes of the device that are still to be had."""
        return 0 if self._address is not None else self.host.nbytes

    @property
    def address(self) -> int:
        if self._address is None:
            self._address = allocated(self, self.device, self.host.nbytes, "an array")
        return self._address

    def place_of(self, array: Any) -> int:
        """Where an array that lies in the host array is on the device."""
        offset = array.ctypes.data - self.host.ctypes.data
        assert 0 <= offset <= self.host.nbytes - array.nbytes, "the array lies elsewhere"
        return self.address + offset

    def renew(self) -> None:
        """Upload what the host has written."""
        self._arrive()
        if self.stale:
            self.device.upload(self.address, self.host)
            self.stale = False

    def supply(self, part: np.ndarray, aside: bool) -> None:
        """Upload a part of the host array that was written now, the parts before it having come before.

        aside: while the device works on other parts. A part at the beginning begins all anew: what
        follows it is not there yet, and nobody reads it.
        """
        if part.ctypes.data == self.host.ctypes.data:
            self.stale = False
        if self.stale:  # all of it will be uploaded
            return
        if aside:
            self._coming = self.device.upload_aside(self.place_of(part), part)
        else:
            self._arrive()
            self.device.upload(self.place_of(part), part)

    def _arrive(self) -> None:
        """What is asked of the device from here on comes after what was uploaded aside."""
        if self._coming is not None:
            self.device.wait(self._coming)
            self._coming = None


class Mirrors:
    """All mirrors on a device."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._known: weakref.WeakValueDictionary[Key, Mirror] = weakref.WeakValueDictionary()

    def of_data(self, array: np.ndarray, holder: Any, before: Mirror | None) -> Mirror:
        """The mirror of an array of data; `before` is the one in whose place it comes."""
        key = _key("data", array)
        found = self._known.get(key)
        if found is None and before is not None and _is_spare(before, array, holder):
            self._known.pop(_key("data", before.host), None)
            before.host, before.stale, found = array, True, before
        return self._held(key, found or Mirror(self._device, array), holder)

    def of_variable(self, array: np.ndarray, holder: Any) -> Mirror:
        """The mirror of the memory in which a variable lies, with others or alone."""
        base = base_of(array)
        key = _key("variable", base)
        return self._held(key, self._known.get(key) or Mirror(self._device, base), holder)

    def find(self, array: np.ndarray) -> Mirror | None:
        """The mirror of an array of data, if it has one."""
        return self._known.get(_key("data", array))

    def renew(self, array: np.ndarray) -> None:
        """The host may have written into this array of data."""
        found = self.find(array)
        if found is not None:
            found.stale = True

    def _held(self, key: Key, mirror: Mirror, holder: Any) -> Mirror:
        self._known[key] = mirror
        mirror.holders.add(holder)
        return mirror


def _is_spare(mirror: Mirror, array: np.ndarray, holder: Any) -> bool:
    return mirror.host.nbytes == array.nbytes and set(mirror.holders) == {holder}


def _key(kind: str, array: np.ndarray) -> Key:
    return kind, array.ctypes.data, array.nbytes


def base_of(array: np.ndarray) -> np.ndarray:
    """The array in whose memory this one lies."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def allocated(owner: object, device: Device, nbytes: int, what: str) -> int:
    """Memory that is given back when its owner ends."""
    address = device.allocate(max(1, nbytes), what)
    weakref.finalize(owner, device.free, address).atexit = False  # the driver frees all by then
    return address


# ------------------------------------------------------------------ variables


class Owner(Protocol):
    """A variable, as whoever made the program knows it."""

    @property
    def array(self) -> np.ndarray:
        """Its place on the host, whatever stands there."""
        ...

    @property
    def is_home(self) -> bool:
        """Is the value the host's, which may change it at any time?"""
        ...

    def leave(self, fetch: Callable[[], None], lock: RLock) -> None:
        """The device has the value until the host asks: then `fetch` is called, under the lock."""
        ...


class Value:
    """The value of a variable on the device: what programs there share."""

    def __init__(self, mirror: Mirror, array: np.ndarray) -> None:
        self._mirror, self._array = mirror, array
        self.changed = False  # since it left the host

    def take(self, owner: Owner) -> None:
        """Bring the value here, unless it is here."""
        if owner.is_home:
            device = self._mirror.device
            device.upload(self._mirror.place_of(self._array), self._array)
            self.changed = False
            owner.leave(self._fetch, device.lock)

    def _fetch(self) -> None:
        """Bring the value back to the host, if it is another one by now and can be read."""
        device = self._mirror.device
        if self.changed and not device.lost:
            device.download(self._mirror.place_of(self._array), self._array)


def value_of(mirror: Mirror, array: np.ndarray) -> Value:
    """The value that lies in this part of a mirror."""
    return mirror.values.setdefault(array.ctypes.data, Value(mirror, array))
