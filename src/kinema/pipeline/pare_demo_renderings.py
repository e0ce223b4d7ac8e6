"""Output of the PARE demo besides its `.pkl`: overlaid bodies, attention maps and meshes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kinema.body import BodyModel
from kinema.errors import UsageError
from kinema.models.pare.crops import crop
from kinema.models.pare.facts import DEMO_RATE, MAP_SIZE, NUM_PARTS
from kinema.models.pare.release import betas_for
from kinema.models.pare.torch_run import PareEstimator
from kinema.pipeline.pare_demo_options import PareDemoOptions
from kinema.progress import Progress
from kinema.storage.atomic import atomic_path
from kinema.video import VideoReader, VideoWriter
from kinema.visualization.attention import attention_sheet
from kinema.visualization.drawing import track_colors
from kinema.visualization.weak_views import WeakBody, WeakView

Content = dict[int, dict[str, Any]]
"""The demo's dict: a track's entry by its id."""


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an image (H,W,3) uint8 RGB, atomically. Raises OutputError."""
    done, data = cv2.imencode(path.suffix, np.ascontiguousarray(image[..., ::-1]))
    if not done:
        raise UsageError(f"{path.name}: images are written as .png or .jpg")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write a mesh as Wavefront OBJ, atomically. Raises OutputError."""
    lines = ["v {:.6f} {:.6f} {:.6f}".format(*v) for v in vertices.tolist()]
    lines += ["f {} {} {}".format(*f) for f in (faces + 1).tolist()]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def weak_view(image: np.ndarray, body: BodyModel, options: PareDemoOptions) -> WeakView:
    """The renderer of bodies over images of the size of `image` (H,W,3)."""
    return WeakView(
        image.shape[1], image.shape[0], body.faces, wireframe=options.wireframe, sideview=options.sideview,
        keypoints=options.draw_keypoints,
    )  # fmt: skip


def _present(content: dict[int, dict[str, Any]]) -> dict[int, list[tuple[int, int]]]:
    """Frame -> (id, row) of the people in it."""
    frames: dict[int, list[tuple[int, int]]] = {}
    for id, person in content.items():
        for row, frame in enumerate(person["frame_ids"]):
            frames.setdefault(int(frame), []).append((id, row))
    return frames


def _mesh(person: dict[str, Any], row: int, body: BodyModel, *, refined: bool) -> np.ndarray:
    """(V,3) of one row: from the dict, or posed again if it has no vertices. refined: by the fit on this body."""
    if person["verts"] is not None:
        return np.asarray(person["verts"][row])
    one = slice(row, row + 1)
    pose, betas = np.asarray(person["pose"][one], np.float64), np.asarray(person["betas"][one], np.float64)
    return np.asarray(body.vertices(pose, betas if refined else betas_for(body, betas), np.zeros((1, 3)))[0])


def _times(reader: VideoReader, parity: bool) -> Iterator[tuple[int, float, np.ndarray]]:
    for frame in reader:
        yield frame.index, frame.index / DEMO_RATE if parity else frame.time * reader.slow_motion, frame.image


def write_video(
    reader: VideoReader, content: Content, body: BodyModel, path: Path, options: PareDemoOptions, progress: Progress
) -> Path:
    """Write the video of the bodies overlaid on the source."""
    present, colors = _present(content), track_colors(list(content))
    audio = reader.path if reader.metadata.get("has_audio") and not options.demo.parity else None
    view = weak_view(np.zeros((reader.height, reader.width, 3), np.uint8), body, options)
    with VideoWriter(path, view.width, reader.height, audio_from=audio) as writer:
        for index, time, image in _times(reader, options.demo.parity):
            bodies = []
            for id, row in present.get(index, ()):
                mesh = _mesh(content[id], row, body, refined=options.run_smplify)
                joints = content[id]["smpl_joints2d"][row]
                bodies.append(WeakBody(mesh, content[id]["orig_cam"][row], colors[id], joints))
            writer.write(view.draw(image, bodies), time)
            progress(index + 1, reader.num_frames_estimate)
    return path


def write_attention(
    reader: VideoReader,
    content: Content,
    estimator: PareEstimator,
    path: Path,
    options: PareDemoOptions,
    progress: Progress,
) -> Path:
    """Write a video of the network's attention, for the person with the longest track."""
    id = max(content, key=lambda id: len(content[id]["frame_ids"]))
    person = content[id]
    rows = {int(frame): row for row, frame in enumerate(person["frame_ids"])}
    writer = None
    last = max(rows)
    with contextlib.ExitStack() as stack:
        for index, time, image in _times(reader, options.demo.parity):
            if index in rows:
                cut = crop(image, person["bboxes"][rows[index]], scale=options.demo.crop_scale)
                maps = estimator(cut[None], maps=True).attention
                sheet = attention_sheet(cut, np.zeros((NUM_PARTS, MAP_SIZE, MAP_SIZE)) if maps is None else maps[0])
                if writer is None:
                    writer = stack.enter_context(VideoWriter(path, sheet.shape[1], sheet.shape[0]))
                writer.write(sheet, time)
                progress(index + 1, last + 1)
            if index >= last:
                break
    return path


def write_meshes(content: Content, body: BodyModel, folder: Path, options: PareDemoOptions) -> Path:
    """Write every mesh as FOLDER/<id>/<frame>.obj. Returns the folder."""
    for id, person in content.items():
        for row, frame in enumerate(person["frame_ids"]):
            mesh = _mesh(person, row, body, refined=options.run_smplify)
            write_obj(folder / f"{id:04d}" / f"{int(frame):06d}.obj", mesh, body.faces)
    return folder
