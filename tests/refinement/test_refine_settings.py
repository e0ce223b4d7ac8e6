"""A run's refiner: chosen by name, validated up front, in place of the filter."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import chain
from kinema.refinement.settings import RefineSettings
from tests.helpers.averaging import averaging_tensors


def names(options: RunOptions) -> list[str]:
    return [step.stage.name for step in chain(options)]


def test_a_network_takes_the_filters_place(tmp_path):
    assert names(RunOptions.of()) == ["track", "camera", "fit", "filter", "world"]
    file = tmp_path / "net.npz"
    np.savez(file, **averaging_tensors(16))
    options = RunOptions.of(refine="smoothnet", refiner_checkpoint=file, window_size=16, representation="smpl")
    assert names(options) == ["track", "camera", "fit", "refine", "world"]
    assert options.refine.given() == {"checkpoint": file, "window_size": 16, "representation": "smpl"}


def test_another_file_of_the_same_name_is_another_run(tmp_path):
    file = tmp_path / "net.npz"
    shas = []
    for value in (0, 1):
        np.savez(file, **(averaging_tensors(8) | {"decoder.bias": np.full(8, value, np.float32)}))
        step = chain(RunOptions.of(refine="smoothnet", refiner_checkpoint=file))[3]
        shas.append(step.weights(None)["net.npz"])
    assert shas[0] != shas[1]


def test_settings_that_make_no_sense_are_refused_before_the_run(tmp_path):
    with pytest.raises(UsageError, match="`refine` takes a network or preset; for savgol set `filter` to savgol"):
        RunOptions.of(refine="savgol")
    with pytest.raises(UsageError, match="unknown refiner 'magic'"):
        RunOptions.of(refine="magic")
    with pytest.raises(UsageError, match="`window_size` and `representation` need a `refine` method"):
        RunOptions.of(window_size=8)
    with pytest.raises(InputError, match="there is no checkpoint"):
        RunOptions.of(refine="smoothnet", refiner_checkpoint=tmp_path / "none.pth")
    with pytest.raises(UsageError, match="`window_size` must lie between 2 and 1000"):
        RefineSettings("smoothnet", window_size=1)
