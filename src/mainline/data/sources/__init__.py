"""Where tables come from: files, databases, APIs, lakes, streams; each ends as local files that DuckDB reads.

Every kind is declared in a module of this folder, or in a project's own module that `extensions` names.
"""

from mainline.data.sources import (  # they register theirs
    api,  # noqa: F401
    database,  # noqa: F401
    delta,  # noqa: F401
    dvc,  # noqa: F401
    expression,  # noqa: F401
    files,  # noqa: F401
    iceberg,  # noqa: F401
    streams,  # noqa: F401
)
from mainline.data.sources.declaration import SOURCES, Request, source

__all__ = ["SOURCES", "Request", "source"]
