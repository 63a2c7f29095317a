"""Where tables come from: files here and elsewhere, and databases; each ends as local files that DuckDB reads."""
