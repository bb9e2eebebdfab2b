"""Every section and quirk that a comment, a test or a page cites exists in this repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
CITING = [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
NUMBER = r"\d+(?:\.\d+)?"
CITATION = re.compile(
    rf"\b(\w[\w-]*\.md),?\s+(?:#\s*)?(?:[Ss]ections?\s+)?({NUMBER}(?:(?:\s*,\s*|\s+to\s+|\s+and\s+|-){NUMBER})*)(?![\w-])"
)
QUIRK = re.compile(r"\bQ(\d+)\b")


def citations(text: str) -> set[tuple[str, str]]:
    """(page, number) of every section that a text cites, such as ("method.md", "13.4")."""
    found = CITATION.findall(text)
    return {(page, number) for page, numbers in found for number in re.findall(NUMBER, numbers)}


def sections(page: str) -> set[str]:
    return set(re.findall(rf"^#+ ({NUMBER})\.? ", PAGES[page], flags=re.MULTILINE))


def test_forms_of_a_citation():
    text = "see method.md 13.4, data.md 1.3 to 1.5 and method.md, section 16; data.md Section 2.1-2.5."
    assert citations(text) == {
        *[("method.md", number) for number in ("13.4", "16")],
        *[("data.md", number) for number in ("1.3", "1.5", "2.1", "2.5")],
    }


@pytest.mark.parametrize("path", CITING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cited_section_and_quirk_is_there(path: Path):
    text = path.read_text(encoding="utf-8")
    if path == Path(__file__):
        return
    missing = {(page, n) for page, n in citations(text) if page not in PAGES or n not in sections(page)}
    assert not missing
    rows = set(re.findall(r"^\| Q(\d+) \|", PAGES["method.md"], flags=re.MULTILINE))
    assert not set(QUIRK.findall(text)) - rows


def test_the_pages_have_no_section_twice():
    for page, text in PAGES.items():
        numbers = re.findall(rf"^#+ ({NUMBER})\.? ", text, flags=re.MULTILINE)
        assert len(numbers) == len(set(numbers)), page
