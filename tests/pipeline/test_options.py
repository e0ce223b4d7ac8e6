"""Settings of a run: short names, nesting, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kinema.errors import UsageError
from kinema.pipeline import RunOptions
from kinema.pipeline.options import SHORT_NAMES
from kinema.video.frames import TimeRange


def test_short_names_reach_their_places():
    options = RunOptions.of(max_persons=2, fov=60.0, filter="gaussian", strength=0.2, time_range=(1.0, None))
    assert options.tracking.max_persons == 2
    assert options.fit.fov == 60.0
    assert (options.filter.method, options.filter.strength) == ("gaussian", 0.2)
    assert options.time_range == TimeRange(1.0, None)


def test_none_keeps_the_default():
    assert RunOptions.of(**dict.fromkeys(SHORT_NAMES)) == RunOptions()


def test_every_short_name_names_a_setting():
    options = RunOptions()
    for place in SHORT_NAMES.values():
        value = options
        for part in place.split("."):
            value = getattr(value, part)


def test_no_filter_skips_the_stage():
    assert RunOptions.of(filter="none").smooth is False


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_people": 1}, "unknown setting 'max_people'; known: estimator"),
        ({"estimator": "magic"}, "unknown estimator 'magic'; known: blazepose"),
        ({"filter": "magic"}, "unknown filter 'magic'"),
        ({"max_persons": 0}, "max_persons must be at least 1"),
        ({"height": 17.5}, "metres"),
        ({"fov": 400.0}, "fov"),
        ({"time_range": (5.0, 2.0)}, "empty"),
        ({"strength": -1.0}, "strength"),
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
