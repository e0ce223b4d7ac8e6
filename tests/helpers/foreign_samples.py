"""Files of other systems, built to their documented layouts: plain contents, and how each is written."""

from __future__ import annotations

import pickle

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

N = 6


def rng(seed=0):
    return np.random.default_rng(seed)


def small_pose(n=N, seed=0):
    return rng(seed).normal(size=(n, 72)) * 0.3


def pare(matrices=True, n=N):
    pose = small_pose(n)
    boxes = np.column_stack([np.full(n, 200.0), np.full(n, 150.0), np.full(n, 180.0), np.full(n, 180.0)])
    camera = np.column_stack([np.full(n, 0.9), rng(1).normal(size=(n, 2)) * 0.1])
    width, height = 640, 360
    sx, sy = camera[:, 0] * 180 / width, camera[:, 0] * 180 / height
    original = np.column_stack([
        sx, sy, camera[:, 1] + (200 - width / 2) / (width / 2) / sx,
        camera[:, 2] + (150 - height / 2) / (height / 2) / sy,
    ])  # fmt: skip
    person = {
        "pred_cam": camera.astype(np.float32), "orig_cam": original, "verts": np.zeros((n, 10, 3), np.float32),
        "pose": axis_angle_to_matrix(pose.reshape(n, 24, 3)).astype(np.float32) if matrices else pose,
        "betas": rng(2).normal(size=(n, 10)).astype(np.float32), "joints3d": rng(3).normal(size=(n, 49, 3)) * 0.3,
        "joints2d": None, "bboxes": boxes, "frame_ids": np.arange(3, 3 + n),
        "smpl_joints2d": rng(4).normal(size=(n, 49, 2)),
    }  # fmt: skip
    return {2: person}


def pare_image():
    person = pare()[2]
    names = {"pred_pose": "pose", "pred_shape": "betas", "smpl_joints3d": "joints3d"}
    return {
        **{new: person[old] for new, old in names.items()},
        **{key: person[key] for key in ("pred_cam", "orig_cam", "bboxes", "smpl_joints2d")},
        "smpl_vertices": np.zeros((N, 10, 3)),
    }


def video2pkl(n=N):
    pose = small_pose(n)
    return {
        1: {
            "pose": pose, "global_orient": pose[:, :3], "betas": np.tile(rng(2).normal(size=10), (n, 1)),
            "betas_per_frame": rng(3).normal(size=(n, 10)), "joints3d": rng(4).normal(size=(n, 49, 3)),
            "trans": rng(5).normal(size=(n, 3)) - [0, 0, 40], "frame_ids": np.arange(n),
        }
    }  # fmt: skip


def wham(n=N):
    return {
        0: {
            "pose": small_pose(n), "trans": rng(1).normal(size=(n, 3)) + np.array([0, 0, 5]),
            "pose_world": small_pose(n, 6), "trans_world": rng(2).normal(size=(n, 3)),
            "betas": rng(3).normal(size=(n, 10)), "verts": np.zeros((n, 10, 3)), "frame_ids": np.arange(10, 10 + n),
        }
    }  # fmt: skip


def gvhmr(n=N, prefix="smpl_params", body=63):
    def part(seed):
        return {
            "global_orient": rng(seed).normal(size=(n, 3)).astype(np.float32),
            "body_pose": (rng(seed + 1).normal(size=(n, body)) * 0.3).astype(np.float32),
            "betas": rng(seed + 2).normal(size=(n, 10)).astype(np.float32),
            "transl": rng(seed + 3).normal(size=(n, 3)).astype(np.float32),
        }

    intrinsics = np.tile(np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]], np.float32), (n, 1, 1))
    return {f"{prefix}_global": part(0), f"{prefix}_incam": part(7), "K_fullimg": intrinsics}


def phalp(n=N):
    pose = axis_angle_to_matrix(small_pose(2 * n).reshape(2 * n, 24, 3))
    frames = {}
    for t in range(n):
        people = [t, n + t] if t != 2 else [t]
        frames[f"out/img/{t + 1:06d}.jpg"] = {
            "time": t, "shot": 0, "frame_path": f"out/img/{t + 1:06d}.jpg",
            "tid": [4 if i < n else 9 for i in people],
            "bbox": [np.array([10.0 + t, 20, 100, 200]) for _ in people],
            "tracked_time": [0 for _ in people], "conf": [0.9 for _ in people],
            "smpl": [
                {"global_orient": pose[i, :1], "body_pose": pose[i, 1:], "betas": rng(i).normal(size=10)}
                for i in people
            ],
            "camera": [np.array([0.1, 0.2, 30.0 + t]) for _ in people], "size": [[480, 640] for _ in people],
        }  # fmt: skip
    frames["out/img/000004.jpg"]["tracked_time"][1] = 3  # a ghost
    return frames


def romp(frames=1, people=2):
    def one(t):
        return {
            "smpl_thetas": (small_pose(people, t)).astype(np.float32),
            "smpl_betas": rng(t).normal(size=(people, 10)).astype(np.float32),
            "cam_trans": rng(t + 1).normal(size=(people, 3)).astype(np.float32),
            "joints": rng(t + 2).normal(size=(people, 71, 3)).astype(np.float32),
            "center_confs": np.full((people, 1), 0.7, np.float32), "track_ids": np.arange(people) + 5,
        }  # fmt: skip

    results = one(0) if frames == 1 else {f"{t}.jpg": one(t) for t in range(frames)}
    return {"results": np.array(results, dtype=object)}


