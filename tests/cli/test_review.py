"""`reid review`: list, show, apply."""

from itertools import combinations

import pandas as pd
import pytest
from click.testing import CliRunner
from review_cases import make_reviewable, reviewable_rows, truth_of

from reid_lib.cli.main import commands, main
from reid_lib.core.names import IDENTITY, IMAGE_ID
from reid_lib.pipeline.review import open_review


@pytest.fixture
def review(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    rows = reviewable_rows()
    make_reviewable(tmp_path, rows)
    return open_review("made", "mine", "ada"), rows


def run(*words: str):
    done = CliRunner().invoke(commands, ["review", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_decisions_are_counted_and_applied_beside_what_was_there(review, tmp_path, capsys):
    opened, rows = review
    images = (tmp_path / "runs" / "made" / "images.csv").read_bytes()
    assert run("list") == "mine  of run made\n"
    assert "no decision yet" in run("show", "mine")
    for _ in range(10):
        question = opened.next(1)[0]
        opened.answer(question, truth_of(rows, question.ids))
    cluster = opened.photographs["cluster"]
    pairs = combinations(sorted(cluster.index), 2)  # among them some that are not listed: of two flanks
    parted = [ids for ids in pairs if truth_of(rows, ids) == "same" and cluster[ids[0]] != cluster[ids[1]]]
    for ids in parted:
        opened.answer(opened.question(ids, "one animal in two clusters"), "same")
    n = 10 + len(parted)
    said = run("show", "mine")
    assert f"{n} decisions" in said and "questions are left" in said
    said = run("apply", "mine")
    assert f"{n} decisions (ada) applied" in said and f"with a person in the loop ({n} answers)" in said
    applied = tmp_path / "reviews" / "mine" / "applied"
    clusters = pd.read_csv(applied / "clusters.csv", dtype=str)
    before = opened.folder.photographs.set_index(IMAGE_ID)["cluster"]
    moved = clusters["cluster"] != before.reindex(clusters[IMAGE_ID]).to_numpy()
    assert moved.any() and (clusters.loc[moved, "changed_by"] == "ada").all()
    assert clusters.loc[~moved, "changed_by"].isna().all()
    identities = pd.read_csv(applied / "identities.csv", dtype=str)
    assert identities[IMAGE_ID].tolist() == rows[IMAGE_ID].tolist() and IDENTITY in identities
    told = pd.read_json(applied / "metrics.json", typ="series")
    ari = {when: told[when]["clusters"]["overall"]["ari"]["value"] for when in ("before", "after")}
    assert ari["after"] > ari["before"] and told["answers"] == n and told["people"] == ["ada"]
    assert (tmp_path / "runs" / "made" / "images.csv").read_bytes() == images
    assert main(["review", "show", "min"]) == 1
    assert "there is no review 'min'; did you mean 'mine'?" in capsys.readouterr().err
