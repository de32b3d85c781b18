"""Tables as spreadsheets, cameras and statistics programs save them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reid_lib.core.errors import CatalogueError
from reid_lib.data.readers.table_file import read_cells

ROWS = [["path", "identity"], ["ü.jpg", "Zoë"], ["猫/1.jpg", "猫"]]


def text_of(rows, separator):
    return "".join(separator.join(row) + "\r\n" for row in rows)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_and_separator_a_spreadsheet_saves_is_read(tmp_path, encoding, separator):
    text = text_of(ROWS + [[f"{i}.jpg", f"lynx {i}"] for i in range(100)], separator)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    frame, notes = read_cells(tmp_path / "t.csv")
    assert frame.iloc[:2].to_numpy().tolist() == ROWS[1:] and len(frame) == 102 and not notes


def test_utf_16_with_the_other_order_of_bytes(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xfe\xff" + text_of(ROWS, "\t").encode("utf-16-be"))
    assert read_cells(tmp_path / "t.csv")[0]["identity"].tolist() == ["Zoë", "猫"]


def test_utf_16_cut_in_the_middle_of_a_letter_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(text_of(ROWS, "\t").encode("utf-16")[:-1])
    with pytest.raises(CatalogueError, match=r"t\.csv is no text in utf-16: save it as 'CSV UTF-8'"):
        read_cells(tmp_path / "t.csv")


def test_windows_1252_is_read_and_told(tmp_path):
    (tmp_path / "t.csv").write_bytes(text_of(ROWS[:2], ";").encode("cp1252"))
    frame, notes = read_cells(tmp_path / "t.csv")
    assert frame["identity"].tolist() == ["Zoë"] and "read as Windows-1252" in notes[0]


def test_excel_says_its_separator_in_a_line_of_its_own(tmp_path):
    (tmp_path / "t.csv").write_text("sep=;\npath;identity,sex\na.jpg;Zoë,f\n", encoding="utf-8")
    assert read_cells(tmp_path / "t.csv")[0].to_dict("list") == {"path": ["a.jpg"], "identity,sex": ["Zoë,f"]}


@pytest.mark.parametrize(
    "start",
    ["sep=,\n", "SEP=,\r\n", '"sep=,"\n', "\ufeffsep=,\n", "sep=,,\n", "sep=;\n", "sep=\\t\n", "sep=,\n\n"],
)
def test_a_line_on_the_separator_is_no_header_whatever_became_of_it(tmp_path, start):
    """Read as the header, it makes a table of a column 'sep=', which no advice on columns mends."""
    (tmp_path / "t.csv").write_text(start + "path,identity\na.jpg,Zoë\n", encoding="utf-8")
    assert read_cells(tmp_path / "t.csv")[0].to_dict("list") == {"path": ["a.jpg"], "identity": ["Zoë"]}


def test_a_tab_as_two_letters_is_a_tab(tmp_path):
    (tmp_path / "t.csv").write_text("sep=\\t\npath\tidentity, sex\na.jpg\tx, f\n")
    assert list(read_cells(tmp_path / "t.csv")[0]) == ["path", "identity, sex"]


def test_a_table_of_nothing_but_its_separator_is_empty(tmp_path):
    (tmp_path / "t.csv").write_text("sep=,")
    with pytest.raises(CatalogueError, match="is empty"):
        read_cells(tmp_path / "t.csv")


def test_separators_within_quotes_of_the_header_do_not_count(tmp_path):
    (tmp_path / "t.csv").write_text('path;"name, sex, age, flank";date\na.jpg;Zoë;2021\n', encoding="utf-8")
    assert list(read_cells(tmp_path / "t.csv")[0]) == ["path", "name, sex, age, flank", "date"]


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_workbook_is_not_taken_for_text(tmp_path, start):
    (tmp_path / "t.csv").write_bytes(start + bytes(range(256)))
    with pytest.raises(CatalogueError, match="workbook.*save it as 'CSV UTF-8'"):
        read_cells(tmp_path / "t.csv")


def test_a_nul_byte_is_told_with_its_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"path,identity\na.jpg,x\nb\0.jpg,y\n")
    with pytest.raises(CatalogueError, match=r"line 3: a NUL byte.*remove it"):
        read_cells(tmp_path / "t.csv")


@pytest.mark.parametrize("rows", ["a.jpg,Fox, the old\n", "a.jpg,x,\nb.jpg,Fox, the old\n"])
def test_a_comma_without_quotes_cuts_no_name_in_silence(tmp_path, rows):
    (tmp_path / "t.csv").write_text("path,identity\n" + rows)
    with pytest.raises(CatalogueError, match=r"3 cells under a header of 2.*Fox.*quotes"):
        read_cells(tmp_path / "t.csv")


def test_a_comma_without_quotes_further_down_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("path,identity\nb.jpg,y\na.jpg,Fox, the old\n")
    with pytest.raises(CatalogueError, match=r"line 3, saw 3; put quotes"):
        read_cells(tmp_path / "t.csv")


def test_empty_cells_at_the_end_of_lines_are_nothing(tmp_path):
    (tmp_path / "t.csv").write_text("path,identity\na.jpg,x,,\nb.jpg,NA,\n")
    assert read_cells(tmp_path / "t.csv")[0]["identity"].tolist() == ["x", "NA"]


# Blanks at the start of a cell are cut off, an empty cell is missing; a NUL is refused.
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@example([("a", "NA"), ("", "null")], ",", "utf-16")
@example([("a\rb", 'say "a"'), ("\r\n", ",;\t|")], ";", "utf-8-sig")
def test_any_text_comes_back_from_any_table(tmp_path_factory, rows, separator, encoding):
    file = tmp_path_factory.mktemp("table") / "t.csv"
    quoted = [["path", "identity"], *([f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows)]
    file.write_bytes(text_of(quoted, separator).encode(encoding))
    frame, notes = read_cells(file)
    expected = pd.DataFrame(rows, columns=["path", "identity"], dtype=object)
    assert frame.fillna("").to_numpy().tolist() == expected.to_numpy().tolist() and not notes
    assert np.array_equal(frame.isna(), expected == "")
