"""What the documents say is there, and what is generated is what is committed."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from mainline.cli import reference as documents
from mainline.cli.declared import declared
from mainline.config import reference
from mainline.monitoring.results import Cause, Verdict

TOP = Path(__file__).resolve().parents[2]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
# A command, at the start of a line of a code block or at the start of a code span.
MAKE = re.compile(r"^\s*(?:\$ )?make((?:[ \t]+[^\s#;&|]+)*)", re.MULTILINE)
TARGET = re.compile(r"[a-z][a-z-]*")

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a machine path": re.compile(
        r"(?<![\w.$}/])/(?:" + "|".join(("wo" + "rk", "ho" + "me", "ro" + "ot", "opt", "Users")) + r")/\w"
    ),
    "a package registry": re.compile(
        "files." + r"pythonhosted\.org|" + "py" + r"pi\.org/(?!project/)|/" + r"simple/", re.IGNORECASE
    ),
    "a mail address": re.compile(r"[\w.+-]+@(?!example\.(?:org|com|net)\b)[\w-]+\.(?:com|org|net|io|dev|edu)\b"),
}
GENERATED = ("uv.lock", "LICENSE")  # the lock names its registry, as it must


# What step 6 of the guide removes: in a repository without the example, pages may still speak of it.
EXAMPLE = re.compile(
    r"src/flights|data/(raw|README\.md|demo\.yaml|example\.txt|source\.txt|expectations)|benchmarks|tests/(data|flights)"
    r"|tests/pipelines/test_(?:flights|init)|tests/docs/test_guide\.py"
)


def removed(path: str) -> bool:
    """Whether a path from the top is the example's, in a repository that has removed it."""
    return not (TOP / "src" / "flights").exists() and EXAMPLE.match(path) is not None


def tracked(*patterns: str) -> list[Path]:
    # Work that is not committed yet counts too: the lint runs before the commit.
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return sorted(TOP / name for name in names if name and (TOP / name).is_file())


