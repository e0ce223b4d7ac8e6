"""Networks of strangers: what is refused before it runs, and that honest ones pass."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.mixer.onnx_run import NETWORK_FILE
from kinema.models.onnx_check import check_network
from kinema.models.onnx_model import Model
from kinema.models.refiner import load_refiner
from tests.hostile.values import NETWORKS, network


def test_the_bundled_network_would_pass():
    check_network(Path(str(files("kinema.models.mixer").joinpath(NETWORK_FILE))))


def test_shapes_may_depend_on_the_shape_of_the_input_but_not_on_its_values(tmp_path):
    def by_shape(model: Model, x: str) -> str:
        zeros = model.add("ConstantOfShape", [model.add("Shape", [x])])
        return model.add("Add", [x, zeros])

    path = tmp_path / "refiner.onnx"
    path.write_bytes(network(by_shape, rate=30, representation="3d"))
    refiner = load_refiner(path)
    windows = np.ones((2, 8, 72))
    assert np.array_equal(refiner.run(windows), windows)
    path.write_bytes(NETWORKS["measured.onnx"]())
    with pytest.raises(InputError, match="depends on the values of its input"):
        load_refiner(path)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("loop.onnx", "operator 'Loop'"), ("if.onnx", "operator 'If'"), ("large.onnx", "was not run"),
        ("nan.onnx", "not finite"), ("shape.onnx", "returns"), ("rate.onnx", "not a number"),
        ("rate_huge.onnx", "rate must be a"), ("representation.onnx", "does not know"), ("cut.onnx", "truncated"),
        ("junk.onnx", "truncated or damaged"), ("empty.onnx", "no network"),
    ],
)  # fmt: skip
def test_hostile_networks(tmp_path, name, word):
    (tmp_path / name).write_bytes(NETWORKS[name]())
    with pytest.raises(InputError, match=word):
        load_refiner(tmp_path / name)
