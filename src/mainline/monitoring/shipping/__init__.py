"""From the server's spool to Parquet where `monitor.log` says: `mainline ship`."""
