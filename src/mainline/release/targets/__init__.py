"""Where the container is deployed: a target reports which image answers there, and deploys another one.

Every target is declared in a module of this folder, or in a project's own module that `extensions` names.
"""

from mainline.release.targets import docker, kubernetes, registry_tag  # noqa: F401 (they register theirs)
from mainline.release.targets.declaration import TARGETS, deploy_target, repository

__all__ = ["TARGETS", "deploy_target", "repository"]
