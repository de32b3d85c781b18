"""The checksums that a publisher gives with a file: in the headers of the answer, or, for Zenodo, in its record."""

import base64
import binascii
import hashlib
import json
import re
import urllib.request
from email.message import Message
from pathlib import Path

ZENODO = "https://zenodo.org"
TIMEOUT_S = 20
_ZENODO_FILE = re.compile(r"/records?/(\d+)/files/([^?#]+)")
# Names in RFC 9530 and RFC 3230 -> in hashlib; the strongest first.
ALGORITHMS = {"sha-512": "sha512", "sha-256": "sha256", "sha": "sha1", "md5": "md5"}
_BASE64 = re.compile(r"([\w-]+)\s*=\s*:?([A-Za-z0-9+/]+={0,2}):?")


def read_checksums(headers: Message, *, whole: bool) -> dict[str, str]:
    """The checksums of a file by the headers of an answer: name of `hashlib` -> hexadecimal digits.

    Understood are Repr-Digest (RFC 9530) and Digest (RFC 3230), and what stores of files say: Content-MD5,
    x-ms-blob-content-md5, x-goog-hash.

    Args:
        headers: of the answer.
        whole: the answer holds the whole file; else its Content-MD5, which would be that of a range, is ignored.
    """
    told = [value for name in ("Repr-Digest", "Digest", "x-goog-hash") for value in headers.get_all(name, [])]
    found = {name.lower(): digest for value in told for name, digest in _BASE64.findall(value)}
    for name in ("x-ms-blob-content-md5", *(["Content-MD5"] if whole and not headers.get("Content-Encoding") else [])):
        if value := headers.get(name):
            found.setdefault("md5", value.strip())
    decoded = {ALGORITHMS[name]: _hexadecimal(digest) for name, digest in found.items() if name in ALGORITHMS}
    return {name: digest for name, digest in decoded.items() if len(digest) == 2 * hashlib.new(name).digest_size}


def ask_record(url: str) -> dict[str, str]:
    """The checksum that Zenodo's record gives for one of its files, as `read_checksums` returns it.

    Args:
        url: of the file. Empty for other addresses than Zenodo's, and where the record cannot be read.
    """
    found = _ZENODO_FILE.search(url) if url.startswith(ZENODO) else None
    if not found:
        return {}
    try:
        with urllib.request.urlopen(f"{ZENODO}/api/records/{found[1]}", timeout=TIMEOUT_S) as answer:
            files = json.load(answer)["files"]
        told = next(file["checksum"] for file in files if file["key"] == found[2])
        name, _, digest = told.partition(":")
        return {name: digest.lower()} if name in hashlib.algorithms_available else {}
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return {}


def find_difference(file: Path, checksums: dict[str, str]) -> str:
    """How a file differs from the strongest of its checksums, in words; "" where it agrees, or there is none."""
    name = next((name for name in ALGORITHMS.values() if name in checksums), None)
    if name is None:
        return ""
    with open(file, "rb") as opened:
        found = hashlib.file_digest(opened, name).hexdigest()
    return "" if found == checksums[name] else f"its {name} is {found}, the publisher says {checksums[name]}"


def _hexadecimal(digest: str) -> str:
    try:
        return base64.b64decode(digest, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
