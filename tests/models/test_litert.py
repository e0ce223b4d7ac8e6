"""Networks pruned to some of their outputs compute the same; other files are rejected."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.errors import UsageError, WeightsError
from kinema.models import litert
from kinema.models.blazepose.landmarks import BlazePoseLandmarker
from kinema.models.litert import LiteNetwork
from kinema.models.tflite import only_outputs
from kinema.weights import locate


@pytest.fixture
def landmarks_path(networks):
    return locate("blazepose-landmarks-full").path


def test_a_network_without_a_branch_gives_the_same_numbers(landmarks_path):
    whole = LiteNetwork(landmarks_path)
    lean = LiteNetwork(landmarks_path, outputs=(0, 1, 3, 4))
    tensor = np.random.default_rng(1).random(whole.input_shape, dtype=np.float32)
    expected = whole(tensor)
    for place, value in zip((0, 1, 3, 4), lean(tensor), strict=True):
        np.testing.assert_array_equal(value, expected[place])
    assert lean.output_shapes == [whole.output_shapes[place] for place in (0, 1, 3, 4)]


@pytest.mark.parametrize("outputs", [(1, 4), (4, 1), (3,), (0, 1, 2, 3, 4)])
def test_any_outputs_in_any_order(landmarks_path, outputs):
    whole = LiteNetwork(landmarks_path)
    some = LiteNetwork(landmarks_path, outputs=outputs)
    tensor = np.random.default_rng(2).random(whole.input_shape, dtype=np.float32)
    expected = whole(tensor)
    for place, value in zip(outputs, some(tensor), strict=True):
        np.testing.assert_array_equal(value, expected[place])


def test_an_output_that_does_not_exist_is_refused(landmarks_path):
    with pytest.raises(WeightsError, match="unreadable graph"):
        LiteNetwork(landmarks_path, outputs=(0, 5))


def test_a_corrupt_graph_is_pruned_or_rejected_but_nothing_else(landmarks_path):
    """Only the small tables at the file's ends are corrupted: the weights between them are just numbers."""
    content = landmarks_path.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 40)):
            damaged[rng.integers(8, 4000) if rng.random() < 0.5 else -rng.integers(1, 60_000)] = rng.integers(256)
        with contextlib.suppress(ValueError):
            assert only_outputs(bytes(damaged), (0, 1))[4:8] == b"TFL3"


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x1c\x00\x00\x00TFL3" + bytes(40)])
def test_a_file_that_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    for outputs in (None, (0,)):
        with pytest.raises(WeightsError, match=r"bad\.tflite"):
            LiteNetwork(path, outputs=outputs)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="fetch the weights again"):
        LiteNetwork(tmp_path / "absent.tflite")


def test_another_network_is_refused(networks):
    with pytest.raises(WeightsError, match=r"fetch (them|the weights) again"):
        BlazePoseLandmarker(locate("blazepose-detector").path)


class FromTensorFlow:
    """Stands for tensorflow.lite.Interpreter, which is the same class."""

    def __init__(self, **given):
        from ai_edge_litert.interpreter import Interpreter

        self.same = Interpreter(**given)

    def __getattr__(self, name):
        return getattr(self.same, name)


def test_tensorflow_runs_the_networks_where_litert_has_no_package(landmarks_path, monkeypatch):
    real = litert.import_native
    tensorflow = SimpleNamespace(lite=SimpleNamespace(Interpreter=FromTensorFlow))

    def without_litert(name):
        if name == "ai_edge_litert.interpreter":
            raise ModuleNotFoundError("No module named 'ai_edge_litert'", name="ai_edge_litert")
        return tensorflow if name == "tensorflow" else real(name)

    expected = LiteNetwork(landmarks_path)
    tensor = np.random.default_rng(1).random(expected.input_shape, dtype=np.float32)
    monkeypatch.setattr(litert, "import_native", without_litert)
    for value, other in zip(LiteNetwork(landmarks_path)(tensor), expected(tensor), strict=True):
        np.testing.assert_array_equal(value, other)


def test_without_either_the_error_says_what_to_install(tmp_path, monkeypatch):
    def nothing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(litert, "import_native", nothing)
    with pytest.raises(UsageError, match=r"no package for this system; .* pip install 'kinema\[tensorflow\]'"):
        LiteNetwork(tmp_path / "any.tflite")
