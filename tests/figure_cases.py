"""A table of runs to draw, and what the artists of a figure hold."""

import numpy as np
import pandas as pd


def run(name, value, *, low=None, high=None, metric="baks", **params):
    """A row of the table of all runs; its interval is 0.1 to either side where none is given."""
    low, high = (value - 0.1 if low is None else low), (value + 0.1 if high is None else high)
    own = {"run": name, metric: value, f"{metric}_low": low, f"{metric}_high": high, "test_fingerprint": "t"}
    return own | {f"param_{key}": entry for key, entry in params.items()}


def table(*rows):
    return pd.DataFrame(list(rows))


def line(ax, gid):
    found = [artist for artist in ax.get_lines() if artist.get_gid() == gid]
    return np.column_stack(found[0].get_data()) if found else np.empty((0, 2))


def drawn(ax):
    """Draws everything, so that an artist that cannot be drawn fails here."""
    ax.figure.canvas.draw()
    return ax


# -- the impact of a parameter


SWEEP = table(
    run("low-0", 0.30, lr=1e-4, seed=0, loss="arcface"),
    run("low-1", 0.40, lr=1e-4, seed=1, loss="arcface"),
    run("mid-0", 0.70, lr=1e-3, seed=0, loss="arcface"),
    run("mid-1", 0.80, lr=1e-3, seed=1, loss="arcface"),
    run("high-0", 0.50, lr=1e-2, seed=0, loss="arcface"),
    run("other", 0.90, lr=1e-3, seed=0, loss="cosface"),
)
