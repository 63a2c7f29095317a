"""What every stage works with: the workspace, locks, git, atomic files, digests, progress, the worker process."""
