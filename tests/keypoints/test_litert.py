"""Networks cut down to some of their outputs compute the same; what is no network is refused."""

import numpy as np
import pytest

from kinema.errors import WeightsError
from kinema.keypoints.blazepose import BlazePoseLandmarker
from kinema.keypoints.litert import LiteNetwork
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


def test_without_the_schema_the_whole_network_runs(landmarks_path, monkeypatch):
    monkeypatch.setattr("kinema.keypoints.litert.only_outputs", lambda content, outputs: None)
    lean = LiteNetwork(landmarks_path, outputs=(1, 4))
    assert lean.output_shapes == [(1, 1), (1, 117)]
    assert [value.shape for value in lean(np.zeros((1, 256, 256, 3), np.float32))] == [(1, 1), (1, 117)]


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
