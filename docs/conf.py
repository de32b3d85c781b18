"""How the documentation site is built: `make docs`. Nothing is fetched, then or by a reader's browser."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent / "_ext")]
_package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "reid_lib"
author = "the authors of reid_lib"
copyright = "2026, the authors of reid_lib. Apache-2.0"
release = version = _package["version"]
language = "en_GB"

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "api",
    "generated",
]
exclude_patterns = ["_ext", "_build"]
nitpicky = False  # types of other packages have no page here
smartquotes = False  # a fifth of the time, for the shape of quotation marks

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "reid_lib"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = dict.fromkeys(["index", "how-many", "numbers", "questions", "beside"], [])  # nothing beside them
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_nav_level": 1,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
