"""From the prepared frame to a record: pipeline, fit, fingerprint, reference profile."""