def pages() -> list[Path]:
    return tracked("*.md")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def targets() -> set[str]:
    """Every target that make itself knows, from its own data base."""
    database = subprocess.run(
        ["make", "--print-data-base", "--question", "--no-builtin-rules", "help"],
        cwd=TOP,
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    rules = database.partition("# Files")[2]
    return set(re.findall(r"^(?!# Not a target:\n)([a-z][a-z-]*):", rules, re.MULTILINE))


def commands(text: str) -> Iterator[str]:
    """Targets that a text asks its reader to make: only what is set as code counts."""
    for code in CODE.findall(text):
        for arguments in MAKE.findall(code.strip("`")):
            # A variable's value may hold spaces: GROUPS="cloud database".
            words = re.sub(r"\w+=(?:\"[^\"]*\"?|\S*)", "", arguments).split()
            yield from (word for word in words if TARGET.fullmatch(word))


def ids(page: Path) -> str:
    return str(page.relative_to(TOP))


@pytest.mark.parametrize("name", ["environment.md", "params.md", "params.schema.json"])
def test_what_is_generated_is_what_is_committed(name: str, tmp_path: Path) -> None:
    documents.write(tmp_path, declared())
    assert (TOP / "docs" / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8"), (
        f"docs/{name} is older than the source: make docs"
    )


def test_every_setting_is_described() -> None:
    lines = reference.page_text(declared()).splitlines()
    silent = [line for line in lines if line.startswith("| `") and line.endswith("|  |")]
    assert silent == []


@pytest.mark.parametrize("page", pages(), ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for pair in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        link = pair[0] or pair[1]
        # Above a README's folder GitHub serves the repository's own pages: so a badge needs no owner's name.
        if "://" in link or link.startswith(("mailto:", "../../actions/workflows/")):
            continue
        path, _, anchor = unquote(link).partition("#")
        there = (page.parent / path).resolve() if path else page
        lost = bool(anchor) and there.suffix == ".md" and there.exists() and anchor not in anchors(there)
        if there.is_relative_to(TOP) and removed(str(there.relative_to(TOP))):
            continue
        if not there.is_relative_to(TOP) or not there.exists() or lost:
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", pages(), ids=ids)
def test_every_make_target_in_a_document_exists(page: Path) -> None:
    gone = {"data"} if removed("src/flights") else set()  # the target of the example's own module
    assert set(commands(page.read_text(encoding="utf-8"))) - targets() - gone == set()


def test_the_documents_name_make_targets_at_all() -> None:
    named = {target for page in pages() for target in commands(page.read_text(encoding="utf-8"))}
    assert {"run", "test", "ui", "help"} <= named


def test_what_make_help_prints_is_real_and_whole() -> None:
    page = subprocess.run(["make", "help"], cwd=TOP, check=True, capture_output=True, text=True).stdout
    shown = set(re.findall(r"^  \x1b\[36m([a-z-]+) *\x1b\[0m \S", page, re.MULTILINE))
    assert shown == targets()


def test_the_suites_and_modules_that_the_documents_name_exist() -> None:
    missing = []
    for page in pages():
        for span in re.findall(
            r"`((?:src|data|docs|tests|pipelines|benchmarks)/[\w./-]+)`", page.read_text(encoding="utf-8")
        ):
            # A page about the machine names files below `src/mainline`; a fork's own stand in the guide as examples.
            there = (TOP / span).exists() or (TOP / "src" / "mainline" / span).exists()
            if (
                not there
                and not removed(span)
                and not re.match(r"(src|data/raw|data/expectations)/(wine|shop)\b", span)
            ):
                missing.append(f"{ids(page)}: {span}")
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_names_a_machine_a_registry_or_an_account(what: str) -> None:
    found = []
    for path in tracked():
        # A project's rows are what they are, in any encoding.
        is_data = ids(path).startswith("data/raw/") and removed("src/flights")
        if path.name in GENERATED or path.suffix in {".parquet", ".png", ".xz"} or is_data:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if FORBIDDEN[what].search(line):
                found.append(f"{ids(path)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_only_the_examples_own_tests_read_what_a_fork_replaces() -> None:
    own = re.compile(
        r"^tests/(data|flights)/|^tests/(pipelines/test_(flights|init)|(frameworks|spark)/test_flights|docs/test_guide)\.py$"
    )
    read = re.compile(
        r'(?:TOP|parents\[\d\]) / "(?:params\.yaml|data)"|^\s*(?:from|import) (?:flights|benchmarks)\b'
        r'|"clone",[^)]*\bTOP\b',
        re.MULTILINE,
    )
    found = [ids(path) for path in tracked("tests/*.py") if not own.search(ids(path)) and read.search(path.read_text())]
    assert found == [], "their checks would be red in every experiment: tests/example.yaml stays as it is"


# What a page quotes of the program's output, and so must change with it.
QUOTED = [
    ("README.md", "saw the future"),
    ("README.md", "non-inferiority to"),
    ("docs/first-day.md", "Not attested"),
    ("docs/first-day.md", "Nothing to release"),
    ("docs/first-day.md", "nothing has been released yet, and a push does not begin"),
    ("docs/first-day.md", "a folder that is not on this runner"),
    ("docs/first-day.md", "there is no previous version to return to"),
    ("docs/first-day.md", "Retrain on data until"),
    ("docs/how-it-decides.md", "non-inferiority to"),
    ("docs/operate.md", "is using this checkout: waiting"),
    ("docs/pull-requests.md", "the configuration or the command is wrong"),
    ("docs/release.md", "Not attested"),
    ("docs/retraining.md", "Retraining stopped"),
]


@pytest.mark.parametrize(("page", "text"), QUOTED)
def test_what_a_page_quotes_is_what_the_program_says(page: str, text: str) -> None:
    if page == "README.md" and removed("src/flights"):
        pytest.skip("the README is the project's own")
    assert text in (TOP / page).read_text(encoding="utf-8")
    assert any(text in path.read_text(encoding="utf-8") for path in tracked("src/mainline/*.py"))


def test_the_page_on_monitoring_names_every_verdict_and_every_cause() -> None:
    operate = (TOP / "docs" / "operate.md").read_text(encoding="utf-8")
    assert [word for word in [*Verdict, *Cause] if f"`{word.value}`" not in operate] == []


def test_the_changelog_has_the_version_of_the_package() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    released = re.findall(r"^## \[([\d.]+)\]", (TOP / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released[0] == version
