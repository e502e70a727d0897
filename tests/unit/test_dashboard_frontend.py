"""What a browser loads to draw a page: all of it is named in the page, and travels packed."""

import gzip
import re
from importlib.resources import files
from pathlib import Path

import pytest

from services.dashboard.frontend import COMPILED_WHOLE, DRAWN_WITH, HINT, Frontend, read_frontend

FRONTEND = Path(str(files("streamlit"))) / "static"


@pytest.fixture(scope="module")
def frontend() -> Frontend:
    return read_frontend()


@pytest.mark.parametrize("name", DRAWN_WITH)
def test_streamlit_still_has_each_part_under_its_name(frontend: Frontend, name: str) -> None:
    assert [path for path in frontend.kept if path.startswith(f"/static/js/{name}.")]


def test_the_page_names_every_file_that_is_kept_and_no_other(frontend: Frontend) -> None:
    named = set(re.findall(r'"\./(static/[^"]+)"', frontend.page))
    assert {f"/{name}" for name in named} == set(frontend.kept)
    own = (FRONTEND / "index.html").read_text()
    assert named > set(re.findall(r'"\./(static/[^"]+)"', own))


def test_nothing_that_is_kept_imports_what_is_not(frontend: Frontend) -> None:
    for path, kept in frontend.kept.items():
        if path.endswith(".js"):
            for name in re.findall(rb'\b(?:from|import)"\./([\w.-]+)"', kept.plain):
                assert f"/static/js/{name.decode()}" in frontend.kept, path


def test_files_are_kept_as_they_are_and_packed_where_that_saves(frontend: Frontend) -> None:
    marked = set()
    for path, kept in frontend.kept.items():
        own = (FRONTEND / path.removeprefix("/")).read_bytes()
        if kept.plain.startswith(HINT):
            marked.add(Path(path).name.partition(".")[0])
            own = HINT + own
        assert kept.plain == own
        if kept.packed is not None:
            assert gzip.decompress(kept.packed) == kept.plain
    assert marked == set(COMPILED_WHOLE)
    plain = sum(len(kept.plain) for kept in frontend.kept.values())
    assert sum(len(kept.packed or kept.plain) for kept in frontend.kept.values()) < plain / 2
