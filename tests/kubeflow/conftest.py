from tests.mainline.execution.conftest import docker, project, trainer

__all__ = ["docker", "project", "trainer"]
