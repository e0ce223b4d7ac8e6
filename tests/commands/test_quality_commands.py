"""kinema validate, stabilize and diagnose as a user calls them."""

from __future__ import annotations

import csv
import json
import pickle

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import free_body
from kinema.formats import load_motion, save_motion
from kinema.quality.corruption import CORRUPTIONS
from kinema.synthetic import procedural_motion
from tests.helpers.recorded_motions import each_kind, recorded_motions


@pytest.fixture(scope="module")
def motions():
    walk = procedural_motion(free_body(), "demo")
    return {
        "walk": walk,
        "teleport": CORRUPTIONS["teleport"](walk, np.random.default_rng(0)),
        "jitter": CORRUPTIONS["jitter"](walk, np.random.default_rng(0)),
    }


@pytest.fixture
def saved(motions, tmp_path):
    return {name: save_motion(motion, tmp_path / f"{name}.pkl") for name, motion in motions.items()}


@pytest.mark.parametrize(
    ("name", "verdict", "code"), [("walk", "PASS", 0), ("teleport", "PASS_WITH_CLEANUP", 0), ("jitter", "FAIL", 1)]
)
def test_validate_prints_the_verdict_and_exits_accordingly(saved, capsys, name, verdict, code):
    assert main(["validate", str(saved[name])]) == code
    out = capsys.readouterr().out
    assert out.split()[0] == verdict
    folder = saved[name].parent
    report = json.loads((folder / f"{name}_motion_validation.json").read_text())
    assert report["verdict"] == verdict
    with (folder / f"{name}_bad_frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert bool(rows) == (name != "walk")


def test_reports_on_several_files_of_one_folder_do_not_replace_each_other(saved):
    for name in ("walk", "jitter"):
        main(["validate", str(saved[name])])
    folder = saved["walk"].parent
    verdicts = [json.loads((folder / f"{n}_motion_validation.json").read_text())["verdict"] for n in ("walk", "jitter")]
    assert verdicts == ["PASS", "FAIL"]
    assert (folder / "jitter_bad_frames.csv").stat().st_size > (folder / "walk_bad_frames.csv").stat().st_size


def test_reports_go_to_the_chosen_folder(saved, tmp_path, capsys):
    assert main(["validate", str(saved["walk"]), "--out", str(tmp_path / "a" / "b")]) == 0
    assert (tmp_path / "a" / "b" / "walk_motion_validation.json").is_file()
    assert not list(saved["walk"].parent.glob("*.json"))
    assert main(["validate", str(saved["walk"]), "--no-files"]) == 0
    assert "reports" not in capsys.readouterr().out.splitlines()[-1]


def test_single_checks(saved, capsys):
    assert main(["validate", str(saved["jitter"]), "--check", "structure", "--check", "motion", "--no-files"]) == 0
    assert capsys.readouterr().out.startswith("PASS  (structure PASS, motion PASS)")


def test_the_video2pkl_profile(saved, capsys):
    # A calm walk turns its knees faster than 250 degrees a second.
    assert main(["validate", str(saved["walk"]), "--profile", "video2pkl", "--check", "quality", "--no-files"]) in (
        0,
        1,
    )
    assert "turn" in capsys.readouterr().out
    assert main(["validate", str(saved["walk"]), "--profile", "fork", "--check", "quality", "--no-files"]) in (0, 1)


def test_wrong_use_and_missing_files_have_their_codes(tmp_path, capsys):
    assert main(["validate", str(tmp_path / "none.pkl")]) == 3
    assert "does not exist" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "x.pkl", "--check", "beauty"])
    broken = tmp_path / "broken.pkl"
    broken.write_bytes(b"broken")
    assert main(["validate", str(broken)]) == 1
    assert capsys.readouterr().out.startswith("FAIL")
    assert json.loads((tmp_path / "broken_motion_validation.json").read_text())["verdict"] == "FAIL"
    assert main(["stabilize", str(broken)]) == 3
    assert main(["diagnose", str(broken)]) == 1


def test_stabilize_writes_next_to_the_file_and_reports(saved, capsys):
    assert main(["stabilize", str(saved["teleport"])]) == 0
    out = capsys.readouterr().out
    assert "world: lead" in out or "world: replace" in out
    stable = load_motion(saved["teleport"].with_name("teleport_stable.pkl"))
    assert stable.provenance[-1].name == "stabilize"
    assert main(["validate", str(saved["teleport"].with_name("teleport_stable.pkl")), "--no-files"]) == 0


def test_stabilize_with_chosen_steps_and_suffix(saved, tmp_path):
    out = tmp_path / "steady.npz"
    assert main(["stabilize", str(saved["jitter"]), "--step", "smooth", "--out", str(out)]) == 0
    assert load_motion(out).provenance[-1].arguments["steps"] == ["smooth"]


