"""A table file as a frame of text: whatever a spreadsheet saves as CSV or "Unicode text"."""

import codecs
import csv
import io
import re
import warnings
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError, printable

# Byte order marks. Those of UTF-32 first, as one begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
ENDINGS = (".csv", ".tsv")  # of tables that are looked for in a folder
SEPARATORS = ",;\t|"
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and .numbers; .xls
SAVE_AS = "save it as 'CSV UTF-8' and pass that file"
# The line by which Excel names the separator ("\t" may be two letters). In a table that was saved again, separators may
# follow it, as in other rows.
_SEP_LINE = re.compile(r'\s*"?sep=(\\t|.)"?[ \t,;|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


def read_cells(file: Path) -> tuple[pd.DataFrame, list[str]]:
    """Every cell of a table as text, missing where it is empty; and notes on how it was read.

    Encodings: UTF-8, UTF-16 and UTF-32, else Windows-1252. Separators: comma, semicolon, tab and bar.

    Raises:
        CatalogueError: it is no text, or has no rows, or rows with more cells than the header; with the cure.
    """
    text, notes = _decode(file)
    separator, said = "", _SEP_LINE.match(text)
    if said:
        separator, text = said[1].replace("\\t", "\t"), text[said.end() :]
    if separator not in _header(text) or not separator:  # a program that saved the table again may have replaced it
        separator = _separator(text)
    try:
        frame = _parse(text, separator, file)
    except pd.errors.EmptyDataError:
        raise CatalogueError(f"{file} is empty: expected a header and a row for each image") from None
    except (pd.errors.ParserError, csv.Error) as error:
        cure = f"put quotes around a cell that holds a {separator!r} or a line break"
        raise CatalogueError(f"{file} cannot be read as a table: {str(error).strip()}; {cure}") from error
    if frame.empty:
        raise CatalogueError(f"{file} has no rows below its header")
    return frame, notes


def _decode(file: Path) -> tuple[str, list[str]]:
    data = file.read_bytes()
    if data.startswith(WORKBOOKS):
        raise CatalogueError(f"{file} is a workbook or an archive, not a table as text: {SAVE_AS}")
    encodings = [encoding for mark, encoding in MARKS if data.startswith(mark)][:1] or _guesses(data)
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise CatalogueError(
                f"{file}, line {line}: a NUL byte, which no file name and no name of an animal holds: "
                f"remove it, or {SAVE_AS}"
            )
        guessed = "it is not UTF-8: read as Windows-1252; look whether the names' accents are right"
        return text, [f"{printable(file.name)}: {guessed}"] if encoding == "cp1252" else []
    raise CatalogueError(f"{file} is no text in {', '.join(encodings)}: {SAVE_AS}")


def _guesses(data: bytes) -> list[str]:
    """Encodings to try for a text without a byte order mark. In UTF-16 every second byte of plain letters is zero."""
    start = data[:400]
    if start[1::2].count(0) > len(start) / 4:
        return ["utf-16-le"]
    return ["utf-16-be"] if start[0::2].count(0) > len(start) / 4 else ["utf-8", "cp1252"]


def _separator(text: str) -> str:
    """The separator that occurs most in the header, outside quotes."""
    return max(SEPARATORS, key=_header(text).count)


def _header(text: str) -> str:
    """The first line that is not empty, with "cell" for whatever stands in quotes."""
    lines = re.sub(r'"[^"]*"', "cell", text[:100_000]).splitlines()
    return next((line for line in lines if line.strip()), "")


def _parse(text: str, separator: str, file: Path) -> pd.DataFrame:
    # Only an empty cell is missing: an animal may well be called "NA" or "None".
    options = {"dtype": str, "sep": separator, "skipinitialspace": True, "index_col": False, "keep_default_na": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(io.StringIO(text, newline=""), na_values=[""], **options)
        except pd.errors.ParserWarning:  # cells beyond the header: only empty ones, as a comma at a line's end leaves?
            _refuse_long_rows(text, separator, file)
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            return pd.read_csv(io.StringIO(text, newline=""), na_values=[""], **options)


def _refuse_long_rows(text: str, separator: str, file: Path) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    columns = len(next(row for row in reader if row))
    for row in reader:
        if any(cell.strip() for cell in row[columns:]):
            raise CatalogueError(
                f"{file}, line {reader.line_num}: {len(row)} cells under a header of {columns} ({', '.join(row)!r}): "
                f"put quotes around a cell that holds a {separator!r}"
            )
