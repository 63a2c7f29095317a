"""The rejection of a request: status, reason and message."""

from __future__ import annotations

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    404: "ENDPOINT_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    411: "LENGTH_REQUIRED",
    413: "REQUEST_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    503: "TEMPORARILY_UNAVAILABLE",
}


class Rejection(Exception):
    """Why a request is not answered; `reason` is the label of its count in the metrics.

    `column` and `row` (from 0) locate the error in the input, where that is known.
    """

    def __init__(
        self, status: int, reason: str, message: str, *, column: str | None = None, row: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.column = column
        self.row = row

    def body(self) -> dict[str, object]:
        """In MLflow's format: `error_code` and `message`."""
        found: dict[str, object] = {"error_code": CODES[self.status], "message": self.message}
        if self.column is not None:
            found["column"] = self.column
        if self.row is not None:
            found["row"] = self.row
        return found


def invalid(message: str, *, column: str | None = None, row: int | None = None, reason: str = "value") -> Rejection:
    return Rejection(400, reason, message, column=column, row=row)
