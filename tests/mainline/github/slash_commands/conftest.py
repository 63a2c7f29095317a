from tests.github.fixture import github

__all__ = ["github"]
