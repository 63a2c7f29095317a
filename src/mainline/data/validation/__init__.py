"""The data gate: expectation suites, run by Great Expectations."""
