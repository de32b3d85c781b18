"""Words of users in figures (animals, data sets, runs, values): drawn as they are written, whatever they hold.

matplotlib takes what stands between two `$` for a formula, and warns of every letter its font lacks.
"""

import functools
import unicodedata
from collections.abc import Callable

STAND_IN = "□"  # for a letter that no font of this machine has
# Fonts that hold most of a script, tried before all others in the order of their names.
PREFERRED = (
    *("Noto Sans CJK", "Source Han Sans", "Noto Sans", "WenQuanYi", "PingFang", "Hiragino Sans", "Microsoft YaHei"),
    *("Yu Gothic", "Meiryo", "MS Gothic", "Malgun Gothic", "Apple SD Gothic", "SimHei", "Droid Sans Fallback"),
    "Arial Unicode",
)
# Fonts whose letters are not what their codes say: TeX's own, symbols, boxes with the code of the letter.
NO_LETTERS = ("cm", "STIXNon", "STIXSize", "Last Resort", ".LastResort", "Wingdings", "Webdings", "Symbol", "Marlett")

_family_of: dict[str, str | None] = {}  # letter -> a family that has it


def legible(draw: Callable) -> Callable:
    """Decorator of a function that draws a figure and returns its axes or the Figure: no word in it is a formula, and
    letters that the font lacks come from another font of this machine, else stand as "□", without a warning.

    Words that were in the axes before are left alone.
    """

    @functools.wraps(draw)
    def drawn(*args, **kwargs):
        given = kwargs.get("ax")
        before = {} if given is None else {id(text): text.get_text() for text in _words(given)}
        found = draw(*args, **kwargs)
        _make_legible(found, before)
        return found

    return drawn


def _make_legible(artist, before: dict[int, str]) -> None:
    words = [text for text in _words(artist) if text.get_text() != before.get(id(text), "")]
    axes = getattr(artist, "axes", None)  # a list of a Figure, the axes themselves of an axes
    named = [axis for ax in (axes if isinstance(axes, list) else [artist]) for axis in (ax.xaxis, ax.yaxis)]
    named = [axis for axis in named if _has_names(axis)]
    ticks = [pair for axis in named for pair in _ticks(axis)]
    lacking = {id(text): _lacking(text, name) for text, name in [*((t, t.get_text()) for t in words), *ticks]}
    _look_for(set().union(*lacking.values()))
    for text in (*words, *(label for label, _ in ticks)):
        text.set_parse_math(False)
        families = dict.fromkeys(_family_of[letter] for letter in sorted(lacking[id(text)]))
        families.pop(None, None)
        if families:
            text.set_fontfamily([*text.get_fontfamily(), *families])
    for text in words:
        text.set_text(_plain(text.get_text(), lacking[id(text)]))
    for axis in named:
        _rename(axis, set().union(*(lacking[id(label)] for label, _ in _ticks(axis))))


def _words(artist) -> list:
    """Every text below the artist that stays as it was set; the labels of ticks are made anew with each drawing."""
    from matplotlib.axis import Tick
    from matplotlib.text import Text

    labels = {id(label) for tick in artist.findobj(Tick) for label in (tick.label1, tick.label2)}
    return [text for text in artist.findobj(Text) if id(text) not in labels]


def _has_names(axis) -> bool:
    """Were names given to the ticks? Numbers on a logarithmic axis are formulas, and stay so."""
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    return isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter)


def _ticks(axis) -> list[tuple]:
    """Pairs (text, name): each tick has a text on either side of the axes, of which one is shown."""
    names = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    ticks = zip(axis.get_major_ticks(len(names)), names, strict=True)
    return [(label, name) for tick, name in ticks for label in (tick.label1, tick.label2)]


def _rename(axis, lacking: set[str]) -> None:
    """The same names in letters that can be drawn."""
    from matplotlib.ticker import FuncFormatter

    names = axis.get_major_formatter()
    if any(_plain(name, lacking) != name for name in names.format_ticks(axis.get_majorticklocs())):
        axis.set_major_formatter(FuncFormatter(lambda value, place: _plain(names(value, place), lacking)))


def _plain(words: str, lacking: set[str]) -> str:
    """The words, with "□" for letters of no font; what has no shape is left out, control characters are blanks."""
    return "".join(_drawn(letter) if letter in lacking else letter for letter in words)


def _drawn(letter: str) -> str:
    if unicodedata.category(letter) == "Cc":
        return " "
    if unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f":  # zero-width; variants of a shape
        return ""
    return letter if _family_of.get(letter) else STAND_IN


def _lacking(text, words: str) -> set[str]:
    """Letters of the words that the text's font has not."""
    from matplotlib.font_manager import findfont, get_font

    letters = set(words) - {"\n"}
    if all(" " <= letter <= "~" for letter in letters):
        return set()
    font = get_font(findfont(text.get_fontproperties()))
    return {letter for letter in letters if _is_none(letter) or not font.get_char_index(ord(letter))}


def _is_none(letter: str) -> bool:
    """Control characters, and halves of a letter: no font draws them, whatever it says."""
    return unicodedata.category(letter) in ("Cc", "Cs")


def _look_for(letters: set[str]) -> None:
    """Fill `_family_of` for the letters; each font of this machine is opened at most once a call."""
    sought = {letter for letter in letters if letter not in _family_of and not _is_none(letter)}
    for family, font in _fonts() if sought else ():
        has = {letter for letter in sought if font.get_char_index(ord(letter))}
        _family_of.update(dict.fromkeys(has, family))
        sought -= has
        if not sought:
            break
    _family_of.update(dict.fromkeys(letters - _family_of.keys()))


def _fonts():
    """Pairs (family, font) of this machine's fonts with outlines, the preferred first."""
    from matplotlib.font_manager import fontManager, get_font

    def order(family):
        return (next((i for i, start in enumerate(PREFERRED) if family.startswith(start)), len(PREFERRED)), family)

    upright_last = sorted(fontManager.ttflist, key=lambda entry: entry.style == "normal")
    files = {entry.name: entry.fname for entry in upright_last if not entry.name.startswith(NO_LETTERS)}
    for family in sorted(files, key=order):
        try:
            font = get_font(files[family])
        except (OSError, RuntimeError):  # removed since the list was made, or not a font any more
            continue
        if getattr(font, "scalable", True):  # pictures of emoji have one size, which cannot be set
            yield family, font
