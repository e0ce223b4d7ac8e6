"""Cases of golden tests come from the recorded keys; where there is none of a kind, its test fails."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.goldens import cases, each_case, thinned


@pytest.fixture
def folder(tmp_path, monkeypatch):
    np.savez(tmp_path / "golden.npz", **{"net_w24.out": np.ones(2), "net_w6.out": np.ones(3), "seq.x_1in7": np.ones(5)})
    monkeypatch.setenv("KINEMA_GOLDENS", str(tmp_path))
    return tmp_path


def parameters(test) -> list:
    (mark,) = test.pytestmark
    return mark.args[1]


def a_test():
    def runs(case, window):
        raise AssertionError(f"ran with {case}, {window}")

    return runs


@pytest.mark.usefixtures("folder")
def test_cases_are_those_of_the_file():
    test = each_case("case,window", "golden.npz", r"(\w+)_w(\d+)\.out")(a_test())
    assert parameters(test) == [("net", 24), ("net", 6)]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("file", ["golden.npz", "lost.npz"])
def test_a_test_without_a_case_fails(file):
    test = each_case("case,window", file, r"(\w+)_n(\d+)\.out")(a_test())
    ((case, window),) = [each.values for each in parameters(test)]
    with pytest.raises(pytest.fail.Exception, match=f"{file} holds no key"):
        test(case=case, window=window)


def test_without_the_folder_a_test_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_GOLDENS", str(tmp_path / "nowhere"))
    (parameter,) = parameters(each_case("case,window", "golden.npz", r"(\w+)_w(\d+)\.out")(a_test()))
    (mark,) = parameter.marks
    assert mark.name == "skip"
    assert "KINEMA_GOLDENS does not name a folder" in mark.kwargs["reason"]


def test_keys_are_read():
    keys = {"a.x_1in7": np.ones(5), "a.x": np.ones(35)}
    assert thinned(keys, "a.x")[0] == 7
    with pytest.raises(AssertionError, match="no recorded key"):
        cases(keys, r"b\.(\w+)")