def aistpp(n=N):
    return {
        "smpl_poses": small_pose(n).astype(np.float32),
        "smpl_trans": (rng(1).normal(size=(n, 3)) * 90).astype(np.float32),
        "smpl_scaling": np.array([93.0], np.float32), "smpl_loss": 1.5,
    }  # fmt: skip


def glamr(n=N):
    pose = np.tile(np.eye(4), (n, 1, 1))
    person = {
        "frames": np.arange(n), "smpl_pose": small_pose(n)[:, 3:], "smpl_beta": rng(1).normal(size=(n, 10)),
        "smpl_orient_cam": rng(2).normal(size=(n, 3)), "root_trans_cam": rng(3).normal(size=(n, 3)),
        "smpl_orient_world": rng(4).normal(size=(n, 3)), "root_trans_world": rng(5).normal(size=(n, 3)),
        "visible": np.ones(n), "exist_frames": np.ones(n, bool),
        "cam_K": np.tile(np.array([[1000.0, 0, 320], [0, 1000, 240], [0, 0, 1]]), (n, 1, 1)),
    }  # fmt: skip
    return {"person_data": {0: person}, "cam_pose": pose, "seq_len": n}


def camera_path(n=N):
    """(n,4,4): from the world to a camera that moves and turns."""
    poses = np.tile(np.eye(4), (n, 1, 1))
    poses[:, :3, :3] = axis_angle_to_matrix(rng(8).normal(size=(n, 3)) * 0.3)
    poses[:, :3, 3] = rng(9).normal(size=(n, 3)) * 0.2 + np.array([0, 0, 4])
    return poses


def emdb(n=N):
    pose = small_pose(n)
    good = np.ones(n, bool)
    good[1] = False
    return {
        "name": "P0_00_walk", "gender": "male", "emdb1": False, "emdb2": True, "n_frames": n, "good_frames_mask": good,
        "camera": {
            "intrinsics": np.array([[1200.0, 0, 720], [0, 1200, 960], [0, 0, 1]]), "extrinsics": camera_path(n),
            "width": 1440, "height": 1920,
        },
        "smpl": {
            "poses_root": pose[:, :3], "poses_body": pose[:, 3:], "trans": rng(1).normal(size=(n, 3)),
            "betas": rng(2).normal(size=10),
        },
        "kp2d": np.zeros((n, 24, 2)), "bboxes": {"bboxes": np.zeros((n, 4)), "invalid_idxs": np.array([1])},
    }  # fmt: skip


def threedpw(n=N, actors=2):
    """A z-up world in which both actors stand."""
    upright = axis_angle_to_matrix(np.array([np.pi / 2, 0, 0]))
    poses, trans, joints = [], [], []
    for i in range(actors):
        pose = small_pose(n, i)
        pose[:, :3] = matrix_to_axis_angle(upright @ axis_angle_to_matrix(pose[:, :3] * 0.2))
        poses.append(pose)
        trans.append(rng(i + 1).normal(size=(n, 3)))
        joints.append((trans[-1] + [0, -0.24, 0.03])[:, None].repeat(24, axis=1).reshape(n, 72))
    valid = [np.ones(n, int) for _ in range(actors)]
    valid[-1][-1] = 0
    return {
        "sequence": "made_up_00", "poses": poses, "trans": trans, "betas": [rng(3).normal(size=10)] * actors,
        "jointPositions": joints, "genders": ["m"] * actors, "campose_valid": valid, "cam_poses": camera_path(n),
        "cam_intrinsics": np.array([[1960.0, 0, 540], [0, 1960, 960], [0, 0, 1]]), "img_frame_ids": np.arange(n),
        "poses2D": [np.zeros((n, 3, 18))] * actors,
    }  # fmt: skip


def amass(n=N, width=165):
    return {
        "poses": rng(0).normal(size=(n, width)) * 0.3, "trans": rng(1).normal(size=(n, 3)),
        "betas": rng(2).normal(size=16), "gender": np.array("male"), "mocap_frame_rate": np.array(120.0),
    }  # fmt: skip


def write_pkl(content, path):
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path


def write_npz(content, path):
    np.savez(path, **content)
    return path


def write_pt(content, path):
    """A `.pt` written by torch, which the tests that call this need."""
    import torch

    def tensors(value):
        if isinstance(value, dict):
            return {key: tensors(entry) for key, entry in value.items()}
        return torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value

    torch.save(tensors(content), path)
    return path


SAMPLES = {
    "pare": (pare, ".pkl", write_pkl),
    "video2pkl": (video2pkl, ".pkl", write_pkl),
    "wham": (wham, ".pkl", write_pkl),
    "gvhmr": (gvhmr, ".pkl", write_pkl),  # a plain pickle with the same contents, which needs no torch
    "phalp": (phalp, ".pkl", write_pkl),
    "romp": (romp, ".npz", write_npz),
    "aistpp": (aistpp, ".pkl", write_pkl),
    "glamr": (glamr, ".pkl", write_pkl),
    "emdb": (emdb, ".pkl", write_pkl),
    "3dpw": (threedpw, ".pkl", write_pkl),
    "amass": (amass, ".npz", write_npz),
}
"""Format -> contents, suffix, writer."""


def write_sample(name, tmp_path, content=None):
    """Write the sample of a format, or other contents in its place, and return the path."""
    make, suffix, writer = SAMPLES[name]
    return writer(make() if content is None else content, tmp_path / f"file{suffix}")
