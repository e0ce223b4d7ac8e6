"""`kinema weights` as a user runs it: output, exit codes, and what is asked."""

from __future__ import annotations

import hashlib
import json
import sys

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.models.blazepose.weights import MEDIAPIPE
from kinema.models.pare.weights import PARE
from kinema.models.smoothnet.weights import SMOOTHNET
from kinema.weights import catalogue, clients
from tests.helpers.onnx_networks import network_bytes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and a pip that only fails: these tests fetch nothing."""
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KINEMA_OFFLINE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    words = "ERROR: No matching distribution found"
    command = [sys.executable, "-c", f"import sys; sys.stderr.write({words!r}); sys.exit(1)"]
    monkeypatch.setattr(clients, "pip_command", lambda *_: command)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "checkpoint_16.npz"
    np.savez(path, **{"encoder.0.weight": np.zeros((4, 16)), "decoder.weight": np.zeros((16, 4))})
    return path


def test_list_shows_every_entry_in_eighty_columns(capsys):
    assert main(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines()[:-1])
    assert all(entry.name in out for entry in catalogue.entries())
    assert out.count("on first use") == sum(entry.place is not None for entry in catalogue.entries())
    assert out.count("add yourself") == sum(entry.place is None for entry in catalogue.entries())


def test_list_says_for_what_they_may_be_used_and_what_they_learned_from(capsys):
    main(["weights", "list"])
    out = " ".join(capsys.readouterr().out.split())
    for entry in catalogue.entries():
        assert f"{entry.name} {entry.licence.use} " in out
        if entry.data is not None:
            assert f"trained on {entry.data.name}" in out
            assert f"{entry.data.name}: {entry.data.terms}" in out


def test_list_says_which_hash_vouches_for_a_file(capsys, cache):
    """Published, of the archive, nobody's yet; and what has been recorded here."""
    network = network_bytes(outputs=("dets", "labels"), weights=10)
    cache.mkdir(parents=True)
    (cache / "end2end.onnx").write_bytes(network)
    main(["weights", "list"])
    before = capsys.readouterr().out.splitlines()
    assert main(["weights", "add", "yolox-l", str(cache / "end2end.onnx")]) == 0
    main(["weights", "list", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out.split("\n", 1)[1])}
    said = {line.split()[0]: line for line in before if line and not line.startswith(" ")}
    assert "published  " in said["rtmpose-m"]
    assert "published, zip" in said["rtmpose-l-halpe26"]
    assert "none yet" in said["yolox-l"]
    assert [rows[name]["hash"] for name in ("rtmpose-m", "rtmpose-l-halpe26", "yolox-x", "yolox-l")] == [
        "published", "archive", "none", "recorded",
    ]  # fmt: skip
    assert rows["yolox-l"]["sha256"] == hashlib.sha256(network).hexdigest()
    (cache / "yolox-l.onnx").write_bytes(network_bytes(outputs=("dets", "labels"), weights=11))
    assert main(["weights", "check", "yolox-l"]) == 1
    assert "corrupted" in capsys.readouterr().out


def test_list_of_a_family(capsys):
    main(["weights", "list", "yolox", "--json"])
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names == [entry.name for entry in catalogue.entries() if entry.name.startswith("yolox")]
    main(["weights", "list", "rtmpose-m"])
    assert capsys.readouterr().out.count("description:") == 1
    assert main(["weights", "list", "yolo"]) == 2
    assert "choose one of yolov3, yolov3-spp, yolox-nano" in capsys.readouterr().err


def test_list_of_one_shows_licence_source_and_hash(capsys):
    assert main(["weights", "list", "blazepose-detector", "pare"]) == 0
    out = capsys.readouterr().out
    entry = catalogue.find("blazepose-detector")
    for text in (entry.sha256, entry.licence.url, "mediapipe==0.10.21", PARE.url, "non-commercial"):
        assert text in out


def test_list_as_json_has_what_a_program_needs(capsys):
    assert main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {entry.name for entry in catalogue.entries()}
    assert rows["blazepose-detector"]["state"] == "missing"
    assert rows["blazepose-detector"]["package_sha256"] == MEDIAPIPE.sha256
    assert rows["pare"]["research_only"] is True


def test_get_says_in_one_sentence_why_not(capsys, monkeypatch):
    assert main(["weights", "get", "blazepose"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("kinema: the weights in mediapipe==0.10.21 could not be fetched")
    assert error.count("\n") == 1
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    assert main(["weights", "get", "blazepose"]) == 3
    assert "KINEMA_OFFLINE" in capsys.readouterr().err
    assert main(["weights", "get", "nonsense"]) == 2
    assert "see all of them with" in capsys.readouterr().err
    assert main(["weights", "get", "pare"]) == 3
    assert "cannot be downloaded for you" in capsys.readouterr().err


def test_add_asks_for_the_licence_if_the_user_can_answer(capsys, checkpoint, monkeypatch, cache):
    add = ["weights", "add", "smoothnet-16", str(checkpoint)]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(add) == 2
    assert "--accept-licence" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: "no")
    assert main(add) == 3
    shown = capsys.readouterr().err
    assert SMOOTHNET.url in shown
    assert "not used without agreement" in shown
    assert not (cache / "smoothnet_16.pth.tar").exists()
    monkeypatch.setattr("builtins.input", lambda: "yes")
    assert main([*add, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["path"] == str(cache / "smoothnet_16.pth.tar")
    monkeypatch.setattr("builtins.input", lambda: pytest.fail("asked twice"))
    assert main(["weights", "get", "smoothnet-16"]) == 0


def test_accepting_on_the_command_line_still_shows_the_licence(capsys, checkpoint):
    assert main(["weights", "add", "smoothnet-16", str(checkpoint), "--accept-licence"]) == 0
    assert SMOOTHNET.url in capsys.readouterr().err


def test_check_answers_with_its_exit_code(capsys, checkpoint, cache):
    assert main(["weights", "check"]) == 0
    assert "holds no weights yet" in capsys.readouterr().out
    assert main(["weights", "check", "blazepose"]) == 1
    main(["weights", "add", "smoothnet-16", str(checkpoint), "--accept-licence"])
    capsys.readouterr()
    assert main(["weights", "check"]) == 0
    assert "ready" in capsys.readouterr().out
    (cache / "smoothnet_16.pth.tar").write_bytes(b"corrupted")
    assert main(["weights", "check", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["state"] == "damaged"


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["weights", "--help"])
    assert caught.value.code == 0
    assert "kinema weights add blazepose" in capsys.readouterr().out


def test_debug_may_stand_behind_the_action(capsys):
    with pytest.raises(Exception, match="no weights called"):
        main(["weights", "get", "nonsense", "--debug"])
