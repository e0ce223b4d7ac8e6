"""A server of files on this machine, by https or http, with the faults that servers and networks have."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class FileServer:
    """files: contents by path. broken_after: bytes after which a transfer ends, one number for each of the next
    transfers. lengths: what it says of a file's length in place of the truth; redirects: path -> address.
    resumes: whether it gives parts. requests: the headers of every request, in order."""

    port: int = 0
    scheme: str = "https"
    files: dict[str, bytes] = field(default_factory=dict)
    broken_after: list[int] = field(default_factory=list)
    lengths: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    resumes: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.requests.append({"path": self.path, **dict(self.headers)})
            if self.path in server.redirects:
                self.send_response(302)
                self.send_header("Location", server.redirects[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path not in server.files:
                self.send_error(404)
                return
            content, start = server.files[self.path], 0
            span = self.headers.get("Range", "")
            if span and server.resumes and self.headers.get("If-Range") == '"v1"':
                start = int(span.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
                self.send_header("ETag", '"v1"')
            self.send_header("Content-Length", str(server.lengths.get(self.path, len(content)) - start))
            self.end_headers()
            stop = start + server.broken_after.pop(0) if server.broken_after else len(content)
            with contextlib.suppress(OSError):
                self.wfile.write(content[start:stop])
                self.wfile.flush()
            if stop < len(content) or self.path in server.lengths:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serving(certificate: Path | None) -> Iterator[FileServer]:
    """A server until the block ends; by https if there is a certificate (certificate and key in one file)."""
    about = FileServer(scheme="http" if certificate is None else "https")
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(about))
    http.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that goes away is no fault
    about.port = http.server_address[1]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield about
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def write_certificate(path: Path) -> None:
    """A certificate of this machine's own, which nobody else trusts. Raises FileNotFoundError without openssl."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
