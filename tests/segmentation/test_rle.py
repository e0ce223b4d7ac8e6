"""COCO's run-length text against pycocotools and the recorded outputs of the NLF pipeline's libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.segmentation.cleanup import cleaned
from kinema.segmentation.rle import box_of, decode, decoded, encode, runs_of, text_of
from tests.helpers.goldens import recording

FILE = "stcn/golden.npz"


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_masks_are_those_of_pycocotools(height, width, share, seed):
    coco = pytest.importorskip("pycocotools.mask")
    mask = np.random.default_rng(seed).random((height, width)) < share
    theirs = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    text = encode(mask)
    assert text == theirs["counts"]
    np.testing.assert_array_equal(decode(text, height, width), mask)
    box = box_of(runs_of(mask), height)
    assert (box is None) == (not mask.any())
    if box is not None:
        np.testing.assert_array_equal(box, coco.toBbox(theirs))


def test_long_runs_are_those_of_pycocotools():
    """Twelve million pixels in three runs, whose lengths and differences take five characters."""
    coco = pytest.importorskip("pycocotools.mask")
    mask = np.zeros((3000, 4000), bool)
    mask[:, 1000:1001] = mask[:, 3000:] = True
    assert encode(mask) == coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    np.testing.assert_array_equal(decode(encode(mask), *mask.shape), mask)


@given(st.binary(max_size=40))
def test_bytes_of_strangers_are_a_mask_or_an_error(data):
    try:
        runs = decoded(data, 7, 9)
    except InputError:
        return
    assert runs.min() >= 0
    assert runs.sum() == 63
    np.testing.assert_array_equal(decoded(text_of(runs), 7, 9), runs)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is not run-length text"),
        (b"\xff", "is not run-length text"),
        (b"P", "is not run-length text"),  # says that another character follows
        (b"PPPPPPPP0", "more than 35 bits"),
        (b"1", "do not fill 9x7 pixels"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text, sentence):
    with pytest.raises(InputError, match=sentence):
        decode(text, 7, 9)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def recorded_masks(golden: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.unpackbits(golden[name], axis=-1)[..., : golden["morph_shape"][-1]].astype(bool)


@pytest.mark.golden
def test_the_text_is_the_recorded_one(golden):
    mask = recorded_masks(golden, "morph_in")[0]
    assert encode(mask) == golden["rle_counts"].tobytes()
    assert mask.shape == tuple(golden["rle_size"])
    np.testing.assert_array_equal(box_of(runs_of(mask), len(mask)), golden["rle_bbox"][0])


@pytest.mark.golden
def test_masks_are_cleaned_as_recorded(golden):
    for mask, expected in zip(recorded_masks(golden, "morph_in"), recorded_masks(golden, "morph_out"), strict=True):
        np.testing.assert_array_equal(cleaned(mask), expected)
