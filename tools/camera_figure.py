"""Make the figures of moving cameras in docs/world.md: the camera's view, and the world by `world` and by `follow`.

    python tools/camera_figure.py docs/images/moving_camera.jpg
    python tools/camera_figure.py docs/images/moving_camera_pan.jpg --way pan --views world --seconds 3 --frames 5 30 55
    python tools/camera_figure.py docs/images/moving_camera_dolly.jpg --way dolly --views world --seconds 3 \
        --frames 5 45 85

Renders two people and a camera that moves (`kinema.synthetic.moving_camera`), lets Kinema find everything in that clip,
and draws a few of its frames: the figures contain no one's footage. Each takes a minute or two.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

import kinema
from kinema.body import load_body
from kinema.synthetic.moving_camera import WAYS, moving_scene
from kinema.video import VideoWriter, open_video
from kinema.visualization.vantage import vantage
from kinema.visualization.views import CameraView
from kinema.visualization.world_view import WorldView


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--way", choices=tuple(WAYS), default="orbit", help="how the camera moves")
    parser.add_argument("--views", choices=("world", "follow", "side"), nargs="+", default=["world", "follow"])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--frames", type=int, nargs="+", default=[8, 62, 116])
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--width", type=int, default=1260)
    args = parser.parse_args()
    body = load_body()
    scene = moving_scene(body, args.way, people=2, seconds=args.seconds, seed=args.seed)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / f"{args.way}.mp4"
        with VideoWriter(clip, scene.motion.width, scene.motion.height, crf=16) as writer:
            for moment, image in zip(scene.motion.times, scene.images(), strict=True):
                writer.write(image, float(moment))
        motion = kinema.estimate(clip)
        frames = {frame.index: frame.image for frame in open_video(clip) if frame.index in args.frames}
    size = (motion.width, motion.height)
    views = [
        CameraView(motion, body, size),
        *(WorldView(motion, body, size, vantage(motion, size, name)) for name in args.views),
    ]
    columns = [
        np.concatenate([view.draw(index, image.copy(), view.prepare(index)) for view in views], axis=0)
        for index, image in frames.items()
    ]
    figure = np.concatenate(columns, axis=1)
    scale = args.width / figure.shape[1]
    figure = cv2.resize(figure, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), figure[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(f"{args.out}: {figure.shape[1]}x{figure.shape[0]}, {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
