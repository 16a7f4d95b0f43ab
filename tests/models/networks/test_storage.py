from __future__ import annotations

import pytest
import torch

from models.networks.storage import DTYPES, Storage, TensorView

ROW = memoryview(bytearray(torch.arange(6.0).numpy().tobytes()))


def test_a_view_is_read_in_plain_order() -> None:
    view = TensorView(Storage(torch.float32, ROW), 1, (2, 2), (1, 2))
    found = view.read()
    assert found.tolist() == [[1, 3], [2, 4]]
    assert found.is_contiguous()


def test_what_is_read_is_a_copy() -> None:
    row = bytearray(ROW)
    found = TensorView.contiguous(Storage(torch.float32, memoryview(row)), [6]).read()
    row[:] = bytes(24)
    assert found.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("is_big_endian", [False, True])
def test_every_type_is_read_in_both_orders_of_bytes(
    dtype: torch.dtype, is_big_endian: bool
) -> None:
    numbers = torch.tensor([0, 1, 1, 0]).to(dtype)
    data = numbers.view(torch.uint8).view(4, -1)
    data = data.flip(1) if is_big_endian else data
    row = memoryview(bytearray(data.contiguous().numpy().tobytes()))
    view = TensorView.contiguous(Storage(dtype, row, is_big_endian), [2, 2])
    assert view.read().tolist() == [[0, 1], [1, 0]]
    assert view.read().dtype == (torch.float32 if dtype.is_floating_point else dtype)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (7,), (1,)),
        (6, (1,), (1,)),
        (0, (2, 2), (1, 5)),
        (0, (1 << 40,), (1,)),
        (1 << 62, (1,), (1,)),
        (0, (1 << 62, 2), (1 << 62, 1)),
    ],
)
def test_a_tensor_that_its_file_does_not_hold_is_refused(
    offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    view = TensorView(Storage(torch.float32, ROW), offset, shape, stride)
    with pytest.raises(ValueError, match="more numbers than its file holds"):
        view.read()


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (-1, (1,), (1,)),
        (0, (-1,), (1,)),
        (0, (2,), (-1,)),
        (0, (1, 1), (1,)),
        (0, (1,) * 17, (1,) * 17),
        (0, (2.0,), (1,)),
        (0, (True,), (1,)),
        (1 << 64, (1,), (1,)),
    ],
)
def test_what_is_no_shape_is_refused(
    offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="no such"):
        TensorView(Storage(torch.float32, ROW), offset, shape, stride)


def test_a_tensor_without_numbers_takes_none() -> None:
    assert TensorView.contiguous(Storage(torch.float32, memoryview(b"")), [0, 4]).read().shape == (
        0,
        4,
    )


def test_a_part_is_cut_out() -> None:
    part = Storage(torch.float32, ROW).part(2, 3)
    assert TensorView.contiguous(part, [3]).read().tolist() == [2, 3, 4]
    with pytest.raises(ValueError, match="outside"):
        Storage(torch.float32).part(0, 1)


def test_bytes_are_numbers_of_a_type() -> None:
    typed = Storage(None, ROW).of_type("torch.float32")
    assert (typed.dtype, typed.count) == (torch.float32, 6)
    assert Storage(None, ROW).of_type("torch.quint8").count == 0
