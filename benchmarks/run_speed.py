"""The whole main job, overlay off: frames per second, share of each stage, peak memory, also ten times longer.

    python benchmarks/run_speed.py [VIDEO] [--rounds N] [--times N]

Each run is a process of its own with nothing to reuse; the best of the rounds counts. The longer clip is the same one
repeated, without encoding it again. Without VIDEO: balance_single_multiview_cam01 (1080x1920, 60 fps) of KINEMA_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import av

DATA = Path(os.environ.get("KINEMA_DATA", Path(__file__).resolve().parent.parent / "../shared/data"))

# VmHWM is this process's own peak; ru_maxrss of a child begins with that of its parent.
WORKER = """
import json, sys, time
from kinema.pipeline import RunOptions, run
begin = time.perf_counter()
result = run(sys.argv[1], sys.argv[2], RunOptions.of(overlay=False), force=True)
wall = time.perf_counter() - begin
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
record = result.record
people = sum(person["frames"] for person in record["summary"]["people"])
print(json.dumps([record["summary"]["frames"], people, wall, peak / 1024, record["seconds"]]))
"""


def repeated(clip: Path, target: Path, times: int) -> Path:
    """The clip `times` times in a row: the same packets, shifted in time."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        offset = 0
        for _ in range(times):
            source.seek(0)
            end = 0
            for packet in source.demux(video):
                if packet.dts is None:
                    continue
                end = max(end, packet.pts + (packet.duration or 1))
                packet.pts += offset
                packet.dts += offset
                packet.stream = stream
                container.mux(packet)
            offset += end
    return target


def measure(clip: Path, folder: Path) -> tuple[int, int, float, float, dict[str, float]]:
    """Frames, frames times people, seconds, peak MB, seconds by stage of one run in its own process."""
    command = [sys.executable, "-c", WORKER, str(clip), str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, default=DATA / "videos" / "balance_single_multiview_cam01.mp4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=10)
    args = parser.parse_args()
    if not args.video.is_file():
        print(f"no {args.video}; name a video or set KINEMA_DATA", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        clips = {"1": (args.video, args.rounds)}
        if args.times > 1:
            clips[str(args.times)] = (repeated(args.video, out / "longer.mp4", args.times), 1)
        peaks = []
        for times, (clip, rounds) in clips.items():
            frames, people, wall, peak, seconds = min((measure(clip, out) for _ in range(rounds)), key=lambda m: m[2])
            total = seconds.pop("total")
            peaks.append(peak)
            print(f"{args.video.name} x {times}: {frames} frames, {people / frames:.2f} people in each")
            print(
                f"  {frames / wall:6.1f} frames per second, {1000 * wall / frames:.1f} ms a frame; peak {peak:.0f} MB"
            )
            print("  " + ", ".join(f"{name} {100 * s / total:.0f} %" for name, s in seconds.items()))
        if len(peaks) == 2:
            print(f"peak memory of the longer clip: {100 * (peaks[1] / peaks[0] - 1):+.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
