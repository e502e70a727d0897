"""Streamlit's files for the browser: what pages are drawn with is kept packed and named at once.

Streamlit's page asks for the code of a widget or a picture only when its first one is to be drawn:
in three waves, the largest file last. Here the page names all of it from the start, behind what
it needs to begin with, so that it is loaded while the script runs.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

DRAWN_WITH = ("PlotlyChart", "Metric", "Multiselect", "ButtonGroup", "Checkbox", "Html")
"""What every page, or the first one, has on it: the names of Streamlit's own files."""

COMPILED_WHOLE = ("PlotlyChart",)
"""Those of them that take a browser long to compile, where it does so while the page waits."""

HINT = b"//# allFunctionsCalledOnLoad\n"
"""V8's explicit compile hint, at a file's head; to other browsers a comment. It takes a third of a
second off the thread that draws the page, and puts as much on another."""

_ICONS = "static/media/MaterialSymbols-Rounded.*.woff2"
_NAMED = re.compile(r'"\./(static/[\w./-]+\.(?:js|css|woff2))"')
_IMPORTED = re.compile(r'\b(?:from|import)"\./([\w.-]+\.js)"')
_TYPES = {".js": "application/javascript", ".css": "text/css", ".woff2": "font/woff2"}
_LINKS = {
    ".js": '<link rel="modulepreload" crossorigin href="./{}">',
    ".woff2": '<link rel="preload" as="font" type="font/woff2" crossorigin href="./{}">',
}
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as it is, but for a hint, and packed by gzip where that is smaller."""

    media_type: str
    plain: bytes
    packed: bytes | None


@dataclass(frozen=True, slots=True)
class Frontend:
    """The page, and the files that it names, each by its path."""

    page: str
    kept: Mapping[str, Kept]


def read_frontend(folder: Path | None = None) -> Frontend:
    """Return Streamlit's page and files, or those in `folder`; blocks half a second.

    What this version of Streamlit does not have under its name is left out, and so comes later.
    """
    root = folder or Path(str(files("streamlit"))) / "static"
    page = (root / "index.html").read_text(encoding="utf-8")
    first = list(dict.fromkeys(_NAMED.findall(page)))
    late = list(dict.fromkeys(_late(root, page)))
    links = "".join(f"    {_LINKS[Path(name).suffix].format(name)}\n" for name in late)
    kept = {f"/{name}": _keep(root / name) for name in first + late}
    return Frontend(page.replace("  </head>", f"{links}  </head>"), kept)


def _late(root: Path, page: str) -> Iterator[str]:
    """Yield the paths of what pages are drawn with, and of all that it imports."""
    for name in DRAWN_WITH:
        for path in root.glob(f"static/js/{name}.*.js"):
            for needed in _needed(path, page):
                yield f"static/js/{needed}"
    yield from (path.relative_to(root).as_posix() for path in root.glob(_ICONS))


def _needed(path: Path, page: str) -> Iterator[str]:
    waiting, seen = [path.name], {path.name}
    while waiting:
        name = waiting.pop()
        yield name
        text = path.with_name(name).read_text(encoding="utf-8")
        imported = {each for each in _IMPORTED.findall(text) if each not in page} - seen
        seen |= imported
        waiting += sorted(imported)


def _keep(path: Path) -> Kept:
    hint = HINT if path.name.partition(".")[0] in COMPILED_WHOLE else b""
    plain = hint + path.read_bytes()
    packed = gzip.compress(plain, _LEVEL, mtime=0)
    return Kept(_TYPES[path.suffix], plain, packed if len(packed) < 0.9 * len(plain) else None)
