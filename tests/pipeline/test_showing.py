"""What is shown while a run goes on."""

from __future__ import annotations

import io

import pytest

from kinema.pipeline.showing import BarWatcher, LineWatcher, title
from kinema.pipeline.watching import StageTime
from kinema.tracking.registry import TRACKERS


def test_lines_tell_progress_and_what_is_left():
    stream = io.StringIO()
    watcher = LineWatcher(stream, every=0.0)
    progress = watcher.start("track")
    progress(50, 100)
    progress(51, None)
    watcher.done(StageTime("track", 2.0))
    watcher.done(StageTime("fit", 2.0, reused=True))
    watcher.note("the video ends early")
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("tracking people: 50 of 100, about ")
    assert lines[1] == "tracking people: 51"
    assert lines[2:] == ["tracking people: 2.0 s", "fitting bodies: already done", "note: the video ends early"]


def test_nothing_is_foretold_from_the_first_steps():
    stream = io.StringIO()
    progress = LineWatcher(stream, every=0.0).start("weights")
    progress(870, 40_985_403)
    progress(20_492_701, 40_985_403)
    first, second = stream.getvalue().splitlines()
    assert first == "downloading networks: 0.0 MB of 41.0 MB"
    assert second.startswith("downloading networks: 20.5 MB of 41.0 MB, about ")


def test_lines_are_few():
    stream = io.StringIO()
    progress = LineWatcher(stream).start("track")
    for frame in range(1000):
        progress(frame, 1000)
    assert stream.getvalue() == ""


def test_bars_survive_wrong_totals(capsys):
    with BarWatcher() as watcher:
        progress = watcher.start("track")
        progress(0, None)
        progress(30, 20)  # a header that promised too few frames
        watcher.done(StageTime("track", 1.0))
        watcher.done(StageTime("fit", 1.0, reused=True))
        watcher.note("a [note] with brackets")
    shown = capsys.readouterr().err
    assert "30/30" in shown
    assert "a [note] with brackets" in shown


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_bars_keep_their_numbers_on_any_terminal(capsys, monkeypatch, columns):
    """On a narrow one the bar and the elapsed time give way; before, every number was cut to one digit."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with BarWatcher() as watcher:
        watcher.start("world")(1234, 5678)
        watcher.start("weights")(12_300_000, 40_985_403)
    shown = capsys.readouterr().err
    assert "placing in the world" in shown
    assert "1234/5678" in shown
    assert "12.3/41.0 MB" in shown
    assert all(len(line.rstrip()) <= columns for line in shown.splitlines())


def test_every_stage_of_a_run_has_a_title():
    for tracker in TRACKERS.built_in:
        assert title(tracker.stage.name).startswith("tracking people")


def test_an_unknown_stage_is_shown_by_its_name():
    assert title("stage of tomorrow") == "stage of tomorrow"
