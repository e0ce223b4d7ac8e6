"""Memory does not grow with the length of a video, neither for reading nor for writing."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest

from tests.helpers.video_clips import write_clip

# Peak resident memory of its own process in KiB; reading only, or reading and writing. On Linux from
# VmHWM: a child's ru_maxrss starts at its parent's memory.
SCRIPT = textwrap.dedent(
    """
    import resource, sys
    from kinema.video import VideoWriter, open_video
    source, target, start = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with open_video(source, start=start) as video:
        if target == "-":
            count = sum(1 for _ in video)
        else:
            with VideoWriter(target, video.width, video.height, audio_from=source) as out:
                for frame in video:
                    out.write(frame.image, frame.time)
                count = frame.index + 1
    try:
        peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(count, peak)
    """
)
SHORT, LONG = 150, 750


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    options = {"preset": "ultrafast", "g": "60", "bf": "2"}
    return [
        write_clip(folder / f"{n}.mp4", range(n), width=320, height=240, options=options, audio="aac")
        for n in (SHORT, LONG)
    ]


def peak(*arguments) -> tuple[int, int]:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    count, kilobytes = map(int, run.stdout.split())
    return count, kilobytes


@pytest.mark.slow
@pytest.mark.parametrize("start", [0.0, 1.0])
@pytest.mark.parametrize("write", [False, True])
def test_a_clip_five_times_longer_needs_the_same_memory(clips, tmp_path, write, start):
    """Within 10 %. A list of all frames would add 140 MB, one of all packets or times a few MB."""
    target = tmp_path / "out.mp4" if write else "-"
    (few, small), (many, large) = (peak(clip, target, start) for clip in clips)
    assert (few, many) == (SHORT - 30 * start, LONG - 30 * start)
    assert large <= 1.1 * small
    assert large < 300_000


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_photographs_of_100_megapixels_need_less_than_a_gigabyte(tmp_path, suffix):
    """Decoded whole and kept beside its copies, one would need more."""
    path = tmp_path / f"a.{suffix}"
    assert cv2.imwrite(str(path), np.full((8736, 11648, 3), 90, np.uint8))
    count, kilobytes = peak(path, "-", 0.0)
    assert count == 1
    assert kilobytes < 1_000_000


@pytest.mark.slow
def test_8k_needs_less_than_a_gigabyte(tmp_path):
    path = write_clip(tmp_path / "a.mp4", range(3), width=7680, height=4320, options={"preset": "ultrafast"})
    count, kilobytes = peak(path, "-", 0.0)
    assert count == 3
    assert kilobytes < 1_000_000
