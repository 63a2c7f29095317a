"""Commands in the comments of a pull request: `/review`, `/retrain`, `/explain GATE`, `/rollback [VERSION]`."""
