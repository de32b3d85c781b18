"""`reid sightings` as it is typed."""

import pandas as pd
import pytest
from exports_cases import STUDY
from gallery_cases import make_gallery

from reid_lib.cli.main import main
from reid_lib.exports.offered import FORMATS


@pytest.fixture
def table(tmp_path):
    (tmp_path / "table.csv").write_text(STUDY)
    return str(tmp_path / "table.csv")


def test_help_says_what_each_format_is_for(capsys):
    assert main(["sightings", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {what}" in told for name, what in FORMATS.items()) and "--gps" in told


def test_histories_by_month(table, tmp_path, capsys):
    out = tmp_path / "mark"
    assert main(["sightings", table, "--as", "inp", "--occasion", "month", "--to", str(out)]) == 0
    assert (out / "histories.inp").read_text() == "/* Anna */ 10 1;\n/* Bob */ 11 1;\n"
    said = capsys.readouterr()
    assert "8 photographs, 2 animals: inp in" in said.out and "convert.inp" in said.err


def test_a_gallery_under_its_present_names(tmp_path, capsys, clean_dirs):
    make_gallery(clean_dirs)
    assert main(["gallery", "rename", "lynxes", "Anna", "Clara"]) == 0
    assert main(["sightings", "--gallery", "lynxes", "--as", "csv", "--to", str(tmp_path / "out")]) == 0
    assert "5 photographs, 2 animals: csv in" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "out/sightings.csv")
    assert written["identity"].value_counts().to_dict() == {"Clara": 3, "Berta": 2}
    assert set(written["path"].str.split("/").str[-1]) == {f"p{k}.jpg" for k in range(5)}


@pytest.mark.parametrize("given", [[], ["TABLE", "--gallery", "lynxes"]])
def test_a_table_or_a_gallery_not_both_nor_none(table, tmp_path, capsys, given):
    given = [table if word == "TABLE" else word for word in given]
    assert main(["sightings", *given, "--as", "csv", "--to", str(tmp_path / "out")]) != 0
    assert "expected either a table or --gallery NAME" in capsys.readouterr().err


def test_a_package_with_everything_said(table, tmp_path):
    told = ["--gps", "--round", "2", "--zone", "+2", "--title", "t", "--contributor", "c", "--sampling", "targeted"]
    assert main(["sightings", table, "--as", "camtrap-dp", "--to", str(tmp_path / "p"), *told]) == 0
    assert "50.12," in (tmp_path / "p/deployments.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as", "camtrap-dp"], "--gps"),
        (["--as", "camtrap-dp", "--gps", "--zone", "Berlin"], "expected an offset from UTC such as +02:00"),
        (["--as", "excel"], "'excel' is not one of"),
    ],
)
def test_what_is_wrong_is_one_message(table, tmp_path, capsys, arguments, message):
    assert main(["sightings", table, "--to", str(tmp_path / "out"), *arguments]) != 0
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said and not (tmp_path / "out").exists()
