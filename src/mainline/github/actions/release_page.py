"""A release's page on GitHub, one per version: the model card, the metrics with their intervals, the digests.

A hidden comment at its end is read by later releases: which commit was released, and when.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mainline.github.actions import commands
from mainline.github.client import GitHub, GitHubError
from mainline.runtime import models

TAG = "model-v"  # of the model at the top; of another, its name is in the place of the first word
MARK = re.compile(r"<!-- mainline: (\{[^\n]*\}) -->")
LOOKED_AT = 300  # releases, newest first: they include the fork's own
LONGEST = 120_000  # characters: GitHub takes 125,000
NO_TAG = (403, 404, 409, 422)  # 403, 404: a commit with other workflows; 422: the tag exists, or has a rule against it
COMMIT = re.compile(r"[0-9a-f]{40}")


def prefix() -> str:
    """What the tags of this model's releases begin with; a number follows."""
    name = models.selected().name
    return f"{name}-v" if name else TAG


def numbers(github: GitHub) -> list[int]:
    """The versions of this model that have a tag."""
    found = (each["ref"].removeprefix(f"refs/tags/{prefix()}") for each in github.get(matching()))
    return [int(number) for number in found if number.isdecimal()]


def matching() -> str:
    return f"git/matching-refs/tags/{prefix()}"


@dataclass(frozen=True)
class Published:
    """`commit` is the one that was released last under this tag, which may be newer than the tag's own."""

    tag: str
    commit: str
    at: str


def last(github: GitHub) -> Published | None:
    """The release that was published last."""
    return max(published(github), key=lambda each: each.at, default=None)


def published(github: GitHub) -> Iterator[Published]:
    for release in itertools.islice(github.pages("releases"), LOOKED_AT):
        found = MARK.findall(release.get("body") or "")
        if not found or release["draft"] or not is_ours(release["tag_name"]):
            continue
        try:
            mark = json.loads(found[-1])
            made = Published(release["tag_name"], str(mark["commit"]), str(mark["at"]))
        except (ValueError, KeyError, TypeError):
            continue  # a person has edited the page: it is not reliable
        if COMMIT.fullmatch(made.commit):
            yield made


def is_ours(tag: str) -> bool:
    """Whether a tag is one of this model's releases."""
    return tag.startswith(prefix()) and tag.removeprefix(prefix()).isdecimal()


def publish(github: GitHub, content: Mapping[str, Any], card: str, image: str | None, commit: str, at: str) -> str:
    """Create or update the version's page; the answer is its address.

    Parameters
    ----------
    content
        `reports/release.json`: the version's number and tags.
    image
        The repository of the image; None where the release had none.
    commit
        The commit that was released last, 40 hex digits: the next one is compared with it. `at` is now, in ISO 8601.
    """
    tag = f"{prefix()}{content['version']}"
    body = page(content, card, image, github.repository, commit, at)
    # Never a commit: the workflow's token may not name one whose workflows differ from those of the default branch,
    # as after any merge in the meantime, also where a page has one as its target.
    branch = str(github.get("")["default_branch"])
    model = models.selected()
    title = f"{model.name} {content['version']}" if model.name else f"Model {content['version']}"
    latest = "false" if model.name else "true"  # GitHub has one for the whole repository
    values = {"name": title, "body": body, "make_latest": latest, "target_commitish": branch}
    there = existing(github, tag)
    if there is None:
        made_from = str(content.get("commit"))
        tag_commit(github, tag, made_from if COMMIT.fullmatch(made_from) else commit)
        try:
            return str(github.post("releases", {"tag_name": tag, **values})["html_url"])
        except GitHubError as error:
            there = existing(github, tag) if error.code == 422 else None  # another run was faster
            if there is None:
                raise
    return str(github.patch(f"releases/{there}", values)["html_url"])


def tag_commit(github: GitHub, tag: str, commit: str) -> None:
    """Set the tag at the model's commit if GitHub allows it; else the page sets it at the default branch's newest."""
    try:
        github.post("git/refs", {"ref": f"refs/tags/{tag}", "sha": commit})
    except GitHubError as error:
        if error.code not in NO_TAG:
            raise
        if error.code != 422:
            message = f"{tag} is not set at the model's commit {commit}, which the page names: {error}"
            commands.annotate("notice", "Tag", message)


def existing(github: GitHub, tag: str) -> int | None:
    try:
        return int(github.get(f"releases/tags/{tag}")["id"])
    except GitHubError as error:
        if error.code == 404:
            return None
        raise


def page(content: Mapping[str, Any], card: str, image: str | None, repository: str, commit: str, at: str) -> str:
    """The page as Markdown."""
    digest = content.get("image_digest")
    reference = f"{image}@{digest}" if image and digest else None
    parts = [
        f"In production since {at[:10]}. The model was made from commit {content.get('commit', 'unknown')}.",
        table(("metric", "on the holdout", "95 % interval"), metrics(content)),
        table(("what", ""), identity(content, reference)),
        verify(reference, repository),
    ]
    mark = f"<!-- mainline: {json.dumps({'commit': commit, 'at': at, 'image': digest}, sort_keys=True)} -->"
    room = LONGEST - sum(map(len, parts)) - len(mark)
    parts.append(folded("Model card", body_of(card), room))
    return "\n\n".join(part for part in [*parts, mark] if part) + "\n"


def metrics(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """`metric.roc_auc: "0.81 [0.78, 0.84]"` as a row."""
    rows: list[tuple[str, ...]] = []
    for name in sorted(name for name in content if name.startswith("metric.")):
        value, _, interval = str(content[name]).partition(" ")
        rows.append((f"`{name.removeprefix('metric.')}`", value, interval or "–"))
    return rows


def identity(content: Mapping[str, Any], reference: str | None) -> list[tuple[str, ...]]:
    number = str(content.get("pull_request") or "")
    rows: list[tuple[str, ...]] = [
        ("image", f"`{reference}`" if reference else ""),
        ("model, SHA-256", quoted(content.get("model_digest"))),
        ("data, SHA-256", quoted(content.get("data_digest"))),
        ("fingerprint", quoted(content.get("fingerprint"))),
        ("verdict", quoted(content.get("verdict"))),
        ("pull request", f"#{number}" if number.isdigit() else ""),
        ("approved by", quoted(content.get("approver"))),
        ("deployment approved by", quoted(content.get("deployment_approver"))),
    ]
    return [row for row in rows if row[1]]


def quoted(value: Any) -> str:
    """As code, so that GitHub notifies nobody."""
    return f"`{str(value).replace('`', '')}`" if value else ""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def verify(reference: str | None, repository: str) -> str:
    if reference is None:
        return ""
    return f"If it was attested: `gh attestation verify oci://{reference} --repo {repository}`"


def body_of(card: str) -> str:
    """Without the front matter, which a page of GitHub would show as a rule and a heading."""
    if card.startswith("---\n"):
        return card[4:].partition("\n---\n")[2].strip()
    return card.strip()


def folded(title: str, text: str, room: int) -> str:
    cut = text if len(text) <= room else text[:room] + "\n\n… the rest is in the registry and at `/model-card`."
    return f"<details><summary>{title}</summary>\n\n{cut}\n\n</details>" if text else ""
