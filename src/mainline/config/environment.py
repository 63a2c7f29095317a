"""The environment variables that Mainline reads, each declared once, and what a workflow passes cleaned up.

The server's own variables are declared in `serving/settings.py`, since the server goes into its image alone.
`docs/environment.md` is generated from both, and a test finds a variable that is read and not declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import NamedTuple

from mainline.runtime.models import SELECT, SELECTED, Model, selected


# Not a dataclass: every command starts with this module.
class Variable(NamedTuple):
    """One environment variable; `default` is what applies where it is not set, as the documentation says it."""

    name: str
    used_by: str
    description: str
    default: str = ""


RELEASE, TARGETS, TRAINING, EXECUTION, GITHUB, TOOLS = (
    "Releases and shared state",
    "Deployment targets",
    "Training and tracking",
    "Training elsewhere",
    "GitHub and its workflows",
    "Other tools",
)
BY_ACTIONS = "Set by GitHub Actions: "

VARIABLES = (
    Variable("MAINLINE_IMAGE", RELEASE, "Repository that images are pushed to, such as `registry.example/team/name`."),
    Variable("MAINLINE_STATE", RELEASE, "Repository that keeps the MLflow store and the audit log between runs."),
    Variable("MAINLINE_MODEL_NAME", RELEASE, "Name of the registered model in MLflow.", "mainline"),
    Variable("MAINLINE_TARGET", RELEASE, "Deployment target of the release workflow.", "registry"),
    Variable("MAINLINE_BASE", RELEASE, "Base image of the container.", "the slim image of the Python that trained"),
    Variable(
        "MAINLINE_PLATFORMS",
        RELEASE,
        "Platforms of the image, such as `linux/amd64 linux/arm64`, under one digest.",
        "that of the engine",
    ),
    Variable("MAINLINE_ENGINE", RELEASE, "Container engine.", "`docker`, else `podman`"),
    Variable("MAINLINE_REGISTRY_USERNAME", RELEASE, "User name for a registry other than GitHub's."),
    Variable("MAINLINE_REGISTRY_PASSWORD", RELEASE, "Its password or token."),
    Variable("MAINLINE_REGISTRY_READER", RELEASE, "The repository's variable: a user who may only read that registry."),
    Variable("MAINLINE_REGISTRY_READER_PASSWORD", RELEASE, "The repository's secret: that user's password or token."),
    Variable("MAINLINE_PULL_REQUEST", RELEASE, "Number of the merged pull request, for the audit log."),
    Variable("MAINLINE_APPROVER", RELEASE, "Who approved the pull request, for the audit log."),
    Variable("MAINLINE_DEPLOYMENT_APPROVER", RELEASE, "Who approved the deployment, for the audit log."),
    Variable("MAINLINE_TAKE_OVER", RELEASE, "`1` takes over a release that another machine has left unfinished."),
    Variable("MAINLINE_SERVICE", TARGETS, "Target `docker`: name of the service's containers.", "mainline"),
    Variable("MAINLINE_PUBLISH", TARGETS, "Target `docker`: address and port.", "127.0.0.1:8080"),
    Variable("MAINLINE_MEMORY", TARGETS, "Target `docker`: memory limit.", "512m"),
    Variable("MAINLINE_NAMESPACE", TARGETS, "Target `kubernetes`: namespace.", "default"),
    Variable("MAINLINE_TAG", TARGETS, "Target `registry`: the tag that moves.", "production"),
    Variable(
        SELECT,
        TRAINING,
        "The model to work for, where a repository has several: as `MODEL=` of a target, and `--model`.",
    ),
    Variable(SELECTED, TRAINING, "Set by Mainline for the processes that it starts: the model that they work for."),
    Variable("MAINLINE_TRAINER", EXECUTION, "Trainer image, where `make trainer` has built it on another machine."),
    Variable("MAINLINE_JOB_MEMORY", EXECUTION, "Memory limit, of a container such as `8g`, of a Job such as `8Gi`."),
    Variable("MAINLINE_JOB_CPUS", EXECUTION, "Processors of the container or Job."),
    Variable("MAINLINE_JOB_GPUS", EXECUTION, "GPUs: `all` or a number for a container, a number for a Job.", "none"),
    Variable("MAINLINE_JOB_SECONDS", EXECUTION, "`activeDeadlineSeconds` of a Job: what it may cost at most.", "3600"),
    Variable("MAINLINE_JOB_SECRET", EXECUTION, "Secret of the cluster with the variables of a Job that are secret."),
    Variable("MAINLINE_TRAINED_IN", EXECUTION, "Set by Mainline in a trainer image: its digest, for the record."),
    Variable("MLFLOW_TRACKING_URI", TRAINING, "MLflow server.", "the store in `.mainline`"),
    Variable("MLFLOW_TRACKING_USERNAME", TRAINING, "User name for that server; read by MLflow itself."),
    Variable("MLFLOW_TRACKING_PASSWORD", TRAINING, "Its password; read by MLflow itself."),
    Variable("MLFLOW_DISABLE_TELEMETRY", TRAINING, "Set by Mainline: MLflow sends no usage data.", "true"),
    Variable("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", TRAINING, "Progress bars of MLflow's downloads.", "false"),
    Variable("MLFLOW_LOGGING_LEVEL", TRAINING, "MLflow's log level.", "ERROR"),
    Variable(
        "SPARK_REMOTE",
        TRAINING,
        "Address of Spark Connect for `data.engine: spark`, such as `sc://spark.example:15002`; it may hold a token.",
        "Spark on this machine",
    ),
    Variable("PYTHONHASHSEED", TRAINING, "Python's seed for hashes; `make` and every container set it.", "0"),
    Variable(
        "XDG_CONFIG_HOME",
        TRAINING,
        "Folder of git's own settings: a container is told which files git ignores.",
        "`~/.config`",
    ),
    Variable("JAVA_HOME", TRAINING, "Folder of the Java that Spark on this machine runs on.", "`java` on the `PATH`"),
    Variable("KERAS_BACKEND", TRAINING, "Keras' backend, `tensorflow` or `torch`; read by Keras itself.", "tensorflow"),
    Variable("KERAS_HOME", TRAINING, "Folder of Keras' own settings, which may name the backend.", "`~/.keras`"),
    Variable("GX_ANALYTICS_ENABLED", TRAINING, "Set by Mainline: Great Expectations sends no usage data.", "false"),
    Variable("GITHUB_TOKEN", GITHUB, "Token for GitHub's API and its container registry."),
    Variable("GH_TOKEN", GITHUB, "Token for GitHub's API, where `GITHUB_TOKEN` is not set."),
    Variable("RETRAIN_TOKEN", GITHUB, "Token that opens retraining pull requests, so that their checks start."),
    Variable("SETTINGS", GITHUB, "The repository's variables as JSON, read by `make settings`."),
    Variable("MAINLINE_RUNNER", GITHUB, "The repository's variable: label of the runner that trains.", "ubuntu-24.04"),
    Variable(
        "MAINLINE_MOST_MODELS", GITHUB, "The repository's variable: how many models one pull request may train.", "20"
    ),
    Variable(
        "MAINLINE_SEVERAL",
        GITHUB,
        "The repository's variable: not empty where it has several models, and its workflows ask which a run is about.",
    ),
    Variable("MAINLINE_PYTHONS", GITHUB, "The repository's variable: JSON list of the Pythons that `quality` tests."),
    Variable(
        "MAINLINE_SNAPSHOT",
        GITHUB,
        "The repository's variable: not empty where main's runs keep rows of remote sources in GitHub's cache, for "
        "later runs and for pull requests of forks. The code of every pull request can then read them.",
    ),
    Variable("MAINLINE_FORK", GITHUB, "Set by Mainline: the run is for a fork's pull request, which gets no secret."),
    Variable(
        "MAINLINE_CML_SHA256",
        GITHUB,
        "SHA-256 of CML's program, which then posts comments; `none`: the API posts them.",
        "CML from its source",
    ),
    Variable("MAINLINE_CML_URL", GITHUB, "Where that program is downloaded, such as a mirror.", "CML's releases page"),
    Variable("GITHUB_REPOSITORY", GITHUB, "The repository, as `owner/name`.", "the remote `origin`"),
    Variable("GITHUB_API_URL", GITHUB, "Address of GitHub's API.", "https://api.github.com"),
    Variable("GITHUB_SERVER_URL", GITHUB, "Address of GitHub.", "https://github.com"),
    Variable("GITHUB_ACTIONS", GITHUB, BY_ACTIONS + "`true` in a workflow."),
    Variable("GITHUB_ACTOR", GITHUB, BY_ACTIONS + "who started the workflow."),
    Variable("GITHUB_TRIGGERING_ACTOR", GITHUB, BY_ACTIONS + "who started or restarted this run of it."),
    Variable("GITHUB_EVENT_NAME", GITHUB, BY_ACTIONS + "the event."),
    Variable("GITHUB_EVENT_PATH", GITHUB, BY_ACTIONS + "the file with the event's payload."),
    Variable("GITHUB_REF", GITHUB, BY_ACTIONS + "the branch or tag."),
    Variable("GITHUB_SHA", GITHUB, BY_ACTIONS + "the commit."),
    Variable("GITHUB_RUN_ID", GITHUB, BY_ACTIONS + "the number of the run."),
    Variable("GITHUB_RUN_ATTEMPT", GITHUB, BY_ACTIONS + "how often this run has started."),
    Variable("GITHUB_WORKFLOW_REF", GITHUB, BY_ACTIONS + "the workflow's file, for the provenance."),
    Variable("GITHUB_ENV", GITHUB, BY_ACTIONS + "the file for variables of later steps."),
    Variable("GITHUB_OUTPUT", GITHUB, BY_ACTIONS + "the file for a step's outputs."),
    Variable("GITHUB_STEP_SUMMARY", GITHUB, BY_ACTIONS + "the file for a step's summary."),
    Variable("UV", TOOLS, "Path of `uv`; set by `make`.", "uv"),
    Variable("UV_VERSION", TOOLS, "Version of `uv` in the image's build."),
    Variable("DOCKER_CONFIG", TOOLS, "Folder of Docker's logins.", "~/.docker"),
    Variable("REGISTRY_AUTH_FILE", TOOLS, "File of Podman's logins."),
    Variable("XDG_CACHE_HOME", TOOLS, "Folder below which the layers of images are kept.", "`~/.cache`"),
    Variable("XDG_RUNTIME_DIR", TOOLS, "Folder below which Podman keeps its logins."),
    Variable("PATH", TOOLS, "Where programs are looked up."),
)

IMAGE, STATE = "MAINLINE_IMAGE", "MAINLINE_STATE"
TRAINED_IN = "MAINLINE_TRAINED_IN"
MODEL_NAME, FORMER_MODEL_NAME = "MAINLINE_MODEL_NAME", "MAINLINE_MODEL"
SERVICE, NAMESPACE = "MAINLINE_SERVICE", "MAINLINE_NAMESPACE"
MOST_MODELS = "MAINLINE_MOST_MODELS"
DEFAULT_NAME = "mainline"  # of what a repository with one model has once, such as the registered model
ELSEWHERE = f"where releases are kept elsewhere, {STATE} or MLFLOW_TRACKING_URI says so"  # for a message
GITHUBS_REGISTRY = "ghcr.io"
OURS = ("MAINLINE_", "MLFLOW_")
EMPTY = (*OURS, "AWS_")  # to AWS's library an empty region is a region, and https://s3..amazonaws.com its address

INTRODUCTION = """\
# Environment variables

