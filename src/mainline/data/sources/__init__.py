"""Where tables come from: files here and elsewhere, and databases; each ends as local files that DuckDB reads.

Every kind is declared in a module of this folder, or in a project's own module that `extensions` names.
"""

from mainline.data.sources import api, database, files  # noqa: F401 (they register theirs)
from mainline.data.sources.declaration import SOURCES, Request, source

__all__ = ["SOURCES", "Request", "source"]
