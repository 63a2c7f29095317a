"""`params.yaml` and the environment: the settings' schema and loader, and the fork's own code by import path."""