Every environment variable that Mainline reads. `make docs` generates this page from
`src/mainline/config/environment.py` and `src/mainline/serving/settings.py`. An empty variable counts as not set.

Where a repository has [several models](several-models.md), `NAME__MODEL` sets a variable for one of them, such as
`MAINLINE_PUBLISH__CHURN` for `models/churn`. What is not set so follows from the common variable and the model's name.
"""


def normalize(environment: MutableMapping[str, str]) -> None:
    """Remove empty variables, and write repositories in lower case, as every registry needs them."""
    for name in [name for name, value in environment.items() if name.startswith(EMPTY) and not value.strip()]:
        del environment[name]
    for name in (IMAGE, STATE):
        if name in environment:
            environment[name] = environment[name].strip().lower()


def of_model(environment: Mapping[str, str], model: Model) -> dict[str, str]:
    """The variables of a model with a name, where they are not those of the one at the top.

    Each is what `NAME__MODEL` says, such as `MAINLINE_IMAGE__CHURN`; or the common one with the model's name.
    """
    if not model.name:
        return {}
    found = {name: f"{environment[name]}/{model.below}" for name in (IMAGE, STATE) if environment.get(name)}
    found[MODEL_NAME] = f"{model_name(environment)}{model.suffix}"
    found[SERVICE] = f"{environment.get(SERVICE) or DEFAULT_NAME}{model.suffix}"
    # The manifests have fixed names: two models in one namespace would replace each other.
    found[NAMESPACE] = f"{environment[NAMESPACE]}{model.suffix}" if environment.get(NAMESPACE) else model.name
    return found | own(environment, model)


def own(environment: Mapping[str, str], model: Model) -> dict[str, str]:
    """What is set for this model alone, by the common names."""
    ending = f"__{str(model).upper().replace('-', '_')}"
    return {
        name.removesuffix(ending): value
        for name, value in environment.items()
        if name.startswith(OURS) and name.endswith(ending) and value.strip()
    }


def experiment(environment: Mapping[str, str]) -> str:
    """The name of the experiment in MLflow."""
    return f"{DEFAULT_NAME}{selected(environment).suffix}"


def in_workflow(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a release in GitHub Actions, from the repository's own `settings`.

    By default image and state are in GitHub's registry, under the repository's name.
    """
    home = f"{GITHUBS_REGISTRY}/{environment.get('GITHUB_REPOSITORY', '')}".lower()
    target = own(settings, selected(environment)).get("MAINLINE_TARGET") or settings.get("MAINLINE_TARGET")
    found = {IMAGE: home, STATE: f"{home}/state", "TARGET": target or "registry"}
    found |= {name: value for name, value in settings.items() if name.startswith(OURS) and value.strip()}
    normalize(found)
    return found


