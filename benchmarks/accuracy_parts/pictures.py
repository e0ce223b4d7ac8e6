"""What the image itself shows: masks, people, and what other detectors see."""

from __future__ import annotations

import json

import cv2
import numpy as np
from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.data import DATA

from kinema.body import BodyModel, load_body
from kinema.evaluation.identities import IdentityScores, identity_scores
from kinema.geometry.camera import project
from kinema.geometry.meshes import corners_of
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set
from kinema.visualization.raster import bounding_box, covered_pixels

IMAGES = DATA / "images"
REFERENCES = {
    "one_leg_stand_single_static": ("MoveNet", DATA / "gt/one_leg_stand_single_static/pose_1.json", 0),
    "treadmill_collapse_single_static": (
        "OpenPose",
        DATA / "gt/treadmill_collapse_single_static_openpose25.json",
        9,
    ),
}
"""Clip -> detector, its file, and the frame that the file begins with (found by the agreement of the limbs): other
networks' results, which are no truth."""


def silhouette(body: BodyModel, motion: Motion, person: Person, row: int) -> np.ndarray:
    """(H, W) bool: the pixels that the person's body covers."""
    pose, betas, transl = person.require("pose", "betas", "transl")
    vertices = body.vertices(pose[row : row + 1], betas[row : row + 1], transl[row : row + 1])[0]
    corners = corners_of(project(vertices, motion.camera.intrinsics, motion.camera.distortion), body.faces)
    mask = np.zeros((motion.height, motion.width), dtype=bool)
    box = bounding_box(corners, motion.width, motion.height)
    if box is not None:
        mask[box.top : box.bottom, box.left : box.right] = covered_pixels(corners, box)
    return mask


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(a & b) / max(np.sum(a | b), 1))


def true_masks(name: str, shape: tuple[int, int]) -> list[np.ndarray]:
    """The masks (H, W) bool of the people of an image: COCO's polygons, or the file's connected pieces as one."""
    if name == "three_people.jpg":
        image = cv2.imread(str(IMAGES / "three_people_mask.png"), cv2.IMREAD_GRAYSCALE)
        return [cv2.resize(image, shape[::-1], interpolation=cv2.INTER_NEAREST) > 127]
    about = json.loads((IMAGES / "coco_keypoints_gt.json").read_text())
    number = next(each["id"] for each in about["images"] if each["file_name"] == name)
    masks = []
    for person in about["annotations"]:
        if person["image_id"] != number:
            continue
        mask = np.zeros(shape, dtype=np.uint8)
        cv2.fillPoly(mask, [np.rint(np.reshape(part, (-1, 2))).astype(np.int32) for part in person["segmentation"]], 1)
        masks.append(mask > 0)
    return masks


def mask_scores(kept: Kept, how: Chain) -> list[tuple[str, int, int, float]]:
    """(image, people in it, found, mean IoU of those found) of every image with a mask.

    What others' masks cover is taken out of a body: there it may be hidden.
    """
    body, rows = load_body(), []
    for path in sorted(IMAGES.glob("*.jpg")):
        motion = kept.result(path, how)
        true = true_masks(path.name, (motion.height, motion.width))
        ours = [silhouette(body, motion, person, 0) for person in motion]
        if path.name == "three_people.jpg":
            ours, people = ([np.any(ours, axis=0)] if ours else []), 3
        else:
            people = len(true)
        anybody = np.any(true, axis=0)
        pairs = [(mask, max(ours, key=lambda each, mask=mask: overlap(mask, each))) for mask in true if ours]
        found = [overlap(mask, each & (mask | ~anybody)) for mask, each in pairs if overlap(mask, each) >= 0.3]
        count = len(motion.people) if people == 3 and len(true) == 1 else len(found)
        rows.append((path.stem, people, count, float(np.mean(found)) if found else np.nan))
    return rows


def people_scores(kept: Kept, how: Chain) -> list[tuple[str, IdentityScores]]:
    """(clip, scores) of the real clips in which everybody's way was read from the images."""
    from benchmarks.trackers import found_people, real

    rows = []
    for name, make in real().items():
        scene = make()
        motion = kept.result(scene.video.path, how)
        rows.append((name.removeprefix("real: "), identity_scores(scene.known, found_people(motion, True))))
    return rows


def counted_people(kept: Kept, how: Chain) -> list[tuple[str, int, int, float]]:
    """(clip, people, bodies of the result, share of the frames in which as many were seen) of the clips of PEOPLE."""
    rows = []
    for name, people in PEOPLE.items():
        path = DATA / "videos" / f"{name}.mp4"
        if not path.is_file():
            continue
        motion = kept.result(path, how)
        seen = np.zeros(motion.num_frames, dtype=int)
        for person in motion:
            seen[person.frames[person.observed]] += 1
        rows.append((name, people, len(motion.people), float(np.mean(seen >= min(people, 99)))))
    return rows


PEOPLE = {
    "balance_single_multiview_cam01": 2,
    "balance_single_multiview_cam03": 1,
    "opencap_squats_marker_truth": 1,
    "arms_upper_body_multiview_cam02": 1,
    "one_leg_stand_single_static": 1,
    "treadmill_collapse_single_static": 1,
    "taiji_single_static": 1,
    "football_juggle_single_handheld": 1,
    "sign_language_upper_body_static": 1,
    "basketball_two_people_static": 2,
}
"""Clips in which the same people are seen from the first frame to the last, and how many they are."""


def reference_distance(kept: Kept, how: Chain, clip: str) -> float:
    """Median distance of the keypoints from another detector's, percent of the person's height."""
    _, path, first = REFERENCES[clip]
    motion = kept.result(DATA / "videos" / f"{clip}.mp4", how)
    person = max(motion.people, key=len)
    about = json.loads(path.read_text())
    if isinstance(about, dict):
        names = joint_set("openpose25").joints
        theirs = np.array([np.reshape(frame[0], (-1, 3)) if frame else np.zeros((25, 3)) for frame in about["frames"]])
        theirs = np.where(theirs[..., 2:] > 0.3, theirs[..., :2], np.nan)
    else:
        names = tuple(about[0])
        theirs = np.array([[[frame[name]["x"], frame[name]["y"]] for name in names] for frame in about])
    ours = joint_set(str(person.keypoint_set))
    shared = [name for name in names if name in ours and name.endswith(("shoulder", "elbow", "wrist", "knee", "ankle"))]
    both = (person.frames >= first) & (person.frames < first + len(theirs))
    seen = theirs[person.frames[both] - first][:, [names.index(name) for name in shared]]
    away = person.keypoints[both][:, ours.indices(shared)] - seen
    height = np.median(person.boxes[:, 3] - person.boxes[:, 1])
    return 100 * float(np.nanmedian(np.linalg.norm(away, axis=-1))) / height
