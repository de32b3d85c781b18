"""A model hub on this machine: what huggingface_hub asks of one, from a folder of files; can break off in mid-file."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import timm
import torch

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves <folder>/<owner>/<name>/<file> as a hub does, and any other file of the folder by its path.

    Attributes:
        url: HF_ENDPOINT of a client.
        asked: (method, path, first byte asked for) of each request so far.
        no_ranges: always send the whole file.
        break_at: bytes after which the next download of a larger file is cut off, once; None: never.
        extra: headers of each answer to GET, in place of the usual ones; None leaves one out.
        no_if_range: answer a range whatever If-Range says, as some servers do.
    """

    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder, self.asked, self.break_at, self.no_ranges = folder, [], None, False
        self.extra, self.no_if_range = {}, False
        self.url = f"http://127.0.0.1:{self.server_port}"

    def add(self, repository: str, architecture: str, *, safe: bool = True, **cfg) -> torch.nn.Module:
        """A model with random weights, stored as its maker would store it; returns it in eval mode."""
        from safetensors.torch import save_file

        folder = self.folder / repository
        folder.mkdir(parents=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = timm.create_model(architecture, num_classes=0).eval()
        config = {"architecture": architecture, "num_classes": 0, "pretrained_cfg": cfg | {"num_classes": 0}}
        (folder / "config.json").write_text(json.dumps(config))
        state = {name: value.contiguous() for name, value in network.state_dict().items()}
        if safe:
            save_file(state, folder / "model.safetensors")
        else:
            torch.save(state, folder / "pytorch_model.bin")
        return network


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def log_message(self, *_):
        pass

    def _answer(self, with_body: bool) -> None:
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.server.asked.append((self.command, self.path, begin))
        path = self.server.folder / self.path.lstrip("/").replace("/resolve/main/", "/")
        if not path.is_file():
            missing = "EntryNotFound" if path.parent.is_dir() else "RepoNotFound"
            return self._send(404, {"X-Error-Code": missing, "Content-Length": 0})
        data = path.read_bytes()
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"} | self.server.extra
        state = self.headers.get("If-Range")
        changed = state is not None and state not in (headers["ETag"], headers.get("Last-Modified"))
        if self.server.no_ranges or (changed and not self.server.no_if_range):
            begin = 0
        part = data[begin:]
        headers["Content-Length"] = len(part)
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self._send(206 if begin else 200, headers)
        if not with_body:
            return None
        stop = self.server.break_at
        if stop is not None and len(part) > stop:
            self.server.break_at, part = None, part[:stop]
            self.close_connection = True
        self.wfile.write(part)
        return None

    def _send(self, code: int, headers: dict) -> None:
        self.send_response(code)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()


@contextmanager
def serve(folder: Path):
    """A hub that answers until the block ends."""
    hub = Hub(folder)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
