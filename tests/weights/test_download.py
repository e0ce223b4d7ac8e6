"""Files at public addresses: fetched by https, checked, taken out of zip archives, whatever the network does."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import zipfile
from pathlib import Path

import pytest

from kinema.errors import InputError, WeightsError
from kinema.weights import catalogue, https, hub, locate
from kinema.weights.entry import OPENMMLAB, Entry
from kinema.weights.places import Download
from tests.helpers.file_server import serving, write_certificate
from tests.helpers.onnx_networks import network_bytes

NETWORK = network_bytes(outputs=("simcc_x", "simcc_y"), weights=300_000)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    try:
        write_certificate(path)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate")
    return path


@pytest.fixture
def server(certificate, cache, monkeypatch):
    """A server that this process trusts, reached without a proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(https, "PAUSE", 0.0)
    with serving(certificate) as running:
        yield running


def zipped(path: Path, members: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path.read_bytes()


@pytest.fixture
def row(server, tmp_path, monkeypatch):
    """A function that puts a row into the catalogue, whose archive or file the server has."""

    def add(content: bytes = b"", *, path: str = "/net.zip", published: bool = False, **changes) -> Entry:
        content = content or zipped(tmp_path / "made.zip", {"20230831/work/end2end.onnx": NETWORK, "../../evil": b"x"})
        server.files[path] = content
        known = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} if published else {}
        entry = Entry(
            name="toy", group="toy", file="toy.onnx", what="a toy", licence=OPENMMLAB,
            place=Download(server.url(path), **known), member="end2end.onnx", holds=("simcc_x", "simcc_y"),
        )  # fmt: skip
        entry = dataclasses.replace(entry, **changes)
        rows = (*(each for each in catalogue.entries() if each.name != "toy"), entry)
        monkeypatch.setattr(catalogue, "entries", lambda: rows)
        return entry

    return add


def refused(sentence: str, cache: Path) -> None:
    """Fetching fails with that sentence and leaves nothing but the lock."""
    with pytest.raises(WeightsError, match=sentence) as caught:
        locate("toy")
    assert "\n" not in str(caught.value)
    assert [path.name for path in cache.iterdir() if not path.name.endswith(".json")] == [".lock"]


def test_the_network_is_taken_out_of_the_archive(cache, server, row):
    row(published=True)
    seen = []
    file = locate("toy", progress=lambda done, total: seen.append((done, total)))
    assert file.path.read_bytes() == NETWORK
    assert seen[0] == (0, len(server.files["/net.zip"]))
    assert seen[-1] == (len(server.files["/net.zip"]),) * 2
    assert sorted(path.name for path in cache.iterdir()) == [".lock", "toy.onnx", "toy.onnx.json"]
    assert not (cache.parent.parent / "evil").exists()
    locate("toy")
    assert len(server.requests) == 1
    assert server.requests[0]["User-Agent"].startswith("kinema/")


def test_a_file_that_is_no_archive(cache, server, row):
    row(NETWORK, path="/net.onnx", sha256=hashlib.sha256(NETWORK).hexdigest(), size=len(NETWORK))
    assert locate("toy").path.read_bytes() == NETWORK
    assert hub.status(catalogue.find("toy")).proof == "published"


def test_what_is_not_published_is_recorded_and_checked_from_then_on(cache, server, row, tmp_path):
    entry = row()
    assert hub.status(entry).proof == "none"
    file = locate("toy")
    assert (hub.status(entry).proof, hub.status(entry).sha256) == ("recorded", hashlib.sha256(NETWORK).hexdigest())
    file.path.unlink()
    assert locate("toy") == file  # the same again
    file.path.unlink()
    other = network_bytes(outputs=("simcc_x", "simcc_y"), weights=300_001)
    server.files["/net.zip"] = zipped(tmp_path / "other.zip", {"a/end2end.onnx": other})
    refused("has changed since it was first fetched.*recorded.*remove .*toy.onnx.json", cache)
    (cache / "toy.onnx.json").unlink()
    assert locate("toy").path.read_bytes() == other


