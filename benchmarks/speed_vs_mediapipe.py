"""Speed of Kinema's tracking compared with MediaPipe's Pose solution on the same clip, decoding included.

    python benchmarks/speed_vs_mediapipe.py CLIP... --mediapipe-python PATH [--rounds N]

PATH is a Python that has mediapipe==0.10.21 (it cannot share an environment with Kinema: it pins numpy<2). Each
round runs both, one after the other, in separate processes, so that other load slows both; the ratio is
the median over the rounds. Loading the networks is excluded, every frame is included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

MEDIAPIPE = """
import json, sys, time
import cv2
import mediapipe as mp
pose = mp.solutions.pose.Pose(model_complexity=1)
import numpy as np
pose.process(np.zeros((64, 64, 3), np.uint8))
start, cpu = time.perf_counter(), time.process_time()
capture = cv2.VideoCapture(sys.argv[1])
frames = 0
while True:
    ok, image = capture.read()
    if not ok:
        break
    pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    frames += 1
import resource
print(json.dumps({"frames": frames, "seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu,
                  "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""

KINEMA = """
import json, sys, time
from kinema.tracking import TrackingOptions, track_people
from kinema.video import open_video
import kinema.tracking.tracker as tracker
begun = []
def first(frame, boxes):
    if not begun:
        begun.append((time.perf_counter(), time.process_time()))
video = open_video(sys.argv[1])
prepare = tracker.Follower
def timed(*args):
    begun.append((time.perf_counter(), time.process_time()))
    return prepare(*args)
tracker.Follower = timed
motion = track_people(video, TrackingOptions())
import resource
print(json.dumps({"frames": motion.num_frames, "seconds": time.perf_counter() - begun[0][0],
                  "cpu": time.process_time() - begun[0][1], "people": len(motion.people),
                  "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def measure(python: str, code: str, clip: str) -> dict[str, float]:
    done = subprocess.run([python, "-c", code, clip], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{python} failed on {clip}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--mediapipe-python", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    ratios = []
    print(f"{'clip':44s} {'MediaPipe':>12s} {'Kinema':>12s} {'ratio':>7s} {'CPU ratio':>10s} {'MB':>10s} people")
    for clip in args.clips:
        theirs, ours = [], []
        for _ in range(args.rounds):
            theirs.append(measure(args.mediapipe_python, MEDIAPIPE, clip))
            ours.append(measure(sys.executable, KINEMA, clip))
        fps = [statistics.median(r["frames"] / r["seconds"] for r in runs) for runs in (theirs, ours)]
        pairs = list(zip(theirs, ours, strict=True))
        ratio = statistics.median(t["seconds"] / t["frames"] * o["frames"] / o["seconds"] for t, o in pairs)
        cpu = statistics.median(t["cpu"] / t["frames"] * o["frames"] / o["cpu"] for t, o in pairs)
        ratios.append(ratio)
        name = clip.rsplit("/", 1)[-1]
        memory = f"{theirs[-1]['megabytes']:.0f}/{ours[-1]['megabytes']:.0f}"
        print(
            f"{name:44s} {fps[0]:8.1f} fps {fps[1]:8.1f} fps {ratio:7.2f} {cpu:10.2f} {memory:>10s}"
            f" {ours[-1]['people']:.0f}",
            flush=True,
        )
    print(f"median ratio over {len(ratios)} clips: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
