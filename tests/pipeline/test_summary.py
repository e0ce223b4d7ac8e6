"""The summary of a run says what was guessed: body heights, field of view, whether the camera moves."""

from __future__ import annotations

import pytest

from kinema.body.sizes import BODY_HEIGHT
from kinema.commands.run import print_result
from kinema.geometry.camera import camera_from_35mm, camera_from_fov
from kinema.pipeline.running import RunResult
from kinema.pipeline.summary import summarise
from tests.helpers.motion_samples import make_motion, make_person

HEIGHT = {"metres": 1.7012, "source": "assumed", "uncertainty": 0.09}


def summary_of(camera, height=HEIGHT):
    person = make_person(frames=range(5))
    if height is not None:
        person = person.replace(data={BODY_HEIGHT: height})
    return summarise(make_motion(people=(person,), camera=camera))


@pytest.mark.parametrize(
    ("camera", "source", "uncertainty"),
    [
        (camera_from_fov(640, 480, 63.0, "fov option", uncertainty=0.0), "given", 0.0),
        (camera_from_35mm(640, 480, 28.0), "tag", 3.1),
        (camera_from_fov(640, 480, 63.0, "estimated", uncertainty=2.04), "estimated", 2.0),
        (camera_from_fov(640, 480, 63.0, "assumed", uncertainty=12.0), "assumed", 12.0),
        (camera_from_fov(640, 480, 63.0), "assumed", None),
        (camera_from_fov(640, 480, 63.0, "calibration"), "calibration", None),
    ],
)
def test_the_source_of_the_field_of_view(camera, source, uncertainty):
    about = summary_of(camera.replace(moving=True))["camera"]
    assert about["fov"] == pytest.approx(63.0, abs=0.8)
    assert (about["source"], about["uncertainty"], about["moving"]) == (source, uncertainty, True)


def test_the_height_of_everyone():
    summary = summary_of(camera_from_fov(640, 480))
    assert summary["people"][0]["height"] == HEIGHT
    assert summary_of(camera_from_fov(640, 480), None)["people"][0]["height"] is None


def printed(summary, tmp_path, capsys):
    record = {"summary": summary, "verdict": "PASS", "verdict_reasons": [], "seconds": {"total": 1.0}, "files": {}}
    print_result(RunResult(tmp_path, record))
    return capsys.readouterr().out


def test_what_was_assumed_is_printed_with_how_to_state_it(tmp_path, capsys):
    camera = camera_from_fov(640, 480, 64.0, "assumed", uncertainty=7.2).replace(moving=False)
    text = printed(summary_of(camera), tmp_path, capsys)
    assert "1.70 +- 0.09 m (assumed)" in text
    assert "camera: static, field of view 64 +- 7 degrees (assumed)" in text
    assert "--height" in text
    assert "--fov" in text


def test_what_was_given_needs_no_advice(tmp_path, capsys):
    camera = camera_from_fov(640, 480, 64.0, "fov option", uncertainty=0.0)
    text = printed(summary_of(camera, {**HEIGHT, "source": "given"}), tmp_path, capsys)
    assert "1.70 m (given)" in text
    assert "field of view 64 degrees (given)" in text
    assert "--" not in text
