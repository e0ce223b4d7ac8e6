"""Clips that show nobody, or hardly anybody, end with a reason or a verdict that is not PASS."""

from __future__ import annotations

import pytest

from kinema.errors import InputError
from kinema.pipeline import RunOptions, run

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.usefixtures("networks")]


@pytest.mark.parametrize("clip", ["ghost_hand_coffee_real", "legs_only"])
def test_hands_and_legs_alone_are_nobody_or_do_not_pass(data_dir, tmp_path, clip):
    options = RunOptions.of(overlay=False, threads=1, time_range=(0.0, 3.0))
    try:
        result = run(data_dir / "cases" / "video" / f"{clip}.mp4", tmp_path, options)
    except InputError as error:
        assert f"nobody was found in {data_dir / 'cases' / 'video' / clip}.mp4" in str(error)  # noqa: PT017
        return
    assert result.record["verdict"] != "PASS"
    assert any("person 1" in note for note in result.record["warnings"])


def test_whoever_stands_on_the_hands_is_kept_and_the_note_is_a_possibility(data_dir, tmp_path):
    options = RunOptions.of(overlay=False, threads=1, time_range=(0.0, 1.0))
    result = run(data_dir / "cases" / "video" / "handstand.mp4", tmp_path, options)
    assert [person["coverage"] for person in result.summary["people"]] == [1.0]
    (note,) = [note for note in result.record["warnings"] if "upside down" in note]
    assert "if it is the video" in note
