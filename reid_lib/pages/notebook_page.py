"""A notebook as one HTML page to read: no code, no prompts, no noise, nothing loaded from elsewhere."""

import html
import re

# What a reader should see of an output, the first that is there. Widgets and scripts need a server or the network.
KINDS = ("image/svg+xml", "image/png", "image/jpeg", "text/html", "text/markdown", "text/plain")
WIDGET = "application/vnd.jupyter.widget-view+json"
PARAMETERS = "parameters"  # papermill's tag
NUMBER = re.compile(r"[-+−<>]?\d[\d.,]*(e[-+]?\d+)?( ?%)?( \([^)]*\))?|nan|NaN|undefined|")
# Attributes by which a page loads something.
LOADING = ("src", "srcset", "data", "poster", "background", "action", "formaction", "xlink:href")
UNWANTED = ("script", "style", "link", "iframe", "object", "embed", "form", "base", "meta")
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.5rem 4rem; background: #fff; color: #1a1a1a;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 0 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; padding-top: 1.1rem; border-top: 1px solid #ddd; }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .4rem; }
p, ul, ol { margin: .5rem 0; max-width: 46rem; }
.headline { font-size: 1.05rem; border-left: 3px solid #0072b2; padding: .15rem 0 .15rem .9rem; }
.facts, .caption { color: #555; font-size: .86rem; max-width: none; }
.facts b { color: #1a1a1a; font-weight: 600; }
.caption { margin: -.2rem 0 1.8rem; }
.output_area { margin: .9rem 0; overflow-x: auto; }
img, svg { display: block; max-width: 100%; height: auto; }
table { border: 0; border-collapse: collapse; font-size: .84rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { border: 0; padding: .26rem .8rem .26rem 0; text-align: left; vertical-align: top; }
th.number, td.number { text-align: right; padding: .26rem 0 .26rem .8rem; white-space: nowrap; }
th.number + .text, td.number + .text { padding-left: 1.4rem; }
thead th, thead th.number { color: #555; font-weight: 600; vertical-align: bottom; white-space: normal; }
thead tr:last-child th { border-bottom: 1px solid #999; }
tbody tr + tr > * { border-top: 1px solid #eee; }
tbody th { font-weight: 400; }
pre { margin: 0; padding: .7rem .9rem; background: #f6f6f6; border-radius: 4px; font-size: .78rem; line-height: 1.5;
  white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
p code { font-size: .88em; }
@media print { body { max-width: none; padding: 0; } img, table { break-inside: avoid; } }
"""


def page(notebook, *, title: str, header: str = "") -> str:
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
    name = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<h1>{name}</h1>\n{header}\n{body}\n</body>\n</html>\n"
    )


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
            alt = output.metadata.get(kind, {}).get("alt", f"figure: {heading}")
            kept.append(v4.new_output("display_data", data={kind: output.data[kind]}, metadata={kind: {"alt": alt}}))
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
    for element in soup(UNWANTED):
        element.decompose()
    for element in soup(True):
        for name in list(element.attrs):
            fetched = name in LOADING and not str(element[name]).startswith("data:")
            if fetched or name.startswith("on") or "url(" in str(element[name] if name == "style" else ""):
                del element[name]
        if element.name == "img" and "src" not in element.attrs:
            element.replace_with(element.get("alt", ""))
        elif element.name == "a" and str(element.get("href", "")).strip().lower().startswith(("javascript:", "data:")):
            del element["href"]
    for table in soup("table"):
        _align(table)
    return str(soup)


def _align(table) -> None:
    """A column is one of numbers when its cells are; the cells above it follow. Long names above may be broken."""
    from bs4 import BeautifulSoup

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
            broken = html.escape(cell.get_text()).replace("_", "_<wbr>")
            cell.clear()
            cell.append(BeautifulSoup(broken, "html.parser"))


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
