"""Make the README's figure from a demo run: source, overlay and world view, at a few frames.

    kinema demo --seed 1 --out /tmp/demo
    python tools/readme_figure.py /tmp/demo/demo_*/ docs/images/overlay.jpg

Uses only the run's own result and its synthetic clip, so the figure contains no one's footage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from kinema.body import load_body
from kinema.motion import Motion
from kinema.video import open_video
from kinema.visualization.vantage import steady_vantage
from kinema.visualization.views import CameraView
from kinema.visualization.world_view import WorldView


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a demo run")
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[52, 172, 236])
    parser.add_argument("--width", type=int, default=1260)
    args = parser.parse_args()
    body, motion = load_body(), Motion.load(args.run / "smpl_output.pkl")
    size = (motion.width, motion.height)
    over = CameraView(motion, body, size)
    world = WorldView(motion, body, size, steady_vantage(motion, size, 0.6, 0.3), camera=False)
    columns = []
    for frame in open_video(args.run / "demo.mp4"):
        if frame.index in args.frames:
            views = [view.draw(frame.index, frame.image, view.prepare(frame.index)) for view in (over, world)]
            columns.append(np.concatenate([crop(image) for image in (frame.image, *views)], axis=0))
    figure = np.concatenate(columns, axis=1)
    scale = args.width / figure.shape[1]
    figure = cv2.resize(figure, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), figure[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{args.out}: {figure.shape[1]}x{figure.shape[0]}, {args.out.stat().st_size / 1e3:.0f} kB")


def crop(image: np.ndarray) -> np.ndarray:
    """The central 4:3 part of a wide image."""
    height, width = image.shape[:2]
    keep = height * 4 // 3
    left = (width - keep) // 2
    return image[:, left : left + keep]


if __name__ == "__main__":
    main()
