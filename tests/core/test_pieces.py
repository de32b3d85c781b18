"""Results in pieces: what was written comes back, what is damaged or half written does not, and room is bounded."""

import errno
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from reid_lib.core import pieces
from reid_lib.core.pieces import Pieces, hash_parts


def result(n, seed=0):
    rng = np.random.default_rng(seed)
    return {"value": rng.random(n).astype(np.float32), "place": rng.integers(0, 9, (n // 2, 2))}


@pytest.fixture
def kept(tmp_path):
    return Pieces(tmp_path / "some", "key", title="results")


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def test_what_was_written_comes_back(kept):
    names = [hash_parts(k) for k in range(5)]
    written = {name: result(k, k) for k, name in enumerate(names)}
    kept.write({name: written[name] for name in names[:3]})
    kept.write({name: written[name] for name in names[3:]})
    kept.write({})
    found = kept.read([*names[1:], hash_parts("nobody")])
    assert sorted(found) == sorted(names[1:])
    assert all(same(found[name], written[name]) for name in found)
    assert kept.read([]) == {} and kept.read([names[0].encode()]).keys() == {names[0]}


def test_another_key_finds_nothing(kept):
    kept.write({hash_parts(1): result(2)})
    assert not Pieces(kept.folder, "another key", title="").read([hash_parts(1)])


def test_names_tell_parts_apart():
    assert len({hash_parts("ab", "c"), hash_parts("a", "bc"), hash_parts("abc"), hash_parts("a", "b", "c")}) == 4


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "misfit"])
def test_a_damaged_piece_is_told_and_left_out(kept, damage, capsys):
    kept.write({hash_parts(1): result(50)})
    kept.write({hash_parts(2): result(3)})
    path = next(p for p in kept.folder.iterdir() if hash_parts(hash_parts(1)) in p.name)
    content = bytearray(path.read_bytes())
    content[700] ^= 255
    changed = {"cut": content[: len(content) // 2], "flipped": content, "empty": b"", "other": b"text"}
    if damage == "misfit":
        names = np.array([hash_parts(1)], "S32")
        np.savez(path, **{"names": names, "value": np.zeros(3), "first of value": np.array([0, 2])})
    else:
        path.write_bytes(changed[damage])
    assert kept.read([hash_parts(1), hash_parts(2)]).keys() == {hash_parts(2)}
    assert "is damaged" in capsys.readouterr().out
    assert kept.read([hash_parts(1)]) == {} and not capsys.readouterr().out  # told once


def test_a_full_disk_costs_the_cache_alone(kept, monkeypatch, capsys):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pieces, "make_room", full)
    kept.write({hash_parts(1): result(2)})
    assert "results are not kept" in capsys.readouterr().out and not list(kept.folder.iterdir())


def test_room_is_bounded_and_what_was_read_last_stays(kept, monkeypatch):
    for k in range(3):
        kept.write({hash_parts(k): result(1000)})
        for path in kept.folder.iterdir():
            os.utime(path, (time.time() - 100,) * 2)
    kept.read([hash_parts(0)])
    size = next(kept.folder.iterdir()).stat().st_size
    usage = type("Usage", (), {"total": 35 * size, "free": 2**40})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    kept.write({hash_parts(3): result(1000)})
    assert {hash_parts(0), hash_parts(3)} <= kept.read([hash_parts(k) for k in range(4)]).keys()
    assert len(list(kept.folder.iterdir())) == 3


def test_killed_while_writing_leaves_what_was_there(tmp_path):
    script = textwrap.dedent("""
        import os, signal, sys
        import numpy as np
        from pathlib import Path
        from reid_lib.core.pieces import Pieces
        kept = Pieces(Path(sys.argv[1]), "key", title="results")
        kept.write({"a": {"value": np.ones(3, np.float32)}})
        savez = np.savez
        def half(file, **arrays):
            savez(file, value=arrays["value"])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        np.savez = half
        kept.write({"b": {"value": np.ones(3, np.float32)}})
    """)
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)]).returncode == -9
    kept = Pieces(tmp_path, "key", title="results")
    assert kept.read(["a", "b"]).keys() == {"a"}


def test_results_are_kept_as_they_come_also_of_a_call_that_fails(kept):
    written = {hash_parts(k): result(k, k) for k in range(5)}

    def come():
        yield from written.items()
        raise RuntimeError("in the middle")

    seen = {}
    with pytest.raises(RuntimeError, match="in the middle"):
        seen.update(kept.keep(come(), at_once=2))
    assert len(list(kept.folder.iterdir())) == 3  # two, two and what there was
    found = kept.read(written)
    assert found.keys() == written.keys() and all(same(found[name], written[name]) for name in found)