@pytest.mark.golden
@each_kind
def test_video2pkls_stabiliser_on_its_own_file(kind, tmp_path, capsys):
    arrays, reports = recorded_motions()
    report = reports[kind]["stabilizer"]
    count = report["total_frames"]
    person = {name: arrays[f"{kind}.in.{name}"] for name in ("pose", "trans", "global_orient")}
    path = tmp_path / "motion.pkl"
    path.write_bytes(pickle.dumps({1: person | {"betas": np.zeros((count, 10)), "frame_ids": np.arange(count)}}))
    argv = ["stabilize", str(path), "--profile", "fork", "--out", str(tmp_path / "out.pkl")]
    assert main([*argv, "--fps", str(report["fps"])]) == 0
    outliers, turns = report["outlier_detection"]["outlier_count"], report["angular_velocity"]["joints_clamped"]
    assert f"{report['status']}: {outliers} outlier frames replaced, {turns} joint rotations" in capsys.readouterr().out
    stable = load_motion(tmp_path / "out.pkl").people[0]
    np.testing.assert_allclose(stable.pose, arrays[f"{kind}.stable.pose"], atol=1e-9)
    np.testing.assert_allclose(-stable.transl, arrays[f"{kind}.stable.trans"], atol=1e-9)


def test_diagnose_as_text_and_json(saved, capsys):
    assert main(["diagnose", str(saved["walk"])]) == 0
    text = capsys.readouterr().out
    assert "kinema-pkl" in text
    assert "person 1:" in text
    assert main(["diagnose", str(saved["walk"]), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["people"][0]["motion_type"]["kind"] in text


def test_diagnose_plots(saved, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    image = tmp_path / "walk.svg"
    assert main(["diagnose", str(saved["walk"]), "--plot", str(image)]) == 0
    assert f"plot: {image}" in capsys.readouterr().out
    assert image.read_text().lstrip().startswith("<?xml")


@pytest.mark.real
def test_published_dance_passes_where_video2pkl_fails_it(data_dir, capsys):
    path = str(data_dir / "smpl_samples" / "aistpp_gWA_sFM_cAll_d27_mWA5_ch20.pkl")
    assert main(["validate", path, "--no-files"]) == 0
    assert capsys.readouterr().out.startswith("PASS  ")
    assert main(["validate", path, "--no-files", "--profile", "video2pkl"]) == 1


@pytest.mark.parametrize("command", ["validate", "stabilize", "diagnose"])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"kinema {command} smpl_output.pkl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [["stabilize"], ["refine", "--method", "savgol"], ["convert"], ["render"], ["lift"], ["stage", "stabilize"]],
)
def test_a_folder_in_place_of_the_file_to_write_is_named_before_the_work(saved, tmp_path, capsys, command):
    (tmp_path / "results").mkdir()
    assert main([*command, str(saved["walk"]), "--out", str(tmp_path / "results")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{tmp_path / 'results'} is a folder; name a file in it" in said.err


@pytest.mark.parametrize(
    "command",
    [
        ["stabilize"], ["refine", "--method", "savgol"], ["render"], ["lift"], ["stage", "stabilize"], ["camera"],
        ["segment"],
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_written_to_is_named_before_the_work(saved, tmp_path, capsys, command):
    """The input is not what some of these commands read: had they begun, they would have said so instead."""
    (tmp_path / "file").write_text("x")
    name = {"render": "out.mp4", "segment": "out.pkl"}.get(command[0], "out.npz")
    assert main([*command, str(saved["walk"]), "--out", str(tmp_path / "file" / "deep" / name)]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"kinema: cannot write {tmp_path}/file/deep/{name}: {tmp_path}/file/deep is not a folder; choose another one"
        " with --out\n"
    )


@pytest.mark.parametrize("command", [["lift"], ["stage", "stabilize"]])
def test_the_suffix_of_the_motion_to_write_is_checked_before_the_work(saved, tmp_path, capsys, command):
    assert main([*command, str(tmp_path / "missing.pkl"), "--out", str(tmp_path / "out.foo")]) == 2
    assert "cannot tell the motion format of 'out.foo'" in capsys.readouterr().err


def test_a_sentence_that_answers_several_checks_is_printed_once(tmp_path, capsys):
    (tmp_path / "empty.pkl").write_bytes(pickle.dumps({}))
    assert main(["validate", str(tmp_path / "empty.pkl")]) == 1
    assert capsys.readouterr().out.count("there is nobody in it") == 1


def test_a_frame_number_too_large_is_called_that(saved, tmp_path, capsys):
    content = pickle.loads(saved["walk"].read_bytes())
    next(iter(content.values()))["frame_ids"][-1] = 2**62
    (tmp_path / "huge.pkl").write_bytes(pickle.dumps(content))
    assert main(["validate", str(tmp_path / "huge.pkl")]) == 1
    assert "frame_ids must be whole numbers of at most 9.0072e+15" in capsys.readouterr().out
