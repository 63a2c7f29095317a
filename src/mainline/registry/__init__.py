"""What is kept: runs and models in MLflow, the shared state, the audit log, OCI."""
