"""Arrays on the device: programs take them where they lie, and put their outputs there."""

import gc

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import dlpack
from codegen.cuda.arrays import DeviceArray
from codegen.cuda.current import current_device
from codegen.cuda.taking import to_device

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


class Interface:
    """An array as another library would show it."""

    def __init__(self, array, **other):
        self.__cuda_array_interface__ = array.__cuda_array_interface__ | other
        self._array = array


class Packed:
    def __init__(self, array, capsule):
        self.__dlpack_device__, self._capsule = array.__dlpack_device__, capsule

    def __dlpack__(self, *, stream=None):  # of a library from before versions
        return self._capsule


def test_there_and_back():
    made = to_device(VALUES)
    assert (made.shape, made.dtype, made.ndim, made.size, made.nbytes) == ((3, 4), "f4", 2, 12, 48)
    np.testing.assert_array_equal(made.numpy(), VALUES)
    np.testing.assert_array_equal(np.asarray(made.reshape((4, 3))), VALUES.reshape(4, 3))
    assert to_device(made) is made and to_device(np.float32(2)).shape == ()
    with pytest.raises(ValueError, match="12 elements cannot have the shape"):
        made.reshape(5)


def test_a_program_puts_its_outputs_where_its_inputs_lie():
    x, y = gd.tensor("x", ("n", 4)), gd.tensor("y", (4,))
    f = gd.function([x, y], [gd.tanh(x) * y, gd.sum(x)], target="cuda")
    wanted = f(VALUES, VALUES[0])
    for given in ((to_device(VALUES), VALUES[0]), (VALUES, Interface(to_device(VALUES[0])))):
        made = f(*given)
        assert all(isinstance(m, DeviceArray) for m in made)
        for a, b in zip(made, wanted, strict=True):
            np.testing.assert_array_equal(a.numpy(), b)
    assert isinstance(f(VALUES, VALUES[0])[0], np.ndarray)


def test_what_one_program_made_the_next_takes():
    x = gd.tensor("x", ("n", 4))
    f = gd.function([x], x + 1, target="cuda")
    one = f(to_device(VALUES))
    two = f(one)
    np.testing.assert_array_equal(one.numpy(), VALUES + 1)  # a fresh array for each output
    np.testing.assert_array_equal(two.numpy(), VALUES + 2)


def test_a_prepared_function_and_the_cpu_take_a_copy():
    x = gd.tensor("x", (3, 4))
    made = to_device(VALUES)
    f = gd.function([x], x * 2, target="cuda")
    np.testing.assert_array_equal(f.prepared(VALUES)(made), VALUES * 2)
    np.testing.assert_array_equal(gd.function([x], x * 2, target="python")(made), VALUES * 2)


def test_another_dtype_is_refused():
    x = gd.tensor("x", ("n", 4), "float64")
    with pytest.raises(gd.errors.DTypeError, match="expected float64, got float32 on the GPU"):
        gd.function([x], x, target="cuda")(to_device(VALUES))
    x = gd.tensor("x", ("n", 5))
    with pytest.raises(gd.errors.ShapeError):
        gd.function([x], x, target="cuda")(to_device(VALUES))


@pytest.mark.parametrize("version", [None, (1, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_a_capsule_says_what_it_holds(version, dtype):
    made = to_device(VALUES.astype(dtype))
    block = dlpack.take(made.__dlpack__(stream=-1, max_version=version))
    assert (block.address, block.shape, block.dtype) == (made.address, (3, 4), made.dtype)
    block.done()


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_memory_lives_until_its_consumer_is_done(version):
    device = current_device()
    gc.collect()
    free = device.memory()[0]
    made = to_device(VALUES)
    taken = to_device(Packed(made, made.__dlpack__(stream=-1, max_version=version)))
    del made
    gc.collect()
    np.testing.assert_array_equal(taken.numpy(), VALUES)
    del taken
    gc.collect()
    assert device.memory()[0] == free and not dlpack._given


def test_a_capsule_that_nobody_took_gives_its_memory_back():
    free = current_device().memory()[0]
    capsule = to_device(VALUES).__dlpack__(stream=-1)
    assert current_device().memory()[0] < free
    del capsule
    gc.collect()
    assert current_device().memory()[0] == free


def test_what_is_refused():
    made = to_device(VALUES)
    capsule = made.__dlpack__(stream=-1)
    dlpack.take(capsule).done()
    with pytest.raises(BufferError, match="was taken before"):
        dlpack.take(capsule)
    with pytest.raises(BufferError, match="stream 0"):
        made.__dlpack__(stream=0)
    with pytest.raises(BufferError, match="where it lies"):
        made.__dlpack__(dl_device=(1, 0))
    with pytest.raises(BufferError, match="C order"):
        to_device(Interface(made, strides=(4, 12)))
    with pytest.raises(BufferError, match="without a mask"):
        to_device(Interface(made, mask=made))
    assert to_device(Interface(made, strides=(16, 4))).address == made.address
