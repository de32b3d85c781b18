"""A notebook as one HTML page to read: no code, no prompts, no noise, nothing loaded from elsewhere."""

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from reid_lib.pages.html import data_uri, render_part, render_template

if TYPE_CHECKING:
    from nbformat import NotebookNode

# What a reader should see of an output, the first that is there. Widgets and scripts need a server or the network.
SVG, HTML = "image/svg+xml", "text/html"
KINDS = (SVG, "image/png", "image/jpeg", HTML, "text/markdown", "text/plain")
WIDGET = "application/vnd.jupyter.widget-view+json"
PARAMETERS = "parameters"  # papermill's tag
NUMBER = re.compile(r"[-+−<>]?\d[\d.,]*(e[-+]?\d+)?( ?%)?( \([^)]*\))?|nan|NaN|undefined|")
PICTURE = "data:image/"  # how an address begins that stands in the page itself
# What may be styled where it stands; the rest is the page's.
STYLES = frozenset({"color", "background-color", "font-weight", "font-style", "text-align", "white-space"})


def render_notebook(notebook: "NotebookNode", *, title: str, header: Markup | str = "") -> str:
    """The HTML text of an executed notebook (nbformat 4), which is changed.

    Args:
        title: of the page, as plain text.
        header: HTML that stands below the title.
    """
    from nbconvert import HTMLExporter

    _tidy(notebook)
    hidden = {"exclude_input": True, "exclude_input_prompt": True, "exclude_output_prompt": True}
    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True, **hidden)
    body = _standing_alone(exporter.from_notebook_node(notebook)[0])
    return render_template("notebook_page.html", title=title, header=header, body=Markup(body))


def _tidy(notebook) -> None:
    """Keep of each cell what tells of the run: results, not how they were computed or how the notebook is used."""
    from nbformat import v4

    cells = notebook.cells
    tagged = next((i for i, cell in enumerate(cells) if PARAMETERS in cell.metadata.get("tags", [])), None)
    if tagged is not None:  # what stands before says how to run the notebook
        cells = [v4.new_markdown_cell("## Parameters that differ from the defaults"), *cells[tagged + 1 :]]
    heading = ""
    for cell in cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)
            heading = found[-1] if found else heading
        elif cell.cell_type == "code":
            cell.outputs = _told(cell.outputs, heading)
    notebook.cells = [cell for cell in cells if cell.cell_type == "markdown" or cell.get("outputs")]
    notebook.metadata.pop("widgets", None)


def _told(outputs: list, heading: str) -> list:
    """Printed text in one piece, each other output in its most telling form; no warnings, progress bars, errors."""
    from nbformat import v4

    kept = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout":
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
            else:
                kept.append(v4.new_output("stream", name="stdout", text=output.text))
        elif output.output_type in ("display_data", "execute_result") and WIDGET not in output.data:
            kind = next((kind for kind in KINDS if kind in output.data), None)
            if kind is None:
                continue
            alt, content = output.metadata.get(kind, {}).get("alt", f"figure: {heading}"), output.data[kind]
            if kind == SVG:  # as a picture: what stands in the page as elements may load and run
                kind, content = HTML, str(render_part("figure", data_uri(content.encode(), "svg+xml"), alt))
            kept.append(v4.new_output("display_data", data={kind: content}, metadata={kind: {"alt": alt}}))
    for output in kept:
        if output.output_type == "stream":
            output.text = _last_of_each_line(output.text)
    return [output for output in kept if output.output_type != "stream" or output.text]


def _last_of_each_line(text: str) -> str:
    """As a terminal shows it: after a carriage return a line is written again."""
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return "\n".join(lines).strip("\n")


def _standing_alone(body: str) -> str:
    """`body` without scripts and without anything that would be fetched; cells of tables told apart, number or text."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(body, "html.parser")
    for image in soup("img"):
        if not str(image.get("src", "")).startswith(PICTURE):
            image.replace_with(image.get("alt", ""))
    for table in soup("table"):
        _align(table, soup)
    return _clean(str(soup))


def _clean(body: str) -> str:
    """What nh3 lets pass: no scripts, no styles of others, no pictures but those that stand in the page."""
    import nh3

    attributes = nh3.ALLOWED_ATTRIBUTES | {"*": {"class", "id", "title", "style"}}
    return nh3.clean(
        body,
        attributes=attributes,
        attribute_filter=_admit,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties=STYLES,
    )


def _admit(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute, None to leave it out: a link is followed by a person, a picture is shown by itself."""
    inside = value.startswith(PICTURE)
    if attribute == "src":
        return value if tag == "img" and inside else None
    return None if value.strip().lower().startswith("data:") else value


def _align(table, soup) -> None:
    """A column is one of numbers when its cells are; the cells above it follow. Long names above may be broken."""
    del table["border"]
    for row in table("tr"):
        del row["style"]
    _join_heads(table.select("thead tr"))
    rows = [row("td") for row in table.select("tbody tr")]
    for place in range(1, max(map(len, rows), default=0) + 1):
        # Counted from the right: cells of an index on the left may span rows.
        cells = [row[-place] for row in rows if len(row) >= place]
        kind = "number" if all(NUMBER.fullmatch(cell.get_text(strip=True)) for cell in cells) else "text"
        above = [row("th")[-place] for row in table.select("thead tr") if len(row("th")) >= place]
        for cell in [*cells, *above]:
            cell["class"] = kind
        for cell in above:
            first, *others = cell.get_text().split("_")
            cell.clear()
            cell.append(first)
            for words in others:
                cell.extend(["_", soup.new_tag("wbr"), words])


def _join_heads(rows: list) -> None:
    """pandas writes the names of the index into a row of their own: one row holds both, where they do not collide."""
    if len(rows) != 2 or len(rows[0]("th")) != len(rows[1]("th")):
        return
    pairs = list(zip(rows[0]("th"), rows[1]("th"), strict=True))
    if any(a.get_text(strip=True) and b.get_text(strip=True) for a, b in pairs):
        return
    for above, below in pairs:
        if text := below.get_text(strip=True):
            above.string = text
    rows[1].decompose()
