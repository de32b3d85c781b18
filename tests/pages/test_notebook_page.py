"""report.html: what is shown, what is hidden, that nothing is fetched, and which notebook it is made of."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat import v4
from reports_cases import code, notebook, printed

from reid_lib.pages import notebook_page


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def test_a_progress_bar_leaves_its_last_state_only():
    cell = code("x", printed("  0%|\r 50%|\r"), printed("100%|\ndone\r\n"))
    page = notebook_page.render_notebook(notebook(cell), title="t")
    assert BeautifulSoup(page, "html.parser").find("pre").get_text() == "100%|\ndone"


def test_heads_of_a_pandas_table_are_one_row_and_numbers_stand_right():
    frame = pd.DataFrame(
        {"long_name": [1.5, 2], "<b>word</b>": ["x", "<y>"]}, index=pd.Index(["a", "b"], name="animal")
    )
    cell = code("x", v4.new_output("execute_result", data={"text/html": frame.to_html()}, execution_count=1))
    soup = BeautifulSoup(notebook_page.render_notebook(notebook(cell), title="t"), "html.parser")
    heads = [[th.get_text() for th in row("th")] for row in soup.select("thead tr")]
    assert heads == [["animal", "long_name", "<b>word</b>"]]
    assert [td["class"] for td in soup.select("tbody tr:last-child td")] == [["number"], ["text"]]
    assert soup.select("tbody td")[-1].get_text() == "<y>"
