"""`kinema info` shows what a bug report needs, even if something is broken."""

from __future__ import annotations

import builtins
import json
import platform

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.commands import info
from kinema.formats.registry import FORMATS, MotionFormat


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "cache"


def test_it_names_versions_platform_and_cache(capsys, cache, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    for text in (kinema.__version__, platform.python_version(), np.__version__, "libavcodec", "OMP_NUM_THREADS 3"):
        assert text in out
    assert "not created yet" in out


def test_it_says_so_as_json(capsys, cache):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["cache"].startswith(str(cache))
    assert facts["weights"] == {}


def test_it_lists_what_other_packages_have_added(capsys):
    FORMATS.register(MotionFormat("tapestry", "woven", (".wool",), object()))
    try:
        assert main(["info", "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
    finally:
        FORMATS.unregister("tapestry")
    assert facts["formats"][-1] == "tapestry (added)"
    assert "keypoints" in facts["estimators"]
    assert "kinema" in facts["trackers"]
    assert {"whittaker", "smoothnet"} <= set(facts["refiners"])
    assert main(["info"]) == 0
    assert "whittaker, gaussian" in capsys.readouterr().out


def test_what_is_broken_is_reported_and_nothing_fails(capsys, monkeypatch):
    real = builtins.__import__

    def broken(name, *args, **kwargs):
        if name == "av":
            raise ImportError("libavcodec.so: cannot open shared object file")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    monkeypatch.setattr(info.platform, "platform", lambda: 1 / 0)
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ffmpeg"] == "unknown (ImportError: libavcodec.so: cannot open shared object file)"
    assert facts["platform"].startswith("unknown (ZeroDivisionError")


def test_a_missing_dependency_is_marked(monkeypatch):
    monkeypatch.setattr(
        info.metadata, "requires", lambda name: ["numpy>=1.26", "no-such-package>=2; extra == 'x'", "gone"]
    )
    packages = info.gather()["packages"]
    assert packages["gone"] == "MISSING"
    assert "no-such-package" not in packages