def test_a_published_hash_of_the_archive_vouches_for_what_it_holds(cache, row, tmp_path):
    entry = row(published=True)
    assert hub.status(entry).proof == "archive"
    file = locate("toy")
    assert hub.status(entry).proof == "archive"
    (tmp_path / "mine.onnx").write_bytes(NETWORK)
    hub.add("toy", tmp_path / "mine.onnx")
    assert hub.status(entry).proof == "recorded"  # nobody vouches for that one
    assert file.path.is_file()


@pytest.mark.parametrize("broken", [[100_000], [100_000, 1, 50_000]])
def test_a_broken_transfer_goes_on_where_it_stopped(broken, cache, server, row):
    row(published=True)
    server.broken_after = list(broken)
    assert locate("toy").path.read_bytes() == NETWORK
    starts = [int(each["Range"].removeprefix("bytes=")[:-1]) for each in server.requests[1:]]
    assert starts == [sum(broken[: i + 1]) for i in range(len(broken))]


def test_without_parts_it_starts_again(cache, server, row):
    row()
    server.resumes, server.broken_after = False, [100_000]
    assert locate("toy").path.read_bytes() == NETWORK
    assert len(server.requests) == 2


def test_a_transfer_that_never_ends_is_given_up(cache, server, row):
    row()
    server.broken_after = [100_000] + [0] * 10
    size = len(server.files["/net.zip"])
    refused(
        rf"ended after 100000 of {size} bytes; start again, or fetch .* elsewhere and run `kinema weights add", cache
    )
    assert len(server.requests) == https.TRIES + 1


def test_wrong_hashes_are_refused(cache, server, row):
    row(published=True, sha256="0" * 64, size=len(NETWORK))
    refused(f"end2end.onnx in net.zip is not the expected file.*{hashlib.sha256(NETWORK).hexdigest()}", cache)
    entry = row(published=True)
    server.files["/net.zip"] = server.files["/net.zip"][:-1] + b"!"
    refused(f"net.zip is not the expected file and was refused.*expected {entry.place.sha256}", cache)
    row(NETWORK, path="/net.pth.onnx", digits="01234567")
    refused("is not the expected file .*expected to begin with 01234567", cache)
    row(NETWORK, path="/net.pth.onnx", digits=hashlib.sha256(NETWORK).hexdigest()[:8])
    locate("toy")
    assert hub.status(catalogue.find("toy")).proof == "digits"


def test_wrong_sizes_are_refused_before_they_are_read(cache, server, row, monkeypatch):
    row(published=True)
    server.files["/net.zip"] += b"more"
    refused(r"has \d+ bytes, not \d+, and was refused", cache)
    row()
    monkeypatch.setattr(https, "LARGEST", 1000)
    refused(r"has \d+ bytes and was refused; at most 1000 are expected", cache)
    server.lengths["/net.zip"] = 900  # it lies, and the client reads no more than that
    refused("not a complete package file", cache)


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/net.zip", "ftp://127.0.0.1/net.zip", "file:///etc/passwd"])
def test_only_https_is_followed(target, cache, server, row):
    row()
    address = target.format(port=server.port)
    server.redirects["/net.zip"] = address
    refused("leads (on )?to .*, which (is not https, and )?was refused", cache)
    server.redirects["/net.zip"] = server.url("/elsewhere.zip")
    server.files["/elsewhere.zip"] = server.files["/net.zip"]
    locate("toy")


def test_an_address_without_tls_is_never_asked(cache, row, server):
    with serving(None) as plain:
        row(place=Download(plain.url("/net.zip")))
        refused("is not an https address and was refused", cache)
        assert not plain.requests


