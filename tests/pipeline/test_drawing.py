"""Figures that are kept in a run folder: what goes wrong in drawing one costs that one alone."""

import pandas as pd
import pytest

from reid_lib.core.errors import SplitError
from reid_lib.discover.measures import measure_clusters
from reid_lib.figures import history
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import data, steps, takeover
from reid_lib.pipeline.drawing import save_figure, show_clusters
from reid_lib.runs import seals


@pytest.fixture
def unfinished(clean_dirs):
    """A run that is open for writing and has predictions to draw."""
    params = takeover.settle_params(EvaluateParams(dataset="demo:small", run_name="drawn"))
    catalogue = data.read(params)
    return steps.start(params, catalogue, data.split(catalogue, params))


def test_a_figure_that_fails_is_told_and_costs_nothing_else(unfinished, capsys):
    import matplotlib.pyplot as plt

    def fails(data, *, ax=None):
        plt.subplots()
        raise KeyError(f"no such column among {data}")

    before = plt.get_fignums()
    save_figure(unfinished, "odd", fails, 3)
    assert "figure 'odd' is not drawn: KeyError('no such column among 3')" in capsys.readouterr().out
    assert plt.get_fignums() == before, "a half-drawn figure would be shown"
    kept = unfinished.run.path("figures/odd.txt").read_text()
    assert "KeyError" in kept and "Traceback" in kept and "in fails" in kept
    save_figure(unfinished, "odd", history.loss_curves, pd.DataFrame({"epoch": [1], "train_loss": [2.0]}))
    assert [p.name for p in unfinished.run.path("figures").iterdir()] == ["odd.png"]


def test_a_figure_that_fails_while_it_is_rendered_leaves_no_file(unfinished, capsys):
    """Text is laid out at the end: matplotlib's own parser of formulas refuses this one."""
    import matplotlib.pyplot as plt

    def formula():
        ax = plt.subplots()[1]
        ax.set_title(r"$\foo$")
        return ax

    save_figure(unfinished, "formula", formula)
    assert "figure 'formula' is not drawn: ValueError" in capsys.readouterr().out
    assert [p.name for p in unfinished.run.path("figures").iterdir()] == ["formula.txt"]


def test_a_refusal_of_ours_is_told_in_its_own_words_when_shown_again_too(unfinished, capsys):
    def refuses():
        raise SplitError("encounters are unknown")

    save_figure(unfinished, "leak", refuses)
    said = capsys.readouterr().out
    assert said == "note: figure 'leak' is not drawn: encounters are unknown\n"
    unfinished.run.finish()
    save_figure(unfinished, "leak", refuses)
    assert capsys.readouterr().out == said


def test_a_figure_that_a_finished_run_lacks_is_made_and_kept(unfinished):
    run, drawn = unfinished.run, (history.loss_curves, pd.DataFrame({"epoch": [1], "train_loss": [2.0]}))
    seals.seal(run.folder)
    run.finish()
    save_figure(unfinished, "loss", *drawn)
    before = run.path("figures/loss.png").stat().st_mtime_ns
    assert run.finished and "figures/loss.png" in seals.read_seal(run.folder)
    save_figure(unfinished, "loss", *drawn)
    assert run.path("figures/loss.png").stat().st_mtime_ns == before
    run.path("figures/loss.png").unlink()
    run.path("figures").rmdir()
    run.path("figures").write_text("in the way: it is shown all the same")
    save_figure(unfinished, "loss", *drawn)
    assert run.finished


def test_ctrl_c_while_drawing_is_no_failed_figure(unfinished):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_figure(unfinished, "slow", interrupted)
    assert not unfinished.run.path("figures").exists()


def test_clusters_are_shown_where_there_are_any_and_labels_to_judge_them(unfinished, capsys, monkeypatch):
    rows = pd.DataFrame({"dataset": "lynx", "identity": list("aabbc"), "cluster": [0, 0, 1, 2, 3]})
    for identity, shown in ((rows["identity"], True), (None, False)):
        found = {"discovery": {"test": measure_clusters(rows.assign(identity=identity), repetitions=20)}}
        monkeypatch.setattr(type(unfinished.run), "metrics", lambda run, found=found: found)
        show_clusters(unfinished)
        assert ("adjusted Rand index" in capsys.readouterr().out) == shown
        picture = unfinished.run.path("figures/clusters.png")
        assert picture.exists() == shown
        picture.unlink(missing_ok=True)
    monkeypatch.setattr(type(unfinished.run), "metrics", lambda run: {})
    show_clusters(unfinished)
    assert not capsys.readouterr().out
