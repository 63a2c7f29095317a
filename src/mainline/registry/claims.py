"""Two pushes of the state at once: at most one of them is confirmed.

Few registries compare before they replace a tag; where one does (an ETag), it is asked to. Everywhere else the tag that
each state gets for itself is put first, as a claim on its parent, and decides:

1. put the claim, then revoke every other claim on the same parent
2. look whether the current state is still the parent, and the own claim not revoked; else withdraw it and begin again
3. move the current tag
4. look whether the own claim was revoked; then move the tag back, withdraw the claim and begin again
5. put the tag that says that this state is confirmed

A revocation by a claim that was withdrawn itself does not count. Two cannot both be confirmed: one that is revoked by
a rival who still saw the parent finds that out in its step 4, since it moves the tag only afterwards. Claims,
revocations, withdrawals and confirmations are tags that are only ever added, so no write of one machine can undo that
of another. The current tag is not: one that gives way may move it back after others have pushed on. So the current
state is the newest confirmed one wherever the tag is behind it.

What a process that dies in between leaves, and what a version of Mainline that knows no claims overwrites, is two heads
on one parent: every later pull finds them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mainline.errors import ExternalError
from mainline.registry.oci import Manifest, NoAnswer, Repository

TAG = "state"
CONFIRMED = "confirmed-"
PARENT, SEQUENCE, RESTORED = "mainline.state.parent", "mainline.state.sequence", "mainline.state.restored"
WAITS = (0.25, 0.5, 1.0, 2.0, 4.0)  # seconds: a claim that gives way does so within a few requests


class StateMoved(ExternalError):
    """Another run has pushed a state since this one was pulled, or at the same moment."""


@dataclass(frozen=True)
class Claim:
    """A state under its own tag; `parent` is the state that it is based on."""

    repository: Repository
    tag: str
    state: Manifest
    parent: Manifest | None

    def revoke_rivals(self) -> None:
        tags = self.repository.tags()
        above = number_of(self.parent) if self.parent else 0
        for tag, found in states(self.repository, newer(tags, above)):
            if tag != self.tag and not withdrawn(tags, tag) and same_parent(found, self.state):
                self.repository.put_manifest([f"revoked-{tag}-by-{self.tag}"], self.state.content)

    def withdraw(self) -> None:
        self.repository.put_manifest([f"withdrawn-{self.tag}"], self.state.content)

    def check(self) -> None:
        """Raises StateMoved where a rival has revoked this claim; the current tag is then no longer at its state."""
        tags = self.repository.tags()
        rivals = revokers(tags, self.tag)
        if not rivals:
            return
        if self.given_up(tags, rivals):
            self.withdraw()
        raise StateMoved(f"{self.repository.reference}: another run is pushing a state at the same time: run again")

    def given_up(self, tags: Sequence[str], rivals: Sequence[str]) -> bool:
        """Move the current tag from this state to the rival's; False where somebody has already built on this state."""
        current = certain(self.repository, TAG)
        if current.digest == self.state.digest:
            winner = next((rival for rival in rivals if not revokers(tags, rival)), rivals[0])
            self.repository.put_manifest([TAG], certain(self.repository, winner).content)
        later = [current, *(state for _, state in states(self.repository, newer(tags, number(self.tag))))]
        return all(state.annotations.get(PARENT) != self.state.digest for state in later)

    def settle(self) -> None:
        """See that the current tag is at this state, or at a later one."""
        current = certain(self.repository, TAG)
        if current.digest == self.state.digest or number_of(current) > number(self.tag):
            return
        tags = self.repository.tags()
        late = any(
            self.tag in revokers(tags, tag)
            for tag, found in states(self.repository, newer(tags, number_of(current) - 1))
            if found.digest == current.digest
        )
        if not late and (self.parent is None or current.digest != self.parent.digest):
            raise StateMoved(f"{self.repository.reference}: another run has pushed {current.digest}: run again")
        self.repository.put_manifest([TAG], self.state.content)  # a rival that was revoked came too late

    def confirm(self) -> None:
        self.repository.put_manifest([f"{CONFIRMED}{self.tag}"], self.state.content)


def head(repository: Repository, tagged: Manifest | None) -> Manifest | None:
    """The current state, where `tagged` is what the current tag is at: a later one that was confirmed, if there is one.

    A tag that is gone or damaged stays so: somebody has to decide what is restored.
    """
    if tagged is None:
        return None
    tags = repository.tags()
    confirmed = newer((tag.removeprefix(CONFIRMED) for tag in tags if tag.startswith(CONFIRMED)), number_of(tagged))
    newest = max(confirmed, key=number, default=None)
    return certain(repository, f"{CONFIRMED}{newest}") if newest else tagged


def revokers(tags: Sequence[str], claim: str) -> list[str]:
    """The claims that have revoked this one, and were not withdrawn themselves."""
    start = f"revoked-{claim}-by-"
    return [by for tag in tags if tag.startswith(start) and not withdrawn(tags, by := tag.removeprefix(start))]


def withdrawn(tags: Sequence[str], claim: str) -> bool:
    return f"withdrawn-{claim}" in tags


def same_parent(one: Manifest, other: Manifest) -> bool:
    return one.annotations.get(PARENT) == other.annotations.get(PARENT)


def one_head(repository: Repository, current: Manifest) -> None:
    """Raises ExternalError where two states were pushed on one parent, and nobody has chosen between them."""
    pair = two_heads(repository)
    for wait in WAITS:  # a push that has just put its claim may be about to give way
        if pair is None:
            return
        time.sleep(wait)
        pair = two_heads(repository)
    if pair is None:
        return
    lost = next((digest for digest in pair if digest != current.digest), pair[0])
    raise ExternalError(
        f"{repository.reference}: two states were pushed on top of the same one ({' and '.join(pair)}), and {lost} is "
        "not in the current state. `mainline state list` shows both, and `mainline state restore DIGEST` decides which "
        "one counts, with the current one's digest too; what only the other one holds, such as a promotion, has to be "
        "done again"
    )


def two_heads(repository: Repository) -> list[str] | None:
    """The digests of two states with the same parent, neither of which was withdrawn or chosen."""
    tags = repository.tags()
    by_number: dict[int, list[str]] = {}
    for tag in newer(tags, 0):
        if not withdrawn(tags, tag):
            by_number.setdefault(number(tag), []).append(tag)
    for several in (each for each in by_number.values() if len(each) > 1):
        heads = {state.digest: state.annotations.get(PARENT) for _, state in states(repository, several)}
        pair = next(([a, b] for a in heads for b in heads if a < b and heads[a] == heads[b]), None)
        if pair and not chosen(repository, newer(tags, number(several[0])), pair):
            return pair
    return None


def chosen(repository: Repository, later: Iterable[str], heads: Sequence[str]) -> bool:
    """Whether a later state restored one of the heads: somebody has decided."""
    return any(state.annotations.get(RESTORED) in heads for _, state in states(repository, later))


def certain(repository: Repository, tag: str) -> Manifest:
    """The manifest of a tag that must be there."""
    found = repository.manifest(tag)
    if found is None:
        raise StateMoved(f"{repository.reference}:{tag} is not there any more: run again")
    return found


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
