from tests.servers import postgresql

__all__ = ["postgresql"]
