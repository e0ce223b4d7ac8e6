"""Sightings come back from their file as they were put there, but for those that are left out."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinema.camera.points import PointFollower
from kinema.camera.sightings import SightingFile

frames = st.lists(st.sets(st.integers(0, 30), max_size=8).map(sorted), min_size=1, max_size=9)


@given(frames, st.sets(st.integers(0, 30), max_size=5), st.integers(0, 3), st.integers(0, 8))
def test_what_was_put_there_is_read_in_any_order(seen, wrong, fewest, first):
    rng, file = np.random.default_rng(0), SightingFile()
    pixels = [rng.normal(size=(len(ids), 2)).astype(np.float32) for ids in seen]
    for ids, places in zip(seen, pixels, strict=True):
        file.add(np.array(ids, np.int32), places)
    left_out = np.array(sorted(wrong), np.int32)
    tracks = file.tracks(np.arange(len(seen)) / 30.0, (64, 48), fewest=fewest, wrong=left_out)
    often = np.bincount(np.array(list(itertools.chain(*seen)), int), minlength=31)
    assert len(tracks) == len(seen)
    for number in reversed(range(len(seen))):
        kept = [row for row, each in enumerate(seen[number]) if often[each] >= fewest and each not in wrong]
        assert tracks.ids[number].tolist() == [seen[number][row] for row in kept]
        np.testing.assert_array_equal(tracks.pixels[number], pixels[number][kept])
    part = tracks.part(slice(first, None))
    assert [each.tolist() for each in part.ids] == [each.tolist() for each in list(tracks.ids)[first:]]


def test_a_follower_that_saw_nothing_has_empty_tracks():
    assert len(PointFollower().tracks()) == 0
