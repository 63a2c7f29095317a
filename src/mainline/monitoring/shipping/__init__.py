"""Ship the server's spool as Parquet files to `monitor.log`: `mainline ship`."""
