"""JupyterLab in a real, headless browser: for end-to-end tests."""

import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from reid_lib.pipeline.launch import find_free_port

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# WebGL in software: the scatter plots need it, and a machine that tests has no screen.
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
NO_NEWS = '{"fetchNews": "false", "checkForUpdates": false}'
WHOLE_NOTEBOOK = '{"windowingMode": "none"}'  # outputs out of sight are drawn, too


def require(found, what: str):
    """`found`, or the test is skipped; where REID_REQUIRE_E2E=1 it fails instead."""
    if found:
        return found
    if os.environ.get("REID_REQUIRE_E2E") == "1":
        pytest.fail(f"REID_REQUIRE_E2E=1, but {what}")
    pytest.skip(what)


def browser_path() -> str:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    return require(path, f"no browser is installed: one of {', '.join(BROWSERS)}")


def playwright():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return require(None, "the package playwright is not installed (pip install -e '.[test]')")
    return sync_playwright


@contextmanager
def jupyter_lab(folder: Path, env: dict[str, str]):
    """JupyterLab serving `folder`, as a user would start it, its token kept; yields url -> address with the token."""
    token, port = secrets.token_hex(16), find_free_port()
    settings = folder / ".settings"
    for plugin, text in (
        ("apputils-extension/notification", NO_NEWS),
        ("notebook-extension/tracker", WHOLE_NOTEBOOK),
    ):
        path = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", "--expose-app-in-browser"]
    command += [f"--LabApp.user_settings_dir={settings}", f"--notebook-dir={folder}"]
    command += [f"--LabApp.workspaces_dir={settings / 'workspaces'}"]
    log = open(folder / "jupyter.log", "w")
    # A session of its own, so that kernels end with it.
    server = subprocess.Popen(
        command, env=os.environ | env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder
    )
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{base}/api/status?token={token}", server, folder / "jupyter.log")
        yield lambda path: f"{base}/{path}?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def _wait_for(url: str, server: subprocess.Popen, log: Path, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
