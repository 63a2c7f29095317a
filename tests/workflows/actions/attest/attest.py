"""What actions/attest takes and refuses; instead of a signature a line in the rehearsal's folder."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path


def main() -> int:
    inputs = json.loads(os.environ["INPUTS"])
    name, digest, bill = (inputs[key] for key in ("subject-name", "subject-digest", "sbom-path"))
    if not name or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        print(f"::error::subject-digest must be sha256:<hex>, with a subject-name: {digest!r} of {name!r}")
        return 1
    if os.environ.get("REHEARSAL_PLAN") == "free":
        print("::error::Failed to persist attestation: Feature not available for the user or organization.")
        return 1
    kind = "provenance"
    if bill:
        content = json.loads(Path(bill).read_text(encoding="utf-8"))
        if not all(content.get(name) for name in ("bomFormat", "serialNumber", "specVersion")):
            print("::error::Unsupported SBOM format. Must be valid SPDX or CycloneDX JSON.")
            return 1
        kind = str(content["bomFormat"])
    with open(Path(os.environ["REHEARSAL"], "attestations"), "a", encoding="utf-8") as file:
        file.write(f"{kind} {name} {digest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
