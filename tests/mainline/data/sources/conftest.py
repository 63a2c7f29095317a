from tests.servers import abfs, gcs, mariadb, postgresql, s3, site

__all__ = ["abfs", "gcs", "mariadb", "postgresql", "s3", "site"]
