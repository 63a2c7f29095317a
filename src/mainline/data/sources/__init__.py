"""Where tables come from: files, databases, APIs, lakes, streams; each ends as local files that DuckDB reads.

Every kind is declared in a module of this folder, or in a project's own module that `extensions` names.
"""

from mainline.data.sources import api, database, delta, dvc, files, iceberg, streams  # noqa: F401 (they register theirs)
from mainline.data.sources.declaration import SOURCES, Request, source

__all__ = ["SOURCES", "Request", "source"]
