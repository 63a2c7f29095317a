from tests.servers import abfs, gcs, postgresql, s3, site

__all__ = ["abfs", "gcs", "postgresql", "s3", "site"]
