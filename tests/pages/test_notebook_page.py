"""report.html: what is shown, what is hidden, that nothing is fetched, and which notebook it is made of."""

import base64

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


HOSTILE = [
    "<script>go()</script>",
    '<p onclick="go()" style="background:url(http://far.example/a)">x</p>',
    '<a href="javascript:go()">x</a>',
    '<a href="java\tscript:go()">x</a>',
    '<a href=" data:text/html,<script>go()</script>">x</a>',
    '<svg><script>go()</script><image href="http://far.example/a"/></svg>',
    "<svg><style><img src=x onerror=go()></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=go()></style></mglyph></table></mtext></math>",
    '<noscript><p title="</noscript><img src=x onerror=go()>"></noscript>',
    '<iframe srcdoc="<script>go()</script>"></iframe><object data="http://far.example/a"></object>',
    '<form action="http://far.example"><input name="x"><button formaction="http://far.example/b">x</button></form>',
    '<meta http-equiv="refresh" content="0;url=http://far.example"><base href="http://far.example/">',
    '<link rel="stylesheet" href="http://far.example/c.css"><style>@import "http://far.example/c.css";</style>',
    '<video poster="http://far.example/a" src="http://far.example/v"></video><audio src="http://far.example/v"></audio>',
    '<img src="http://far.example/a" srcset="http://far.example/b 2x" alt="ALT"><img src="//far.example/c">',
    '<img src="data:text/html,<script>go()</script>">',
    '<table background="http://far.example/t"><tr><td background="http://far.example/t">x</td></tr></table>',
]


@pytest.mark.parametrize("html", HOSTILE)
def test_what_an_output_holds_neither_runs_nor_loads(html):
    cell = code("x", v4.new_output("display_data", data={"text/html": f"{html}<p>KEPT</p>"}))
    page = notebook_page.render_notebook(notebook(cell, v4.new_markdown_cell(f"{html}\n\nALSO")), title="t")
    body = page[page.index("<body") :]
    soup = BeautifulSoup(body, "html.parser")
    assert "KEPT" in soup.get_text() and "ALSO" in soup.get_text()
    assert not soup(["script", "style", "iframe", "object", "svg", "math", "form", "input", "button", "meta", "base"])
    for element in soup(True):
        for name, value in element.attrs.items():
            assert not name.startswith("on") and "script:" not in str(value).lower(), page
            assert name not in ("srcset", "background", "poster", "action", "formaction", "data", "srcdoc"), page
        assert str(element.get("src", "data:image/")).startswith("data:image/")
        assert not str(element.get("href", "")).strip().startswith("data:")
    assert "url(" not in body and "@import" not in body and not soup(["link", "video", "audio"])


def test_what_tells_of_the_run_passes_the_cleaner():
    html = (
        '<table class="own"><tr><td colspan="2" style="color: red; position: fixed">a</td></tr></table>'
        '<img src="data:image/png;base64,AAAA" alt="picture" width="30"><h3 id="here">head</h3>'
        '<a href="https://far.example" title="t">link</a><details><summary>more</summary>less</details>'
    )
    cell = code("x", v4.new_output("display_data", data={"text/html": html}))
    soup = BeautifulSoup(notebook_page.render_notebook(notebook(cell), title="t"), "html.parser")
    assert soup.find("table")["class"] == ["own"] and soup.find("td")["colspan"] == "2"
    assert soup.find("td")["style"].replace(" ", "").rstrip(";") == "color:red"
    assert soup.find("img")["src"] == "data:image/png;base64,AAAA" and soup.find("img")["width"] == "30"
    assert soup.find("a")["href"] == "https://far.example" and soup.find("h3")["id"] == "here"
    assert soup.find("summary").get_text() == "more"


def test_a_drawing_is_shown_as_a_picture():
    drawn = '<svg xmlns="http://www.w3.org/2000/svg"><script>go()</script><circle r="1"/></svg>'
    cell = code("x", v4.new_output("display_data", data={"image/svg+xml": drawn, "text/plain": "<SVG>"}))
    soup = BeautifulSoup(notebook_page.render_notebook(notebook(cell), title="t"), "html.parser")
    kind, content = soup.find("img")["src"].split(",")
    assert kind == "data:image/svg+xml;base64" and base64.b64decode(content).decode() == drawn and not soup("svg")


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
