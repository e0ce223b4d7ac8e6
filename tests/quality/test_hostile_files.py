"""Hostile and broken files: nothing is executed, nothing crashes, memory stays bounded, errors are one sentence."""

from __future__ import annotations

import resource
import sys
import time

import pytest

from kinema.__main__ import main
from tests.helpers.hostile_files import COUNT, hostile_files

MEMORY = 300 * 2**20
"""Bytes by which the process may grow over all files: the largest well-formed one holds half a megabyte."""


def peak_memory() -> int:
    """Peak resident size of the process so far, bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    marker = folder / "executed"
    paths = []
    for name, data in hostile_files(str(marker)):
        path = folder / name
        path.write_bytes(data)
        paths.append(path)
    assert len(set(paths)) == COUNT
    return marker, paths


@pytest.mark.filterwarnings("error")  # a warning would be a second, unhelpful sentence
@pytest.mark.parametrize("command", [["validate", "--no-files"], ["diagnose", "--json"]])
def test_none_of_two_hundred_files_crashes_a_command(files, command, capsys):
    marker, paths = files
    main([command[0], str(paths[0]), *command[1:]])  # what is loaded only once does not count
    before = peak_memory()
    bad = []
    for path in paths:
        begin = time.process_time()
        code = main([command[0], str(path), *command[1:]])  # an exception here is a traceback for the user
        seconds = time.process_time() - begin
        out, err = capsys.readouterr()
        printed = [line for line in (out + err).splitlines() if line.strip()]
        if code not in (0, 1, 3) or not printed or "Traceback" in out + err or "\x1b" in out + err:
            bad.append((path.name, code, printed[:2]))
        if code == 3 and len(printed) != 1:
            bad.append((path.name, "more than one sentence", printed[:3]))
        if seconds > 10:
            bad.append((path.name, f"took {seconds:.0f} s"))
        assert not marker.exists(), f"{path.name} was executed"
    assert bad == []
    assert peak_memory() - before < MEMORY


def test_faults_are_reported(files, capsys):
    _, paths = files
    expected = {
        "call_system_0.pkl": "system", "nan_pose.pkl": "pose holds 1440 values that are not finite",
        "negative_ids.pkl": "frame_ids must be whole numbers from 0", "short_trans.pkl": "trans has shape (17, 3)",
        "falling_ids.pkl": "frame_ids must increase strictly", "text_id.pkl": "'first' is not a track id",
        "zero_matrices.pkl": "matrices that are not rotations", "large_angles.pkl": "are these degrees?",
        "other_root.pkl": "global_orient differs",
        "text_array.pkl": "pose must hold numbers",
        "far_away.pkl": "are these metres?", "nobody.pkl": "",
    }  # fmt: skip
    for path in paths:
        if path.name in expected:
            main(["validate", str(path), "--no-files"])
            captured = capsys.readouterr()
            assert expected[path.name] in captured.out + captured.err, path.name
            if path.name not in ("large_angles.pkl", "other_root.pkl", "far_away.pkl"):
                assert captured.out.startswith("FAIL"), path.name
