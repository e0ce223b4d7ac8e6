"""Settings of a run: public names, nesting, and what is rejected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kinema.errors import UsageError
from kinema.pipeline import RunOptions
from kinema.pipeline.options import public_settings
from kinema.tracking.stage import track_video
from kinema.video.frames import TimeRange


def test_public_names_reach_their_places():
    options = RunOptions.of(max_persons=2, fov=60.0, filter="gaussian", strength=0.2, time_range=(1.0, None))
    assert options.tracking.max_persons == 2
    assert options.fit.fov == 60.0
    assert (options.filter.method, options.filter.strength) == ("gaussian", 0.2)
    assert options.time_range == TimeRange(1.0, None)


def test_none_keeps_the_default():
    assert RunOptions.of(**dict.fromkeys(public_settings())) == RunOptions()


def test_every_public_setting_has_a_place_and_a_meaning():
    options = RunOptions()
    for name, public in public_settings().items():
        holder = getattr(options, public.place) if public.place else options
        assert hasattr(holder, public.setting.name), name
        assert public.setting.help, name


def test_no_filter_skips_the_stage():
    assert RunOptions.of(filter="none").smooth is False


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_people": 1}, "unknown setting 'max_people'; known: estimator"),
        ({"estimator": "magic"}, "unknown estimator 'magic'; known: keypoints"),
        ({"filter": "magic"}, "`filter` must be one of whittaker"),
        ({"max_persons": 0}, "`max_persons` must be at least 1"),
        ({"height": 17.5}, "metres"),
        ({"fov": 400.0}, "fov"),
        ({"time_range": (5.0, 2.0)}, "empty"),
        ({"strength": -1.0}, "strength"),
        ({"fps_factor": 2, "overlay": False}, r"`fps_factor` is about overlay\.mp4, which is not drawn; leave it out"),
        ({"view": "side", "overlay": False}, r"`view` is about overlay\.mp4, which is not drawn"),
    ],
)
def test_impossible_settings_are_one_sentence(settings, sentence):
    with pytest.raises(UsageError, match=sentence):
        RunOptions.of(**settings)


def test_settings_are_json_values():
    options = RunOptions.of(body_model="smpl.pkl", time_range=(0.0, 2.0))
    assert options.body_model == Path("smpl.pkl")
    written = json.loads(json.dumps(options.to_dict()))
    assert written["body_model"] == "smpl.pkl"
    assert written["time_range"] == {"start": 0.0, "end": 2.0}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0-2", (0.0, 2.0)),
        ("2-", (2.0, None)),
        ("-8", (None, 8.0)),
        ("1:05-1:20", (65.0, 80.0)),
        ([1, None], (1, None)),
    ],
)
def test_a_time_range_may_be_written_as_on_the_command_line(given, expected):
    assert RunOptions.of(time_range=given) == RunOptions.of(time_range=expected)
    assert RunOptions.of(time_range=TimeRange(*expected)).time_range == TimeRange(*expected)


@pytest.mark.parametrize("given", ["two to four", "", "-", 5, (1,), (1, 2, 3), ("1", "2"), {"start": 1}])
def test_what_is_no_time_range_is_one_sentence(given):
    with pytest.raises(UsageError, match=r"time.range"):
        RunOptions.of(time_range=given)


def test_tracking_finds_outlines_only_where_the_fit_reads_them():
    def wanted(**settings) -> bool:
        return RunOptions.of(**settings).options_of(track_video).outlines

    assert wanted()
    assert not wanted(masks="blazepose"), "all frames have masks then"
    assert not wanted(estimator="pare")
    assert not wanted(estimator="nlf")
