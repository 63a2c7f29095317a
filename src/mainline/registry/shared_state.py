"""State without a server: MLflow's store and the audit log as an artifact in an OCI registry.

`MAINLINE_STATE=registry.example/name` sets the repository. The tag `state` is the current state; `state-N` keeps every
former one, each with its parent. Changes are pushed only on top of the state that they are based on: if that has
changed in the meantime, the work is repeated on the new one (`registry/claims.py` says how two pushes at once are told
apart).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mainline.errors import ConfigurationError, ExternalError
from mainline.registry import claims, snapshot
from mainline.registry.audit_log import FileEntryStore
from mainline.registry.claims import PARENT, RESTORED, SEQUENCE, TAG, StateMoved
from mainline.registry.oci import Manifest, Moved, NoAnswer, Repository
from mainline.runtime import origin
from mainline.runtime.atomic_files import replacing_folder, write_text
from mainline.runtime.workspace import Workspace

VARIABLE = "MAINLINE_STATE"
SAYS, CREATED = "mainline.state.last-entry", "org.opencontainers.image.created"
TYPE = "application/vnd.mainline.state.v1"
TITLE = "org.opencontainers.image.title"
BASE = "base.json"
ATTEMPTS = 5
WAY_OUT = "`mainline state list` shows the older ones, `mainline state restore DIGEST` restores one"


@dataclass(frozen=True)
class Listed:
    """A state in the registry."""

    sequence: int
    digest: str
    created: str
    says: str  # a summary of the last entry of its audit log
    size: int  # bytes
    current: bool
    parent: str | None
    restored: str | None


@dataclass(frozen=True)
class Former:
    """A state that another one replaces; `audit` is its audit log, line by line."""

    digest: str
    tag: str  # of its own, under which it stays
    sequence: int
    audit: list[str]


class Shared:
    """A state in a repository of a registry, and the local folder for working on it."""

    def __init__(self, repository: Repository, folder: Path, source: str | None = None) -> None:
        """`source` is the address of the page of the repository that the state belongs to."""
        self.repository = repository
        self.folder = folder
        self.source = source
        self.at: Path | None = None

    @property
    def store(self) -> Path:
        """Where the pulled state is: the folder of an embedded MLflow store."""
        assert self.at, "pull first"
        return self.at

    def pull(self) -> Path:
        """Pull the current state into a folder to work in; local changes are not kept.

        Raises
        ------
        ExternalError
            Where there is none, or it is damaged; a new one is never created silently.
        """
        try:
            current = claims.head(self.repository, self.repository.manifest(TAG))
        except NoAnswer:  # older states could not be read either
            raise
        except ExternalError as error:
            raise ExternalError(f"the current state cannot be read: {error}. {WAY_OUT}") from None
        if current is None:
            raise ExternalError(
                f"there is no state at {self.repository.reference}: before the first release, run "
                "`mainline state init`; otherwise it was lost: `mainline state list` shows what is left, "
                "`mainline state restore DIGEST` restores it"
            )
        claims.one_head(self.repository, current)
        return self.unfold(current)

    def unfold(self, manifest: Manifest) -> Path:
        check_kind(manifest)
        known = next((path for path in self.folder.glob("*") if clean_copy(path) == manifest.digest), None)
        if known is None:
            # A new path each time: an open database at the old one stays what it was.
            known = self.folder / f"{manifest.digest[7:19]}-{secrets.token_hex(3)}"
            with replacing_folder(known) as unfinished, tempfile.TemporaryDirectory(dir=self.folder) as fetched:
                try:
                    for layer in manifest.layers:
                        self.repository.get_blob(layer, Path(fetched, safe(layer["annotations"][TITLE])))
                    snapshot.unpack(Path(fetched), unfinished, known)
                except NoAnswer:
                    raise
                except (ExternalError, KeyError) as error:
                    raise ExternalError(f"the state {manifest.digest} cannot be used: {error}. {WAY_OUT}") from None
                write_base(unfinished, manifest.digest, sequence(manifest), clean=True)
        for other in self.folder.glob("*"):
            if other != known:
                shutil.rmtree(other, ignore_errors=True)
        self.at = known
        return known

    def init(self, fill: Callable[[Path], object]) -> Manifest:
        """Create and push the first state; `fill` fills the new store.

        Raises
        ------
        ConfigurationError
            Where there is a state, or ever was one.
        """
        there = self.listed()
        if there:
            raise ConfigurationError(
                f"{self.repository.reference} holds {len(there)} states, the last {there[0].digest}: "
                "`mainline state restore DIGEST` makes one of them the current one"
            )
        tags = self.tags()
        if tags:  # a state that cannot be read now may be readable later: it is not overwritten
            raise ConfigurationError(
                f"{self.repository.reference} holds states of which none can be read ({', '.join(tags[:3])}): "
                "check the registry; if they are lost, delete these tags, or set another MAINLINE_STATE"
            )
        self.at = self.folder / f"new-{secrets.token_hex(3)}"
        self.at.mkdir(parents=True)
        fill(self.at)
        return self.push()

    def former(self, current: Manifest) -> Former:
        """The facts about the current state that the one in its place keeps."""
        held = claims.states(self.repository, (tag for tag in self.tags() if tag != TAG))
        tag = next((tag for tag, state in held if state.digest == current.digest), TAG)
        return Former(current.digest, tag, sequence(current), self.audit_lines(current))

    def replace(self, former: Former, fill: Callable[[Path], object]) -> Manifest:
        """Push a new store on top of the current state, which stays under its own tag; `fill` fills the new one."""
        self.at = self.folder / f"new-{secrets.token_hex(3)}"
        self.at.mkdir(parents=True)
        fill(self.at)
        write_base(self.at, former.digest, former.sequence, clean=False)
        return self.push()

    def restore(self, digest: str, fill: Callable[[Path, list[str]], object]) -> Manifest:
        """Make an older state the current one, as a new state on top: nothing that was pushed is lost.

        `fill` gets the store and the lines of the current audit log, which is continued.
        """
        whole = re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
        wanted = self.repository.manifest(digest) if whole else None
        if wanted is None:
            raise ConfigurationError(f"{self.repository.reference} has no state {digest}: `mainline state list`")
        current = self.readable_head()
        lines = self.audit_lines(current) if current else []
        store = self.unfold(wanted)
        self.mark(clean=False)
        fill(store, lines)
        newest = max((each.sequence for each in self.listed()), default=0)
        write_base(store, current.digest if current else None, newest, clean=False)
        return self.push(restored=digest)

    def readable(self, tag: str) -> Manifest | None:
        """A manifest, or None where it is damaged: other states can be restored.

        Raises
        ------
        ExternalError
            Where the registry does not answer, which does not mean damage.
        """
        try:
            found = self.repository.manifest(tag)
            return found if found is None or sequence(found) else None
        except NoAnswer:
            raise
        except ExternalError:
            return None

    def readable_head(self) -> Manifest | None:
        """The current state, or None where it is damaged."""
        try:
            found = claims.head(self.repository, self.readable(TAG))
            return found if found is None or sequence(found) else None
        except NoAnswer:
            raise
        except ExternalError:
            return None

    def audit_lines(self, manifest: Manifest) -> list[str]:
        """The lines of the audit log of a state; none where it is damaged."""
        with tempfile.TemporaryDirectory(dir=self.folder) as fetched:
            for layer in manifest.layers:
                if layer.get("annotations", {}).get(TITLE) == snapshot.AUDIT:
                    try:
                        self.repository.get_blob(layer, Path(fetched, "audit"))
                    except ExternalError:
                        return []
                    return FileEntryStore(Path(fetched, "audit")).read()
        return []

    def push(self, restored: str | None = None) -> Manifest:
        """Push the store on top of the state that it is based on.

        Raises
        ------
        StateMoved
            Where that is no longer the current one.
        """
        digest, number = self.base()
        with tempfile.TemporaryDirectory(dir=self.folder) as taken:
            files = snapshot.take(self.store, Path(taken))
            self.unmoved(digest)
            layers = []
            for path in files:
                layer = self.repository.put_blob(path, f"{TYPE}.{path.suffix[1:]}")
                layers.append({**layer, "annotations": {TITLE: path.name}})
            Path(taken, "config").write_text("{}")
            config = self.repository.put_blob(Path(taken, "config"), "application/vnd.oci.empty.v1+json")
        annotations = {
            SEQUENCE: str(number + 1),
            SAYS: last_entry(self.store / snapshot.AUDIT),
            CREATED: dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            **({PARENT: digest} if digest else {}),
            **({RESTORED: restored} if restored else {}),
            **({origin.LABEL: self.source} if self.source else {}),
        }
        content = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": TYPE,
            "config": config,
            "layers": layers,
            "annotations": annotations,
        }
        # First under a tag of its own, for the list and as a claim; the current tag moves last, in one request.
        named = f"{TAG}-{number + 1:06}-{secrets.token_hex(3)}"
        parent = self.repository.manifest(digest) if digest else None
        claim = claims.Claim(self.repository, named, self.repository.put_manifest([named], content), parent)
        try:
            claim.revoke_rivals()
            self.unmoved(digest)
        except ExternalError:
            now = self.readable_head()
            if now is None or now.digest != claim.state.digest:  # a rival that gives up may have moved the tag here
                claim.withdraw()
                raise
        claim.check()
        try:
            pushed = self.repository.put_manifest([TAG], content, self.current_if(digest))
        except Moved as moved:
            claim.withdraw()
            raise StateMoved(f"{moved}: run again") from None
        claim.check()
        claim.settle()
        claim.confirm()
        write_base(self.store, pushed.digest, number + 1, clean=True)
        return pushed

    def current_if(self, digest: str | None) -> Manifest | None:
        """The manifest that the registry is to compare with before it replaces it."""
        current = self.readable(TAG)  # not the newest confirmed state: the request is about this tag
        return current if current and current.digest == digest else None

    def base(self) -> tuple[str | None, int]:
        """Digest and number of the state that the store is based on; None for a new one."""
        try:
            read = json.loads((self.store / BASE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None, 0
        return read["digest"], read["sequence"]

    def mark(self, clean: bool) -> None:
        digest, number = self.base()
        write_base(self.store, digest, number, clean)

    def unmoved(self, expected: str | None) -> None:
        # On top of a damaged state any state may be pushed; a pulled state was complete.
        readable = expected is None
        current = self.readable_head() if readable else claims.head(self.repository, self.repository.manifest(TAG))
        found = current.digest if current else None
        if found != expected:
            raise StateMoved(f"{self.repository.reference}: another run has pushed the state {found}: run again")

    def tags(self) -> list[str]:
        found = self.repository.tags()
        return [tag for tag in found if re.fullmatch(rf"{TAG}(-\d+-\w+)?", tag) and not claims.withdrawn(found, tag)]

    def listed(self) -> list[Listed]:
        """Every state that can be restored, the newest first."""
        tagged, current = self.readable(TAG), self.readable_head()
        found = {}
        for tag in self.tags():
            manifest = tagged if tag == TAG else self.readable(tag)
            if manifest:
                found[manifest.digest] = Listed(
                    sequence(manifest),
                    manifest.digest,
                    manifest.annotations.get(CREATED, ""),
                    manifest.annotations.get(SAYS, ""),
                    sum(layer["size"] for layer in manifest.layers),
                    current is not None and manifest.digest == current.digest,
                    manifest.annotations.get(PARENT),
                    manifest.annotations.get(RESTORED),
                )
        return sorted(found.values(), key=lambda each: (each.sequence, each.created), reverse=True)


def shared(workspace: Workspace) -> Shared | None:
    """The state in a registry, where one is set and no MLflow server is."""
    reference = os.environ.get(VARIABLE)
    if not reference or os.environ.get("MLFLOW_TRACKING_URI"):
        return None
    folder = workspace.state / "shared"
    folder.mkdir(parents=True, exist_ok=True)
    return Shared(Repository(reference), folder, origin.page(workspace.root, os.environ))


def on_top(state: Shared, work: Callable[[Path], int]) -> int:
    """Pull and run `work` in the store; again if another run pushed first."""
    for _ in range(ATTEMPTS - 1):
        try:
            return begun(state, work)
        except StateMoved as moved:
            print(f"{moved} (retrying)", file=sys.stderr)
    return begun(state, work)


def begun(state: Shared, work: Callable[[Path], int]) -> int:
    store = state.pull()
    state.mark(clean=False)  # until it is pushed, it differs from the state in the registry
    return work(store)


def last_entry(log: Path) -> str:
    try:
        entry = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        return f"{entry['event']} {entry.get('version', '')}".strip()
    except (OSError, ValueError, LookupError):
        return ""


def write_base(folder: Path, digest: str | None, number: int, clean: bool) -> None:
    write_text(folder / BASE, json.dumps({"digest": digest, "sequence": number, "clean": clean}))


def clean_copy(folder: Path) -> str | None:
    """The digest of the state that a folder is an unchanged copy of, if of one."""
    try:
        found = json.loads((folder / BASE).read_text(encoding="utf-8"))
        return str(found["digest"]) if found["clean"] else None
    except (OSError, ValueError, KeyError):
        return None


def check_kind(manifest: Manifest) -> None:
    """Refuse a state of another format: it is intact, and restoring an older one would lose entries."""
    kind = manifest.content.get("artifactType")
    if kind != TYPE:
        raise ConfigurationError(
            f"{manifest.digest} is not a state that this Mainline can read (its type is {kind}, not {TYPE}): if a "
            "newer Mainline has written it, update this checkout; otherwise check MAINLINE_STATE"
        )


def sequence(manifest: Manifest) -> int:
    try:
        return int(manifest.annotations[SEQUENCE])
    except (KeyError, ValueError):
        raise ExternalError(f"{manifest.digest} is not a state of Mainline") from None


def safe(name: str) -> str:
    """A file name from a manifest, checked so that it cannot leave its folder."""
    if not re.fullmatch(r"mlflow\.db|audit\.jsonl|version-\d+\.tar", name):
        raise ExternalError(f"it contains a file {name!r} that is not part of a state")
    return name


def needed(workspace: Workspace) -> Shared:
    if os.environ.get("MLFLOW_TRACKING_URI"):
        raise ConfigurationError("MLFLOW_TRACKING_URI is set: the state is on that server, nothing is pulled or pushed")
    found = shared(workspace)
    if found is None:
        raise ConfigurationError(f"{VARIABLE} is not set: for example {VARIABLE}=registry.example/team/name")
    return found


def pulled(workspace: Workspace) -> Path:
    """The current state's store, for reading; changes to it are never pushed."""
    with workspace.locked():
        state = needed(workspace)
        store = state.pull()
        state.mark(clean=False)
    return store
