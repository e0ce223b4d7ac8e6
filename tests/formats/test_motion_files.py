"""Kinema's own files: they round-trip exactly, and other programs can open them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest
from hypothesis import given

from kinema.errors import InputError, KinemaError, UnsafeFileError, UsageError
from kinema.formats import FORMATS, formats, load_motion, save_motion
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS
from kinema.storage.stored import StoredArray
from tests.helpers.hostile_files import touching
from tests.helpers.motion_samples import StandInBody, assert_same_motion, make_motion, make_person, motions

PARE_KEYS = {
    "pred_cam", "orig_cam", "verts", "pose", "betas", "joints3d", "joints2d", "bboxes", "frame_ids", "smpl_joints2d",
}  # fmt: skip


@given(motions())
def test_pkl_round_trip_is_exact(tmp_path_factory, motion):
    path = motion.save(tmp_path_factory.mktemp("pkl") / "out.pkl")
    again = Motion.load(path)
    if motion.people:
        assert_same_motion(motion, again)
    else:  # documented: the top level holds track ids only, so an empty clip is lost
        assert again.people == ()


@given(motions())
def test_npz_round_trip_is_exact(tmp_path_factory, motion):
    path = motion.save(tmp_path_factory.mktemp("npz") / "out.npz")
    assert_same_motion(motion, Motion.load(path))


def test_pkl_has_the_documented_keys_and_shapes(tmp_path):
    motion = make_motion(6, (make_person(3, range(1, 5)), make_person(8, range(6), seed=1)))
    save_motion(motion, tmp_path / "out.pkl", body=StandInBody(), vertices=True)
    content = pickle.loads((tmp_path / "out.pkl").read_bytes())  # our own file: safe
    assert list(content) == [3, 8]
    assert type(content) is dict
    for person, n in zip(content.values(), (4, 6), strict=True):
        assert set(person) >= PARE_KEYS
        shapes = {
            "pred_cam": (n, 3), "orig_cam": (n, 4), "verts": (n, 7, 3), "pose": (n, 72), "betas": (n, 10),
            "joints3d": (n, 49, 3), "joints2d": (n, 33, 3), "bboxes": (n, 4), "frame_ids": (n,),
            "smpl_joints2d": (n, 49, 2),
            "trans": (n, 3), "trans_world": (n, 3), "pose_world": (n, 72), "global_orient": (n, 3), "contacts": (n, 4),
            "times": (n,), "clip_times": (6,),
        }  # fmt: skip
        assert {key: person[key].shape for key in shapes} == shapes
        assert person["fps"] == pytest.approx(29.97)
        assert person["contacts"].dtype == bool
        assert person["verts"].dtype == np.float32
        np.testing.assert_array_equal(person["bboxes"][:, 2], person["bboxes"][:, 3])
        np.testing.assert_array_equal(person["times"], motion.times[person["frame_ids"]])


def test_without_vertices_verts_is_none(tmp_path):
    save_motion(make_motion(), tmp_path / "out.pkl", body=StandInBody())
    assert pickle.loads((tmp_path / "out.pkl").read_bytes())[1]["verts"] is None


def test_pare_cameras_agree_with_the_perspective_camera(tmp_path):
    """PARE's formulas, written out here, against the perspective projection of a flat body (all at the pelvis' depth),
    for which weak perspective is exact."""
    person = make_person(fields=("pose", "betas", "transl", "joints", "boxes"))
    flat = person.joints.copy()
    flat[..., 2] = flat[:, :1, 2]
    motion = make_motion(people=(person.replace(joints=flat),))
    camera = motion.camera.replace(distortion=None, intrinsics=[[500, 0, 310], [0, 500, 250], [0, 0, 1]])
    motion = motion.replace(camera=camera)
    save_motion(motion, tmp_path / "out.pkl", body=StandInBody())
    saved = pickle.loads((tmp_path / "out.pkl").read_bytes())[1]
    expected = flat[..., :2] / flat[..., 2:] * 500 + [310, 250]
    body = flat - person.transl[:, None]

    sx, sy, tx, ty = saved["orig_cam"].T[..., None]
    drawn_x = (sx * (body[..., 0] + tx) + 1) * 640 / 2
    drawn_y = (sy * (body[..., 1] + ty) + 1) * 480 / 2
    np.testing.assert_allclose(np.stack([drawn_x, drawn_y], -1), expected, atol=1e-6)

    s, tx, ty = saved["pred_cam"].T[..., None]
    cx, cy, side, _ = saved["bboxes"].T[..., None]
    in_crop = np.stack([cx + side / 2 * s * (body[..., 0] + tx), cy + side / 2 * s * (body[..., 1] + ty)], -1)
    np.testing.assert_allclose(in_crop, expected, atol=1e-6)


def test_boxes_with_nan_rows_are_replaced_by_the_projected_body(tmp_path):
    person = make_person(fields=("pose", "betas", "transl", "joints", "boxes"))
    boxes = person.boxes.copy()
    boxes[2] = np.nan
    save_motion(make_motion(people=(person.replace(boxes=boxes),)), tmp_path / "out.pkl")
    saved = pickle.loads((tmp_path / "out.pkl").read_bytes())[1]
    assert np.isfinite(saved["bboxes"]).all()
    assert np.isfinite(saved["orig_cam"]).all()
    assert Motion.load(tmp_path / "out.pkl").people[0].boxes[2] == pytest.approx(np.full(4, np.nan), nan_ok=True)


READER = """
    import sys, warnings
    warnings.simplefilter("error")
    sys.modules["kinema"] = None  # any import of it fails
    path, how = sys.argv[1:]
    if how == "joblib":
        import joblib
        content = joblib.load(path)
    else:
        import pickle
        with open(path, "rb") as file:
            content = pickle.load(file)
    person = content[1]
    assert person["pose"].shape == (5, 72) and person["pose"].flags.writeable
    assert person["provenance"][0]["name"] == "tracking" and person["camera"]["width"] == 640
    print("kinema" in str([m for m in sys.modules if sys.modules[m] is not None and m.startswith("kinema")]))
