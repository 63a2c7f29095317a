"""Caches as GitHub scopes them: a ref writes its own, and reads its own, its base branch's and the default branch's.

A cache is a tar file `cache/SCOPE/KEY.tar`; a key is written once. The newest of those that a prefix fits is restored.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote


def main(verb: str) -> int:
    inputs = json.loads(os.environ["INPUTS"])
    return save(inputs) if verb == "save" else restore(inputs)


def save(inputs: dict[str, str]) -> int:
    into = place(os.environ["REF"], inputs)
    paths = [path for path in inputs["path"].split("\n") if path and Path(path).exists()]
    if not paths:
        print("::warning::Path Validation Error: nothing to cache", flush=True)
        return 0
    target = into / f"{quote(inputs['key'], safe='')}.tar"
    if target.exists():
        print(f"a cache with the key {inputs['key']} is there already: not written again", flush=True)
        return 0
    into.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    with tarfile.open(unfinished, "w") as tar:
        for path in paths:
            tar.add(path)
    unfinished.rename(target)
    print(f"saved {inputs['key']} ({target.stat().st_size:,} bytes) for {os.environ['REF']}", flush=True)
    return 0


def restore(inputs: dict[str, str]) -> int:
    found = next(matches(inputs), None)
    matched = found[0] if found else ""
    if found:
        with tarfile.open(found[1]) as tar:
            # Python before 3.11.4 has no filters.
            tar.extractall(**({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))
        print(f"restored {matched} from {found[1].parent.parent.name}", flush=True)
    else:
        print(f"no cache fits {inputs['key']}", flush=True)
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as outputs:
        hit = "true" if matched == inputs["key"] else "false" if matched else ""
        outputs.write(f"cache-hit={hit}\ncache-primary-key={inputs['key']}\ncache-matched-key={matched}\n")
    return 1 if not found and inputs["fail-on-cache-miss"] == "true" else 0


def matches(inputs: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """Scope by scope: the key itself, what begins with it, then what begins with each of `restore-keys`."""
    prefixes = [inputs["key"], *(line.strip() for line in inputs["restore-keys"].split("\n") if line.strip())]
    for scope in scopes():
        kept = sorted(place(scope, inputs).glob("*.tar"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        exact = [path for path in kept if path.stem == quote(inputs["key"], safe="")]
        fitting = [path for prefix in prefixes for path in kept if path.stem.startswith(quote(prefix, safe=""))]
        yield from ((path.stem.replace("%2F", "/"), path) for path in [*exact, *fitting])


def scopes() -> list[str]:
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    # The event of a schedule names no repository; it runs on the default branch.
    default = f"refs/heads/{event['repository']['default_branch']}" if "repository" in event else os.environ["REF"]
    base = event.get("pull_request", {}).get("base", {}).get("ref")
    return list(dict.fromkeys([os.environ["REF"], *([f"refs/heads/{base}"] if base else []), default]))


def place(scope: str, inputs: dict[str, str]) -> Path:
    # As on GitHub, a cache of other paths is another cache whatever its key.
    version = hashlib.sha256(inputs["path"].encode()).hexdigest()[:8]
    return Path(os.environ["REHEARSAL"], "cache", quote(scope, safe=""), version)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
