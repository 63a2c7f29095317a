"""What CML 0.20.6 does for `cml comment create`, call by call: the tests' stand-in where CML itself is not installed.

`test_cml.py` holds it against the real one where that is on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STRICT = {"0": False, "false": False, "true": True}


def asked(method: str, url: str, body: Any = None) -> Any:
    request = urllib.request.Request(url, method=method, data=body and json.dumps(body).encode())
    request.add_header("Authorization", f"token {os.environ['REPO_TOKEN']}")
    request.add_header("Accept", "application/vnd.github.v3+json")
    request.add_header("User-Agent", "octokit-rest.js/18.0.0")
    if body:
        request.add_header("Content-Type", "application/json; charset=utf-8")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("words", nargs=2)
    for option in ("--driver", "--repo", "--publish", "--watermark-title", "--target"):
        parser.add_argument(option, required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("file", type=Path)
    call = parser.parse_args()
    assert call.words == ["comment", "create"]
    assert not STRICT[call.publish], "CML would upload linked files to a third party"
    assert os.environ["ITERATIVE_DO_NOT_TRACK"]
    server, repository = urlsplit(call.repo), urlsplit(call.repo).path.strip("/")
    api = f"{server.scheme}://{server.netloc}/api/v3/repos/{repository}"
    number = call.target.removeprefix("pr/")

    title = f"CML watermark {call.watermark_title}".strip()
    for character in "_*[<":
        title = title.replace(character, f"\\{character}")
    address = "https://cml.dev/watermark.png"
    body = f'{call.file.read_text(encoding="utf-8")}\n\n![]({address}#{os.environ["GITHUB_SHA"]} "{title}")'
    known = re.compile(rf'!\[\]\({re.escape(address)}#[0-9a-fA-F]+ "{re.escape(title)}"\)')

    comments = asked("GET", f"{api}/issues/{number}/comments")  # one page, no other
    marked = [comment for comment in comments if known.search(comment["body"])]
    if call.update and marked:
        done = asked("PATCH", f"{api}/issues/comments/{marked[-1]['id']}", {"body": body})
    else:
        done = asked("POST", f"{api}/issues/{number}/comments", {"body": body})
    print(done["html_url"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
