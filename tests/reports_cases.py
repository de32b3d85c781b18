"""Executed notebooks made cell by cell, for the tests of reports."""

from nbformat import v4


def code(source="1", *outputs, count=1, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def notebook(*cells):
    return v4.new_notebook(cells=list(cells))
