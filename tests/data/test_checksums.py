"""Checksums as publishers give them; the digests themselves come from the coreutils' own words for b"abc"."""

import io
import json
from email.message import Message

import pytest

from reid_lib.data import checksums
from reid_lib.data.checksums import ask_record, find_difference, read_checksums

# RFC 1321 (MD5) and FIPS 180 (SHA) give these of "abc".
MD5 = "900150983cd24fb0d6963f7d28e17f72"
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MD5_64, SHA256_64 = "kAFQmDzST7DWlj99KOF/cg==", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="


def headers(**told):
    message = Message()
    for name, value in told.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"Repr_Digest": f"sha-256=:{SHA256_64}:"}, {"sha256": SHA256}),
        ({"Digest": f"SHA-256={SHA256_64},MD5={MD5_64}"}, {"sha256": SHA256, "md5": MD5}),
        ({"Content_MD5": MD5_64}, {"md5": MD5}),
        ({"x_ms_blob_content_md5": MD5_64}, {"md5": MD5}),
        ({"x_goog_hash": f"crc32c=n03x6A==,md5={MD5_64}"}, {"md5": MD5}),
        ({"Content_MD5": "nonsense"}, {}),
        ({"Content_MD5": MD5_64, "Content_Encoding": "gzip"}, {}),
        ({"ETag": f'"{MD5}"'}, {}),
    ],
)
def test_what_headers_say_of_a_file(told, found):
    assert read_checksums(headers(**told), whole=True) == found


def test_the_md5_of_a_range_is_not_that_of_the_file():
    assert read_checksums(headers(Content_MD5=MD5_64), whole=False) == {}
    assert read_checksums(headers(x_goog_hash=f"md5={MD5_64}"), whole=False) == {"md5": MD5}


def test_the_best_checksum_decides(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert find_difference(tmp_path / "a", {}) == ""
    assert find_difference(tmp_path / "a", {"sha256": SHA256, "md5": "0" * 32}) == ""
    assert f"its md5 is {MD5}, the publisher says 000" in find_difference(tmp_path / "a", {"md5": "0" * 32})


def test_zenodo_gives_the_checksum_in_its_record(monkeypatch):
    asked = []

    def answer(url, timeout):
        asked.append(url)
        files = [{"key": "b.zip", "checksum": "md5:0"}, {"key": "a.zip", "checksum": f"md5:{MD5.upper()}"}]
        return io.BytesIO(json.dumps({"files": files}).encode())

    monkeypatch.setattr(checksums.urllib.request, "urlopen", answer)
    assert ask_record("https://zenodo.org/records/123/files/a.zip?download=1") == {"md5": MD5}
    assert asked == ["https://zenodo.org/api/records/123"]
    assert ask_record("https://zenodo.org/records/123/files/c.zip") == {}
    assert ask_record("https://elsewhere.org/records/123/files/a.zip") == {} and len(asked) == 2


def test_where_zenodo_cannot_be_asked_there_is_no_checksum(monkeypatch):
    def broken(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(checksums.urllib.request, "urlopen", broken)
    assert ask_record("https://zenodo.org/records/123/files/a.zip") == {}