def test_a_certificate_that_nobody_trusts(cache, server, row, monkeypatch):
    row()
    monkeypatch.delenv("SSL_CERT_FILE")
    refused("certificate is not trusted .*SSL_CERT_FILE", cache)
    assert not server.requests


def test_no_network_says_what_to_fetch_and_where_to_put_it(cache, server, row, monkeypatch):
    url = row().place.url
    server.files.clear()
    refused(rf"no such file at that address any more \(404\).*or fetch {url} elsewhere and run", cache)
    row(place=Download("https://127.0.0.1:1/net.zip"))
    refused("the address cannot be reached .*; connect and start again, or fetch https://127.* weights add toy", cache)
    row(place=Download("https://nowhere.invalid/net.zip"))
    refused(
        "toy could not be fetched: the address cannot be reached .* fetch https://nowhere.invalid/net.zip else", cache
    )
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    row()
    before = len(server.requests)
    with pytest.raises(WeightsError, match=r"KINEMA_OFFLINE forbids .*fetch https.* weights add toy FILE\.zip"):
        locate("toy")
    assert len(server.requests) == before


def test_the_proxy_of_the_environment_is_used(cache, row, server, monkeypatch):
    """A proxy that refuses to connect: the server is never asked directly."""
    row()
    monkeypatch.delenv("no_proxy")
    with serving(None) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url(""))
        refused("could not be fetched", cache)
    assert not server.requests


HOSTILE = {
    "nothing": ({"readme": b"x"}, "does not contain end2end.onnx"),
    "two": ({"a/end2end.onnx": NETWORK, "b/end2end.onnx": NETWORK}, "holds end2end.onnx 2 times"),
    "text": ({"a/end2end.onnx": b"no network"}, "end2end.onnx in net.zip is not a complete ONNX network"),
    "half": ({"a/end2end.onnx": NETWORK[:-500]}, "is not a complete ONNX network"),
    "other": ({"end2end.onnx": network_bytes(outputs=("dets",), weights=9)}, "is not toy: it lacks simcc_x, simcc_y"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(name, cache, row, tmp_path):
    members, sentence = HOSTILE[name]
    row(zipped(tmp_path / "hostile.zip", members))
    refused(sentence, cache)


def test_links_bombs_and_half_archives_are_refused(cache, row, server, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("a/end2end.onnx")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    row((tmp_path / "link.zip").read_bytes())
    refused("does not contain end2end.onnx", cache)
    monkeypatch.setattr("kinema.weights.archives.LARGEST", 2**20)
    row(zipped(tmp_path / "bomb.zip", {"a/end2end.onnx": bytes(2**22)}))
    refused("has more than 1048576 bytes and was refused", cache)
    row(b"PK no archive")
    refused("is not a complete package file", cache)


def test_stopping_in_the_middle_leaves_nothing(cache, server, row):
    row()

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        locate("toy", progress=stop)
    assert [path.name for path in cache.iterdir()] == [".lock"]
    assert locate("toy").path.read_bytes() == NETWORK


def test_several_at_once_fetch_once(cache, server, row):
    row()
    found = []
    threads = [threading.Thread(target=lambda: found.append(locate("toy"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(server.requests) == 1


def test_add_takes_the_archive_or_the_network(cache, server, row, tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    entry = row(published=True)
    archive, network = tmp_path / "any.zip", tmp_path / "any.onnx"
    archive.write_bytes(server.files["/net.zip"])
    network.write_bytes(NETWORK)
    assert hub.add("toy", archive) == hub.add("toy", network)
    assert json.loads((cache / "toy.onnx.json").read_text())["sha256"] == hashlib.sha256(NETWORK).hexdigest()
    archive.write_bytes(b"other")
    with pytest.raises(InputError, match=f"is not net.zip and was refused.*{entry.place.sha256}"):
        hub.add("toy", archive)
    network.write_bytes(b"other")
    with pytest.raises(InputError, match="is not a complete ONNX network"):
        hub.add("toy", network)
    assert not server.requests