def hosts(environment: Mapping[str, str]) -> list[str]:
    """The registries of a release, each once."""
    found = [environment[name].partition("/")[0] for name in (IMAGE, STATE) if name in environment]
    return list(dict.fromkeys(found))


def model_name(environment: Mapping[str, str]) -> str:
    """The name of the registered model: a server may hold the models of several projects.

    `MAINLINE_MODEL` was this name once and is the folder of an export too: it counts unless it is a path, which no
    name in MLflow can be.
    """
    former = environment.get(FORMER_MODEL_NAME, "")
    return environment.get(MODEL_NAME) or (former if "/" not in former else "") or DEFAULT_NAME


def page(more: Iterable[tuple[str, str]] = ()) -> str:
    """The Markdown page of all variables; `more` are further sections, each a title and its table."""
    parts = [INTRODUCTION]
    for section in dict.fromkeys(variable.used_by for variable in VARIABLES):
        rows = [row(variable) for variable in VARIABLES if variable.used_by == section]
        parts.append("\n".join([f"## {section}", "", "| variable | default | |", "|---|---|---|", *rows, ""]))
    parts += [f"## {title}\n\n{table}" for title, table in more]
    return "\n".join(parts)


def row(variable: Variable) -> str:
    text = variable.default
    default = f"`{text}`" if text and " " not in text else text
    return f"| `{variable.name}` | {default} | {variable.description} |"
