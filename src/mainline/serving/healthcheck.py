"""`python -m mainline.serving.healthcheck [FOLDER]`: is the server in this container ready for traffic?

Without an argument it asks `/ready`. With the model's folder it also sends the export's
example and compares the answer and the model's digest with the folder. Exit status 1 means not ready.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from pathlib import Path
from typing import Any

TOLERANCE = 1e-5  # of an answer: processors differ in the last digits


def main(arguments: list[str]) -> int:
    try:
        port = int(os.environ.get("MAINLINE_PORT") or 8080)
        ask(port, "GET", "/ready")
        if arguments:
            agree(port, json.loads((Path(arguments[0]) / "serving.json").read_text(encoding="utf-8")))
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"not ready for traffic: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


def ask(port: int, method: str, path: str, content: Any = None) -> Any:
    """The JSON that the server answers; ValueError where its status is not 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.5)
    # The header keeps a check out of the prediction log.
    headers = {"content-type": "application/json", "x-mainline-check": "1", **authorisation()}
    connection.request(method, path, None if content is None else json.dumps(content), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise ValueError(f"{path} answers {answer.status}: {body[:200].decode(errors='replace')}")
    return json.loads(body)


def authorisation() -> dict[str, str]:
    key, file = os.environ.get("MAINLINE_API_KEY", "").strip(), os.environ.get("MAINLINE_API_KEY_FILE")
    if not key and file:
        key = Path(file).read_text(encoding="utf-8").strip()
    return {"x-api-key": key} if key else {}


def agree(port: int, signature: dict[str, Any]) -> None:
    """Raises ValueError where the server serves another model, or answers its example differently."""
    served = ask(port, "GET", "/version")["model_digest"]
    if served != signature["digest"]:
        raise ValueError(f"the served model has digest {served}, the one in the image {signature['digest']}")
    if not signature["example"]:
        return
    names = [column["name"] for column in signature["columns"]]
    rows = {"dataframe_split": {"columns": names, "data": signature["example"]}}
    answers = ask(port, "POST", "/invocations", rows)["predictions"]
    if not close(answers, signature["answers"]):
        raise ValueError(f"the example is answered with {answers}; at export it was {signature['answers']}")


def close(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(other))
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
