"""From pixels to the world as the authors' programs for ordinary video compute it, against their recorded outputs."""

from __future__ import annotations

import pytest

from kinema.lifting.inputs import to_screen
from kinema.lifting.published import SIZE, lift_as_published, to_published_world
from kinema.models.pstmo.lifter import open_lifter as open_pstmo
from kinema.models.pstmo.lifter import window_places
from kinema.models.videopose3d.lifter import open_lifter as open_videopose3d
from tests.helpers.goldens import each_case, recording, seeded_tensors
from tests.helpers.recorded_refiners import assert_close

pytestmark = pytest.mark.golden


def test_videopose3d_from_pixels_to_the_world():
    golden = recording("videopose3d/golden.npz")
    network = open_videopose3d(seeded_tensors("videopose3d/manifest_d243.json"), "d243")
    pixels = golden["flow.kpts_px"]
    assert_close(to_screen(pixels, *SIZE, SIZE[0]), golden["flow.kpts_norm"], 2e-7)  # of float32 pixels
    assert_close(lift_as_published(network, pixels, centred=False), golden["flow.pred_camera"])
    assert_close(to_published_world(golden["flow.pred_camera"]), golden["flow.pred_world"])


def test_pstmo_from_pixels_to_the_world():
    golden = recording("pstmo/golden_pipeline.npz")
    network = open_pstmo(seeded_tensors("pstmo/manifest_stmo_s_243.json"), "s243")
    assert_close(lift_as_published(network, golden["itw.kpts_px"], centred=True), golden["itw.pred_camera"])
    assert_close(to_published_world(golden["itw.pred_camera"]), golden["itw.pred_world"])


@each_case("stride,where", "pstmo/golden_pipeline.npz", r"tds(\d+)\.index_(\w+)")
def test_the_frames_of_a_window(stride, where):
    golden = recording("pstmo/golden_pipeline.npz")
    want = golden[f"tds{stride}.index_{where}"]
    places = window_places(len(want), stride)
    clipped = [(frame + places).clip(0, int(golden["tds.length"]) - 1).tolist() for frame in golden["tds.frames"]]
    assert want.tolist() in clipped
