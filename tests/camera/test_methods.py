"""The registry of methods: one row makes a method of the stage and of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.camera.methods import METHODS, CameraMethod
from kinema.camera.options import CameraOptions
from kinema.camera.stage import find_camera
from kinema.errors import UsageError
from kinema.geometry.camera_path import CameraPath, path_data, path_of
from kinema.motion import Motion
from kinema.stage import Context

TRACKED = Motion(np.arange(4) / 25, 64, 48, data={"camera_motion": {"moving": True}})


def stand(motion: Motion, context: Context, options: CameraOptions) -> Motion:
    frames = motion.num_frames
    path = CameraPath(
        np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), motion.camera.intrinsics, kind="static"
    )
    return motion.replace(data={**motion.data, **path_data(path)})


@pytest.fixture
def method() -> Iterator[CameraMethod]:
    row = METHODS.register(
        CameraMethod(
            "stand",
            "never moves",
            stand,
            networks=lambda options: ("rtmo-s",),
            files=lambda options: {"a.pth": "0" * 64},
        )
    )
    yield row
    METHODS.unregister(row.name)


def test_a_row_is_a_method(method):
    options = CameraOptions(method="stand")
    assert find_camera.needed(TRACKED, options)
    assert find_camera.networks(options) == ("rtmo-s",)
    assert find_camera.files(options) == {"a.pth": "0" * 64}
    found = find_camera(TRACKED, options=options, context=Context(video=object()))  # type: ignore[arg-type]
    assert path_of(found.data).kind == "static"
    assert found.camera.focal_source == "default"


def test_none_needs_no_stage():
    assert not find_camera.needed(TRACKED, CameraOptions(method="none"))
    assert find_camera.needed(TRACKED, CameraOptions())


@pytest.mark.parametrize(("moving", "needed"), [(True, True), (None, True), (False, False)])
def test_the_path_is_looked_for_unless_the_tracker_saw_the_camera_stand(moving, needed):
    seen = TRACKED.replace(data={"camera_motion": {"moving": moving}})
    assert find_camera.needed(seen, CameraOptions()) is needed
    assert not find_camera.needed(Motion(np.arange(4) / 25, 64, 48), CameraOptions())


def test_an_unknown_name_lists_the_known_ones(capsys):
    with pytest.raises(UsageError, match=r"unknown camera method 'magic'; known: classical, droid, none"):
        CameraOptions(method="magic")
    assert main(["camera", "clip.mp4", "--camera-method", "none"]) == 2
    assert "--camera-method none finds no path" in capsys.readouterr().err


def test_a_missing_package_is_named():
    row = CameraMethod("far", "needs another package", "no_such_package.finding:find", extra="torch")
    with pytest.raises(UsageError, match=r"needs no_such_package, .* `pip install 'kinema\[torch\]'`"):
        row.found(TRACKED, Context(), CameraOptions())
