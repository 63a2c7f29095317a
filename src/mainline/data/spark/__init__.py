"""`data.engine: spark`: the same preparation on Spark, with a frame that is DuckDB's to the bit, or no frame."""
