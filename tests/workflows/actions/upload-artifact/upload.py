"""What actions/upload-artifact leaves: names inside the zip are relative to the files' common folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path


def main() -> int:
    inputs = json.loads(os.environ["INPUTS"])
    files = wanted(inputs)
    if not files:
        return missing(inputs)
    plain = inputs["archive"] == "false"
    if plain and len(files) > 1:
        print(f"::error::archive: false takes one file, {len(files)} were found", flush=True)
        return 1
    name = files[0].name if plain else inputs["name"]
    folder = Path(os.environ["REHEARSAL"], "artifacts", os.environ["GITHUB_RUN_ID"])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name if plain else f"{name}.zip")
    if target.exists() and inputs["overwrite"] != "true":
        print(f"::error::an artifact with the name {name} exists already in this run", flush=True)
        return 1
    if plain:
        shutil.copyfile(files[0], target)
    else:
        top = Path(os.path.commonpath([file.parent for file in files]))
        level = int(inputs["compression-level"])
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
            for file in files:
                archive.write(file, file.relative_to(top))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as outputs:
        outputs.write(f"artifact-id={int(digest[:8], 16)}\nartifact-url={target.as_uri()}\nartifact-digest={digest}\n")
    print(f"uploaded {name}: {len(files)} files, {target.stat().st_size:,} bytes", flush=True)
    return 0


def wanted(inputs: dict[str, str]) -> list[Path]:
    found: set[Path] = set()
    for pattern in filter(None, map(str.strip, inputs["path"].split("\n"))):
        for path in [Path(pattern)] if Path(pattern).exists() else Path().glob(pattern):
            found |= set(path.rglob("*") if path.is_dir() else [path])
    hidden = inputs["include-hidden-files"] == "true"
    return sorted(p.resolve() for p in found if p.is_file() and (hidden or not any(x[0] == "." for x in p.parts)))


def missing(inputs: dict[str, str]) -> int:
    kind = inputs["if-no-files-found"]
    said = f"No files were found with the provided path: {' '.join(inputs['path'].split())}"
    if kind == "ignore":
        print(said, flush=True)
        return 0
    print(f"::{kind if kind == 'error' else 'warning'}::{said}", flush=True)
    return 1 if kind == "error" else 0


if __name__ == "__main__":
    sys.exit(main())
