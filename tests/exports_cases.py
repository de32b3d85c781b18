"""What the tests of exports share: a small study whose histories are counted by hand."""

import pandas as pd

from reid_lib.exports.sightings import read_sightings

# Anna on 1, 2 and 20 May, Bob on 2 May and 3 June, somebody unknown on 10 May; one photograph without a date.
STUDY = """image_id,path,identity,date,encounter,species,location,latitude,longitude
1,a/IMG 1.jpg,Anna,2024-05-01T10:00:00+02:00,e1,Lynx lynx,K 1,50.1234567,8.5
2,a/IMG 2.jpg,Anna,2024-05-01T10:01:30+02:00,e1,Lynx lynx,K 1,50.1234567,8.5
3,b/IMG 1.jpg,Anna,2024-05-02T09:00:00+02:00,e2,Lynx lynx,K_2,50.2,8.6
4,b/IMG 1.jpg,Bob,2024-05-02T09:00:00+02:00,e2,Lynx lynx,K_2,50.2,8.6
5,a/3.jpg,Anna,2024-05-20T09:00:00+02:00,e3,Lynx lynx,K 1,50.1234567,8.5
6,b/4.jpg,Bob,2024-06-03T09:00:00+02:00,e4,Lynx lynx,K_2,50.2,8.6
7,b/5.jpg,,2024-05-10T23:59:00+02:00,e5,Lynx lynx,K_2,50.2,8.6
8,b/6.jpg,Bob,,,Lynx lynx,K_2,50.2,8.6
"""


def study(folder, text=STUDY, **options):
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return read_sightings(folder / "table.csv", **options)


def read_inp(text):
    """MARK's file as RMark's documentation of convert.inp(use.comments = TRUE) tells it: name -> (history, count)."""
    found = {}
    for line in text.splitlines():
        begin, end = line.index("/*"), line.index("*/")
        name, rest = line[begin + 2 : end].strip(), line[:begin] + line[end + 2 :]
        history, count = rest.replace(";", "", 1).split()
        assert rest.rstrip().endswith(";") and name not in found
        found[name] = (history, int(count))
    return found


def read_table(text):
    """Blank-separated lines without the comments, as R's read.table reads them for secr."""
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)
