"""A buffer returns to the pool when its image is gone, and never before."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.video.pool import ImagePool


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_reused():
    pool = ImagePool((4, 5, 3))
    image = pool.take()
    assert (image.shape, image.dtype, image.flags.c_contiguous, image.flags.writeable) == (
        (4, 5, 3),
        np.uint8,
        True,
        True,
    )
    first = address(image)
    del image
    assert address(pool.take()) == first


@pytest.mark.parametrize(
    "hold",
    [
        lambda image: image,
        lambda image: image[1:3],
        lambda image: image[..., 0].T[::2],
        lambda image: image.reshape(-1),
        memoryview,
        lambda image: np.asarray(image).view(np.int8),
        iter,
    ],
    ids=["image", "rows", "strided", "flat", "memoryview", "retyped", "iterator"],
)
def test_referenced_memory_is_not_reused(hold):
    pool = ImagePool((4, 5, 3))
    image = pool.take()
    taken = address(image)
    held = hold(image)
    del image
    others = [pool.take() for _ in range(5)]
    assert taken not in [address(other) for other in others]
    del held
    assert taken in [address(pool.take()) for _ in range(1)]


def test_only_a_few_are_kept():
    pool = ImagePool((100, 100, 3))
    images = [pool.take() for _ in range(20)]
    del images
    assert len(pool._free) == 3
