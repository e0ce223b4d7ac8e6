"""Networks of depth in metres from ONNX files: what they are given, what they may give, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinema.camera.depth_maps import SeenDepth
from kinema.camera.options import CameraOptions
from kinema.errors import InputError, UsageError
from kinema.models.metric_depth.families import FAMILIES, family_named
from kinema.models.metric_depth.onnx_run import DepthNetwork, check_depth_network
from tests.helpers.picture_networks import Graph


def red_network(path: Path, family: str, *, shape=(1, 3, 32, 48), factor: float = 10.0, outputs: int = 1) -> Path:
    """A network whose depth is so many metres at full red, by what its family makes of red."""
    graph = Graph(shape)
    wants = FAMILIES[family]
    red = graph.add("Slice", ["input", graph.constant([0]), graph.constant([1]), graph.constant([1])])
    scaled = graph.add("Mul", [red, graph.constant([factor * float(wants.std[0])])])
    depth = graph.add("Add", [scaled, graph.constant([factor * float(wants.mean[0])])])
    for number in range(outputs):
        graph.output(f"depth{number}", depth, (shape[0], 1, *shape[2:]))
    return graph.save(path)


def ramp(height: int = 60, width: int = 90) -> np.ndarray:
    """A picture whose red grows from left to right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(20, 250, width).astype(np.uint8)
    return picture


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_each_family_is_given_what_it_wants(family, tmp_path):
    """The depth is what was built in, to the half step of a pixel that resizing blends."""
    network = DepthNetwork(red_network(tmp_path / "d.onnx", family), family_named(family))
    depth = network(ramp())
    assert depth.shape == (32, 48)
    expected = 10 * np.interp((np.arange(48) + 0.5) * 90 / 48 - 0.5, np.arange(90), ramp()[0, :, 0]) / 255
    np.testing.assert_allclose(depth[16], expected, atol=0.1)


def test_a_file_that_leaves_the_size_open_gets_the_family_s(tmp_path):
    path = red_network(tmp_path / "d.onnx", "depth-anything", shape=(1, 3, "height", "width"))
    check_depth_network(path)
    assert DepthNetwork(path, family_named("depth-anything"))(ramp()).shape == (518, 518)


def test_depths_that_cannot_be_metres_are_refused(tmp_path):
    path = red_network(tmp_path / "relative.onnx", "plain", factor=90000.0)
    with pytest.raises(InputError, match=r"relative.onnx gives a median depth of .* cannot be metres"):
        DepthNetwork(path, family_named("plain"))(ramp())


def test_unknown_depths_are_zero(tmp_path):
    network = DepthNetwork(red_network(tmp_path / "d.onnx", "plain"), family_named("plain"))
    picture = ramp()
    picture[:20, :, 0] = 0
    assert (network(picture)[:8] == 0).all()


def test_files_that_are_none_are_refused(tmp_path):
    two = red_network(tmp_path / "two.onnx", "plain", outputs=2)
    with pytest.raises(InputError, match="is not a depth network: for an image of 48 x 32 pixels it gives"):
        DepthNetwork(two, family_named("plain"))
    (tmp_path / "torn.onnx").write_bytes(two.read_bytes()[:100])
    with pytest.raises(InputError, match="torn"):
        check_depth_network(tmp_path / "torn.onnx")
    with pytest.raises(InputError, match=r"none.onnx cannot be read"):
        check_depth_network(tmp_path / "none.onnx")


def test_settings_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(UsageError, match="`depth_family` must be one of zoedepth, depth-anything, plain"):
        CameraOptions(method="droid", depth_family="midas")
    with pytest.raises(UsageError, match="`depth_network` must go with `camera_method` droid"):
        CameraOptions(depth_network=tmp_path / "d.onnx")
    with pytest.raises(UsageError, match="`depth_network` must not go with `depth`"):
        CameraOptions(method="droid", depth=tmp_path, depth_network=tmp_path / "d.onnx")


def test_a_clip_s_pictures_are_looked_at_once(tmp_path):
    class Pictures:
        reads = 0

        def read(self, frames):
            self.reads += 1
            return ((number, ramp(), np.zeros((60, 90), bool)) for number in frames)

    seen, pictures = (
        SeenDepth(DepthNetwork(red_network(tmp_path / "d.onnx", "plain"), family_named("plain"))),
        Pictures(),
    )
    found = dict(seen.of([3, 5], pictures))
    assert list(found) == [3, 5]
    assert found[3].shape == (32, 48)
    assert pictures.reads == 1
    assert 77 in seen
    assert not dict(seen.of([], pictures))
