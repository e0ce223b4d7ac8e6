"""Presets of a run: what they choose, what goes before them, and what a run says and records of them."""

from __future__ import annotations

import pytest

from kinema.errors import UsageError
from kinema.keypoints.registry import networks_of
from kinema.pipeline import RunOptions, run
from kinema.pipeline.quality import CLEARED, QUALITIES, chosen
from kinema.pipeline.stages import chain
from kinema.pipeline.watching import RunWatcher
from kinema.weights.catalogue import find
from kinema.weights.consent import require_cleared


def test_fast_is_the_default():
    fast, default = RunOptions.of(quality="fast"), RunOptions()
    assert fast.identity() == default.identity()
    assert chosen({"quality": None}) == {}


@pytest.mark.parametrize("name", QUALITIES)
def test_a_preset_is_the_settings_that_it_names(name):
    by_hand = RunOptions.of(**QUALITIES[name])
    assert RunOptions.of(quality=name).identity() == by_hand.identity()
    assert RunOptions.of(quality=name).to_dict()["quality"] == name


@pytest.mark.parametrize("name", ["good", "best"])
def test_better_presets_have_other_networks_than_the_default(name):
    tracking = RunOptions.of(quality=name).tracking
    assert set(networks_of(tracking.keypoints, tracking.detector)) != set(networks_of("blazepose"))


def test_what_is_set_goes_before_a_preset():
    options = RunOptions.of(quality="best", keypoints="blazepose")
    assert (options.tracking.keypoints, options.tracking.flip) == ("blazepose", False)
    assert RunOptions.of(quality="best", flip=False).tracking.flip is False
    assert RunOptions.of(quality="good", filter="none").smooth is False


@pytest.mark.parametrize("wanted", ["option", "environment"])
@pytest.mark.parametrize("name", CLEARED)
def test_where_only_cleared_networks_are_wanted_a_preset_has_no_others(name, wanted, monkeypatch):
    settings = {"quality": name}
    if wanted == "option":
        settings["commercial_only"] = True
    else:
        monkeypatch.setenv("KINEMA_COMMERCIAL_ONLY", "1")
    options = RunOptions.of(**settings)
    for network in networks_of(options.tracking.keypoints, options.tracking.detector):
        require_cleared(find(network))
    assert chain(options)


def test_an_unknown_preset_is_one_sentence():
    with pytest.raises(UsageError, match="`quality` must be one of fast, good, best, found 'superb'"):
        RunOptions.of(quality="superb")


@pytest.mark.parametrize(("name", "kept"), [("fast", "blazepose"), ("best", "blazepose-heavy+rtmpose-s-halpe26")])
def test_a_run_says_what_its_preset_chose_and_records_it(name, kept, clip, tmp_path, fake):
    class Notes(RunWatcher):
        def __init__(self):
            self.notes = []

        def note(self, sentence):
            self.notes.append(sentence)

    watcher, options = Notes(), RunOptions.of(quality=name, overlay=False)
    result = run(clip, tmp_path, options, watcher=watcher, steps=fake.steps(options))
    flip = " with `flip`" if name == "best" else ""
    assert f"`quality` {name}: `keypoints` {kept}{flip}" in watcher.notes
    assert result.record["arguments"]["quality"] == name
    assert result.record["arguments"]["tracking"]["keypoints"] == kept
