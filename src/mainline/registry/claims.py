"""Two pushes of the state at once: at most one of them is confirmed.

Few registries compare before they replace a tag; where one does (an ETag), it is asked to. Everywhere else the tag that
each state gets for itself is put first, as a claim on its parent, and decides:

1. put the claim, then revoke every other claim on the same parent
2. look whether the current state is still the parent; otherwise give the others their claim back, and begin again
3. move the current tag
4. look whether the own claim was revoked; then move the tag back, and begin again

Two cannot both be confirmed: one that is revoked by a rival who still saw the parent finds that out in its step 4,
since it moves the tag only afterwards. What a process that dies in between leaves, and what a version of Mainline
that knows no claims overwrites, is two heads on one parent: every later pull finds them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mainline.errors import ExternalError
from mainline.registry.oci import Manifest, NoAnswer, Repository

TAG = "state"
PARENT, SEQUENCE, RESTORED, REVOKED = (
    "mainline.state.parent",
    "mainline.state.sequence",
    "mainline.state.restored",
    "mainline.state.revoked-by",
)
WAITS = (0.25, 0.5, 1.0, 2.0, 4.0)  # seconds: a claim that gives way does so within a few requests


class StateMoved(ExternalError):
    """Another run has pushed a state since this one was pulled, or at the same moment."""


@dataclass(frozen=True)
class Claim:
    """A state under its own tag."""

    repository: Repository
    tag: str
    state: Manifest

    def revoke_rivals(self, tags: Iterable[str], parent: Manifest | None) -> list[Claim]:
        """Revoke the other claims on the parent (None: of a first state), and return them."""
        rivals = [
            Claim(self.repository, tag, found)
            for tag, found in states(self.repository, newer(tags, number_of(parent) if parent else 0))
            if tag != self.tag
            and found.annotations.get(PARENT) == self.state.annotations.get(PARENT)
            and REVOKED not in found.annotations
        ]
        for rival in rivals:
            annotations = {**rival.state.annotations, REVOKED: self.tag}
            self.repository.put_manifest([rival.tag], {**rival.state.content, "annotations": annotations})
        return rivals

    def give_way(self, rivals: Iterable[Claim]) -> None:
        """Another state is the current one: the claims that were revoked stand again, and this one does not."""
        for rival in rivals:
            self.repository.put_manifest([rival.tag], rival.state.content)
        annotations = {**self.state.annotations, REVOKED: self.tag}
        self.repository.put_manifest([self.tag], {**self.state.content, "annotations": annotations})

    def check(self, moved: str | None = None, parent: Manifest | None = None) -> None:
        """Raises StateMoved where a rival has revoked this claim.

        `moved` is the tag that points to this state by now: it is given to the rival, or back to the parent.
        """
        now = self.repository.manifest(self.tag)
        rival = now.annotations.get(REVOKED) if now else None
        if rival is None:
            return
        if moved:
            current = self.repository.manifest(moved)
            if current and current.digest == self.state.digest:
                theirs = self.repository.manifest(rival)
                back = theirs if theirs and REVOKED not in theirs.annotations else parent
                if back:
                    self.repository.put_manifest([moved], back.content)
        self.give_way(())  # the rival may have given the claim back by now
        raise StateMoved(f"{self.repository.reference}: another run is pushing a state at the same time: run again")


def one_head(repository: Repository, tags: Iterable[str], current: Manifest) -> None:
    """Raises ExternalError where two states were pushed on one parent, and nobody has chosen between them."""
    pair = two_heads(repository, tags, current)
    for wait in WAITS:  # a push that has just put its claim may be about to give way
        if pair is None:
            return
        time.sleep(wait)
        pair = two_heads(repository, tags, current)
    if pair is None:
        return
    lost = next((digest for digest in pair if digest != current.digest), pair[0])
    raise ExternalError(
        f"{repository.reference}: two states were pushed on top of the same one ({' and '.join(pair)}), and "
        f"{lost} is not in the current state. `mainline state list` shows both, and `mainline state restore "
        "DIGEST` decides which one counts, with the current one's digest too; what only the other one holds, "
        "such as a promotion, has to be done again"
    )


def two_heads(repository: Repository, tags: Iterable[str], current: Manifest) -> list[str] | None:
    """The digests of two states with the same parent, neither of which has given way or was chosen."""
    by_number: dict[int, list[str]] = {}
    for tag in newer(tags, 0):
        by_number.setdefault(number(tag), []).append(tag)
    for several in (each for each in by_number.values() if len(each) > 1):
        found = dict(states(repository, several))
        heads = {
            state.digest: state.annotations.get(PARENT)
            for state in found.values()
            if REVOKED not in state.annotations or is_copy(state, current)
        }
        pair = next(([a, b] for a in heads for b in heads if a < b and heads[a] == heads[b]), None)
        if pair and not chosen(repository, tags, pair, number(several[0])):
            return pair
    return None


def chosen(repository: Repository, tags: Iterable[str], heads: list[str], above: int) -> bool:
    """Whether a later state restored one of the heads: somebody has decided."""
    later = states(repository, newer(tags, above))
    return any(state.annotations.get(RESTORED) in heads for _, state in later)


def is_revoked(repository: Repository, tags: Iterable[str], state: Manifest) -> bool:
    """Whether a state's claim was revoked: the content under its own tag says so."""
    same = [tag for tag in newer(tags, 0) if number(tag) == number_of(state)]
    return any(REVOKED in found.annotations and is_copy(found, state) for _, found in states(repository, same))


def is_copy(revoked: Manifest, state: Manifest) -> bool:
    """Whether one is the other but for its revocation."""
    annotations = {name: value for name, value in revoked.annotations.items() if name != REVOKED}
    return annotations == dict(state.annotations) and revoked.layers == state.layers


def states(repository: Repository, tags: Iterable[str]) -> Iterator[tuple[str, Manifest]]:
    """The manifests of tags; a damaged one is left out.

    Raises
    ------
    NoAnswer
        Where the registry does not answer, which does not mean damage.
    """
    for tag in tags:
        try:
            found = repository.manifest(tag)
        except NoAnswer:
            raise
        except ExternalError:
            continue
        if found:
            yield tag, found


def newer(tags: Iterable[str], above: int) -> list[str]:
    return [tag for tag in tags if re.fullmatch(rf"{TAG}-\d+-\w+", tag) and number(tag) > above]


def number(tag: str) -> int:
    return int(tag.split("-")[1])


def number_of(state: Manifest) -> int:
    said = state.annotations.get(SEQUENCE, "")
    return int(said) if said.isdigit() else 0