"""


@pytest.mark.parametrize("how", ["pickle", "joblib"])
def test_pkl_opens_where_kinema_is_not_installed(tmp_path, how):
    if how == "joblib":
        pytest.importorskip("joblib")
    path = make_motion().save(tmp_path / "out.pkl")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READER), str(path), how], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"


def test_pkl_uses_only_names_that_every_numpy_has(tmp_path):
    import pickletools

    path = make_motion().save(tmp_path / "out.pkl")
    ops = list(pickletools.genops(path.read_bytes()))
    words = {arg for op, arg, _ in ops if "UNICODE" in op.name}
    assert not {w for w in words if w.startswith("numpy._core")}
    assert "numpy.core.multiarray" in words
    assert max(arg for op, arg, _ in ops if op.name == "PROTO") == 4


# --- free data, uncertainties, arrays in files ---------------------------------------------------------


def furnished(folder) -> Motion:
    """A motion with everything that the table of fields offers beside the usual."""
    path = folder / "vertices.npy"
    np.save(path, np.arange(5 * 6.0).reshape(5, 2, 3))
    person = make_person().replace(
        keypoint3d_set="h36m17", keypoints3d=np.ones((5, 17, 3)), keypoint3d_uncertainty=np.full((5, 17), 0.1),
        joint_uncertainty=np.full((5, 24), np.nan), joint_seen=np.ones((5, 24), dtype=bool),
        scale=np.linspace(0.9, 1.1, 5), vertices=StoredArray(path),
        vertex_uncertainty=StoredArray(folder / "sigma.npy"),
        masks=StoredArray(folder / "masks.npy", np.array([7, 8, 9, 3, 3])),
        data={"speed": np.arange(5), "flags": np.ones((5, 2), bool), "label": "ünï", "nested": {"a": [1, None]}},
    )  # fmt: skip
    plain = make_person(4, range(2), fields=("pose", "betas", "transl"), seed=2)
    return make_motion(people=(person, plain), data={"curve": np.arange(3, dtype=np.float32), "notes": ["a", "b"]})


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_everything_comes_back(tmp_path, suffix):
    motion = furnished(tmp_path)
    again = Motion.load(motion.save(tmp_path / f"out{suffix}"))
    assert_same_motion(make_bare(motion), make_bare(again))
    for one, other in zip(motion, again, strict=True):
        assert one.keypoint3d_set == other.keypoint3d_set
        np.testing.assert_equal(dict(one.data), dict(other.data))
        assert {name: value.dtype for name, value in one.data.items() if isinstance(value, np.ndarray)} == {
            name: value.dtype for name, value in other.data.items() if isinstance(value, np.ndarray)
        }
    np.testing.assert_equal(dict(motion.data), dict(again.data))
    assert again.data["curve"].dtype == np.float32
    person = again.people[0]
    np.testing.assert_array_equal(person.vertices.open(), motion.people[0].vertices.open())
    assert person.masks.path == tmp_path / "masks.npy"
    assert person.masks.rows.tolist() == [7, 8, 9, 3, 3]
    assert person.vertices.rows is None
    assert person.vertex_uncertainty.path == tmp_path / "sigma.npy"
    for value in (person.data["speed"], again.data["curve"], person.scale, person.masks.rows):
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 1


def make_bare(motion: Motion) -> Motion:
    """Without the arrays in files, which do not compare."""
    return motion.replace(
        people=tuple(person.replace(vertices=None, vertex_uncertainty=None, masks=None) for person in motion)
    )


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_parts_come_back_too(tmp_path, suffix):
    part = furnished(tmp_path).slice(start=0.05, end=0.15)
    again = Motion.load(part.save(tmp_path / f"out{suffix}"))
    assert again.people[0].data["speed"].tolist() == [1, 2, 3]
    assert again.people[0].masks.rows.tolist() == [8, 9, 3]
    np.testing.assert_array_equal(again.people[0].vertices.open(), part.people[0].vertices.open())


def test_optional_keys_appear_when_they_are_filled(tmp_path):
    plain = pickle.loads(make_motion().save(tmp_path / "plain.pkl").read_bytes())[1]
    full = pickle.loads(furnished(tmp_path).save(tmp_path / "full.pkl").read_bytes())[1]
    optional = {field.pkl for field in PERSON_FIELDS.values() if not field.always} | {"keypoint3d_set", "data"}
    assert not optional & set(plain)
    assert optional <= set(full)


# --- the registry ------------------------------------------------------------------------------------


def test_listing_imports_no_format():
    code = (
        "import sys; from kinema.formats import formats; formats(); print([m for m in sys.modules if 'kinema_' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_row_names_a_module_with_its_functions():
    for entry in formats():
        module = entry.load()
        assert not entry.reads or (callable(module.read) and callable(module.recognises))
        assert not entry.writes or callable(module.write)
        assert entry.suffixes
        assert FORMATS.find(entry.name) is entry


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.json"])
def test_an_unknown_suffix_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"suffix; use one of \.pkl, \.npz"):
        make_motion().save(tmp_path / name)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UsageError, match="unknown motion format 'xyz'; known: kinema-pkl"):
        save_motion(make_motion(), tmp_path / "a.pkl", format="xyz")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = make_motion().save(tmp_path / "out.pkl")
    before = path.read_bytes()

    class Broken(StandInBody):
        def posed_points(self, *_):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        save_motion(make_motion(), path, body=Broken())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.pkl"]


# --- bad files ---------------------------------------------------------------------------------------


def one_sentence(path, match):
    with pytest.raises(KinemaError) as caught:
        load_motion(path)
    message = str(caught.value)
    assert "\n" not in message
    import re

    assert re.search(match, message), message
    return caught.value


def test_missing_empty_folder_and_foreign_files(tmp_path):
    one_sentence(tmp_path / "no.pkl", "does not exist")
    (tmp_path / "empty.pkl").write_bytes(b"")
    one_sentence(tmp_path / "empty.pkl", "is empty")
    (tmp_path / "d.pkl").mkdir()
    one_sentence(tmp_path / "d.pkl", "is a folder")
    (tmp_path / "a.txt").write_text("hello")
    one_sentence(tmp_path / "a.txt", "does not have the suffix of a motion file")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    one_sentence(tmp_path / "list.pkl", "holds a list")
    (tmp_path / "dict.pkl").write_bytes(pickle.dumps({"a": 1}))
    one_sentence(tmp_path / "dict.pkl", "not a motion file that Kinema knows")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    one_sentence(tmp_path / "other.npz", "not a motion file that Kinema knows")


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_truncated_files_are_refused_in_one_sentence(tmp_path, suffix):
    path = make_motion().save(tmp_path / f"whole{suffix}")
    data = path.read_bytes()
    for size in np.linspace(1, len(data) - 1, 25).astype(int):
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(data[:size])
        with pytest.raises(KinemaError) as caught:
            load_motion(cut)
        assert "\n" not in str(caught.value)


def test_flipped_bytes_never_crash(tmp_path):
    rng = np.random.default_rng(1)
    for suffix in (".pkl", ".npz"):
        data = make_motion(3).save(tmp_path / f"whole{suffix}").read_bytes()
        for _ in range(60):
            broken = bytearray(data)
            for place in rng.integers(0, min(len(data), 4000), size=3):
                broken[place] = rng.integers(0, 256)
            target = tmp_path / f"flipped{suffix}"
            target.write_bytes(bytes(broken))
            try:
                load_motion(target)
            except KinemaError as error:
                assert "\n" not in str(error)  # noqa: PT017  a flipped byte in a number may also pass


def edited(tmp_path, **changes):
    """A saved .pkl with keys of person 1 changed (None deletes)."""
    path = make_motion().save(tmp_path / "out.pkl")
    content = pickle.loads(path.read_bytes())
    for key, value in changes.items():
        if value is None:
            del content[1][key]
        else:
            content[1][key] = value
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"frame_ids": None}, "person 1 lacks frame_ids"),
        ({"clip_times": None}, "lacks clip_times"),
        ({"pose": np.zeros((5, 71))}, r"pose has shape \(5, 71\), expected \(5, 72\)"),
        ({"pose": np.full((5, 72), np.nan)}, "pose holds a value that is not finite"),
        ({"pose": np.array(["a"])}, "pose must be numbers"),
        ({"pose": [[1.0], [1.0, 2.0]]}, "pose must be numbers"),
        ({"frame_ids": np.array([-1, 0, 1, 2, 3])}, "non-negative"),
        ({"frame_ids": np.array([0, 1, 1, 2, 3])}, "strictly increasing"),
        ({"frame_ids": np.array([0, 1, 2, 3, 99])}, "outside the clip"),
        ({"frame_ids": np.array([0.5, 1, 2, 3, 4])}, "whole numbers"),
        ({"keypoint_set": "faces"}, "keypoint_set is 'faces'"),
        ({"clip_times": np.zeros(5)}, "strictly increasing"),
        ({"image_size": np.array([1, 2, 3])}, "width and height"),
        ({"camera": "no"}, "camera must be a dict"),
        ({"provenance": 7}, "provenance must be a list"),
        ({"kinema_format": 99}, "newer Kinema"),
        ({"kinema_format": "x"}, "kinema_format must be numbers"),
    ],
)
def test_malformed_pkl(tmp_path, changes, match):
    one_sentence(edited(tmp_path, **changes), match)


def test_people_of_two_clips_in_one_file(tmp_path):
    path = make_motion(5).save(tmp_path / "a.pkl")
    content = pickle.loads(path.read_bytes())
    content[2] = pickle.loads(make_motion(7).save(tmp_path / "b.pkl").read_bytes())[1]
    path.write_bytes(pickle.dumps(content, protocol=4))
    one_sentence(path, "person 2 belongs to another clip")


def test_nothing_in_a_file_is_executed(tmp_path):
    marker = tmp_path / "ran"
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({1: {"pose": touching(marker)}}))
    error = one_sentence(tmp_path / "bad.pkl", "system")
    assert isinstance(error, UnsafeFileError)
    np.savez(tmp_path / "bad.npz", **{"kinema.format": np.array([touching(marker)], dtype=object)})
    error = one_sentence(tmp_path / "bad.npz", "system")
    assert isinstance(error, UnsafeFileError)
    np.savez(tmp_path / "amass.npz", poses=np.array([touching(marker)], dtype=object), trans=np.zeros((1, 3)))
    one_sentence(tmp_path / "amass.npz", "system")
    assert not marker.exists()


def test_zip_bombs_and_false_headers_are_refused(tmp_path):
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("poses.npy", "w") as member:
        for _ in range(300):
            member.write(bytes(2**20))
    one_sentence(bomb, "unpacks to 300 MiB")

    import io

    def header(shape):
        data = io.BytesIO()
        np.lib.format.write_array_header_1_0(data, {"descr": "<f8", "fortran_order": False, "shape": shape})
        return data.getvalue()

    for shape in [(10**12, 165), (2**63, 2), (-1, 165), (3, 165)]:
        false_header = tmp_path / "false_header.npz"
        with zipfile.ZipFile(false_header, "w") as archive:
            archive.writestr("poses.npy", header(shape) + bytes(80))
            archive.writestr("trans.npy", header((1, 3)) + bytes(24))
        assert isinstance(one_sentence(false_header, "poses"), InputError)

    many = tmp_path / "many.npz"
    with zipfile.ZipFile(many, "w") as archive:
        for i in range(20_001):
            archive.writestr(f"a{i}.npy", b"")
    one_sentence(many, "unpacks to 20001 arrays")


def test_deep_json_and_wrong_json(tmp_path):
    path = make_motion().save(tmp_path / "out.npz")
    with np.load(path) as data:
        arrays = dict(data)
    for value in ["[" * 100_000, "{", "[]", '{"camera": 3}']:
        np.savez(path, **{**arrays, "kinema.clip": np.array(value)})
        one_sentence(path, "kinema.clip|camera")


def test_unknown_person_fields_are_refused(tmp_path):
    path = make_motion().save(tmp_path / "out.npz")
    with np.load(path) as data:
        arrays = dict(data)
    np.savez(path, **arrays, **{"kinema.1.frozen": np.zeros(3)})
    one_sentence(path, "fields that Kinema does not know: frozen")
