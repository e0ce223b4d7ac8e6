"""Fetches a file from its public address, by https only, with the system's proxy and certificates.

A broken transfer is resumed a few times if the server supports it. Nothing that arrives is trusted: the caller compares
the hash, this module the number of bytes.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from kinema._version import __version__
from kinema.errors import WeightsError
from kinema.progress import Progress, silent
from kinema.weights import cache

TIMEOUT = 30.0
"""Seconds without a byte after which a transfer counts as broken."""
TRIES = 4
"""Successive attempts without new bytes after which a started transfer is given up."""
PAUSE = 1.0
"""Seconds before the second attempt; doubled before each further one."""
LARGEST = 2 * 2**30
"""Bytes of the largest file accepted if its size is not published: an ONNX file cannot be larger."""


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirections to https, refuses others."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.lower().startswith("https://"):
            raise WeightsError(f"{req.full_url} leads to {newurl}, which is not https, and was refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _BrokenOff(Exception):
    """A transfer ended early."""


@dataclass
class _Transfer:
    """The state of a transfer. total: bytes of the whole file, None while unknown; version: the server's validator
    (ETag or date) of this file, needed to resume."""

    got: int = 0
    total: int | None = None
    version: str = ""
    digest: Any = field(default_factory=hashlib.sha256)


def download(
    url: str, target: Path, *, size: int | None = None, what: str = "", by_hand: str = "", progress: Progress = silent
) -> str:
    """Fetch the file at `url` to `target`. Returns its sha256.

    size: its bytes, if known; else at most `LARGEST` are accepted. what: its name; by_hand: what the user can do
    instead, both for messages. Raises WeightsError if the address is not https or cannot be reached, or if the file has
    another size.
    """
    if not url.lower().startswith("https://"):
        raise WeightsError(f"{url} is not an https address and was refused")
    instead = f", or {by_hand}" if by_hand else ""
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context()), _OnlyHttps()
    )
    transfer, tries = _Transfer(), 1
    with cache.explained():
        file = target.open("wb")
    with file:
        while True:
            before = transfer.got
            try:
                _once(opener, url, transfer, file, size, progress)
                return str(transfer.digest.hexdigest())
            except urllib.error.HTTPError as error:
                raise WeightsError(f"{what or url} could not be fetched: {_refusal(error)}{instead}") from None
            except (OSError, http.client.HTTPException, _BrokenOff) as error:
                tries = 1 if transfer.got > before else tries + 1
                if tries > TRIES or not transfer.got or _is_final(error):
                    raise WeightsError(f"{what or url} could not be fetched: {_reason(error)}{instead}") from None
            time.sleep(PAUSE * 2 ** (tries - 1))


def _once(
    opener: urllib.request.OpenerDirector, url: str, transfer: _Transfer, file: IO[bytes], size: int | None,
    progress: Progress,
) -> None:  # fmt: skip
    """One transfer, of the remainder if the server supports it. Raises urllib's errors, _BrokenOff, and WeightsError
    for another size."""
    headers = {"User-Agent": f"kinema/{__version__}", "Accept-Encoding": "identity"}
    if transfer.got and transfer.version:
        headers |= {"Range": f"bytes={transfer.got}-", "If-Range": transfer.version}
    with opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
        _begin(answer, transfer, file)
        expected = transfer.total if size is None else size
        if transfer.total is not None and size is not None and transfer.total != size:
            raise WeightsError(f"{url} has {transfer.total} bytes, not {size}, and was refused; it is another file")
        most = LARGEST if size is None else size
        if expected is not None and expected > most:
            raise WeightsError(f"{url} has {expected} bytes and was refused; at most {most} are expected")
        progress(transfer.got, expected)
        while chunk := answer.read(cache.CHUNK):
            transfer.got += len(chunk)
            if transfer.got > most:
                raise WeightsError(f"{url} has more than {most} bytes and was refused; it is another file")
            transfer.digest.update(chunk)
            with cache.explained():
                file.write(chunk)
            progress(transfer.got, expected)
    if expected is not None and transfer.got < expected:
        raise _BrokenOff(f"the transfer ended after {transfer.got} of {expected} bytes")
    with cache.explained():
        file.flush()


def _begin(answer: Any, transfer: _Transfer, file: IO[bytes]) -> None:
    """Read the response's headers; start again from the first byte unless it continues where the last one stopped."""
    if answer.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != transfer.got:
            transfer.version = ""
            raise _BrokenOff("the server does not go on where the transfer stopped")
        return
    transfer.got, transfer.digest = 0, hashlib.sha256()
    file.seek(0)
    file.truncate()
    length = answer.headers.get("Content-Length", "")
    transfer.total = int(length) if length.isdecimal() else None
    etag = answer.headers.get("ETag", "")
    transfer.version = "" if etag.startswith("W/") else etag or answer.headers.get("Last-Modified", "")


def _refusal(error: urllib.error.HTTPError) -> str:
    if error.code in (404, 410):
        return f"there is no such file at that address any more ({error.code}); look for it on its authors' page"
    if error.code == 407:
        return "the proxy asks for a password (407); give it in the environment's https_proxy"
    if 300 <= error.code < 400:
        return f"it leads on to {error.headers.get('Location', 'nowhere')}, which was refused"
    return f"the server answers {error.code} {error.reason}; try again later"


def _is_final(error: BaseException) -> bool:
    """Whether trying again is pointless."""
    return isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    if _is_final(error):
        return (
            f"its certificate is not trusted ({getattr(reason, 'verify_message', reason)}); if your network has"
            " certificates of its own, set SSL_CERT_FILE to their file"
        )
    if isinstance(error, (_BrokenOff, http.client.HTTPException)):
        return f"{str(error) or type(error).__name__}; start again"
    words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"the address cannot be reached ({words}); connect and start again"
