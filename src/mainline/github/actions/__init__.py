"""What workflows in GitHub Actions need in addition to `mainline run` and the release commands."""
