"""The commands in their groups: `mainline --help` is printed from this table, and the parser is built from it."""

from __future__ import annotations

from typing import NamedTuple


# Not a dataclass: that module imports inspect, which costs every start several milliseconds.
class Command(NamedTuple):
    """`module` of `mainline.cli` declares the arguments and does the work; it is imported for its own commands only."""

    name: str
    group: str
    module: str
    help: str


LOOP, RELEASE, WATCHING, WORKFLOWS, INTERNAL = "The loop", "Release", "Watching", "For workflows", "internal"

COMMANDS = (
    Command("init", LOOP, "init", "make a project of a table: guess, explain, write, measure, first verdict"),
    Command("run", LOOP, "train", "validate, train, compare with main on the same rows, report"),
    Command("sources", LOOP, "sources", "read every table of data.sources, and report what was read and put aside"),
    Command("trainer", LOOP, "execution", "build the image of the locked training environment, for `run --in`"),
    Command("kfp", LOOP, "execution", "compile the run as a pipeline for Kubeflow Pipelines"),
    Command("export", LOOP, "export", "export the model to ONNX for the server"),
    Command("suite", LOOP, "suite", "write the expectation suite of a table from a TFDV schema"),
    Command("predict", LOOP, "export", "score a Parquet, CSV or JSON lines file with the exported model"),
    Command("serve", LOOP, "export", "serve the exported model over HTTP"),
    Command("margins", LOOP, "margins", "measure the margins: how far equal models differ on these rows"),
    Command("search", LOOP, "search", "search for better parameters on inner folds; the winner becomes a branch"),
    Command("verify", LOOP, "verify", "train every record again and report those that are not what they claim"),
    Command("ui", LOOP, "ui", "open MLflow's page of runs and models"),
    Command("candidate", RELEASE, "release", "evaluate this commit's model; build, push and test its image"),
    Command("promote", RELEASE, "release", "bring this commit's model to production if it passes its gates"),
    Command("image", RELEASE, "container", "build the server's image and print its reference"),
    Command("stage", RELEASE, "container", "test the image as it will run and compare it with the recorded model"),
    Command("deploy", RELEASE, "container", "deploy a staged image to a target; no alias moves"),
    Command("rollback", RELEASE, "release", "return production to an earlier version"),
    Command("audit", RELEASE, "release", "verify the audit log and print it"),
    Command("state", RELEASE, "state", "begin, list or restore the shared state in the container registry"),
    Command("ship", WATCHING, "ship", "copy the server's prediction log to a store as Parquet"),
    Command("monitor", WATCHING, "monitor", "compare the prediction log with the training data"),
    Command("retrain", WATCHING, "retrain", "open a retraining branch with its report"),
    Command("demo", WATCHING, "demo", "play a year in minutes: release, drift, retraining, rollback"),
    Command("doctor", WORKFLOWS, "doctor", "list the repository's settings on GitHub that are still off"),
    Command("review", WORKFLOWS, "train", "run for a pull request: the event says what to compare with"),
    Command("watch", WORKFLOWS, "retrain", "monitor in a workflow, where the log can be read from there"),
    Command("alert", WORKFLOWS, "retrain", "open, update or close the monitor's issue on GitHub"),
    Command("ci", WORKFLOWS, "ci", "steps of the release workflows"),
    Command("train", INTERNAL, "train", "train for a newer commit's comparison and print where the record is"),
    Command("score", INTERNAL, "train", "score another commit's rows with this commit's model"),
    Command("step", INTERNAL, "execution", "run one step of the Kubeflow pipeline"),
    Command("schema", INTERNAL, "reference", "print the JSON Schema of params.yaml"),
    Command("reference", INTERNAL, "reference", "write the generated documents to a folder"),
)

WIDTH = 12


def about(name: str) -> str:
    """The help text of a command, as a sentence."""
    text = next(command.help for command in COMMANDS if command.name == name)
    return f"{text[0].upper()}{text[1:]}."


def listing() -> str:
    """All commands but the internal ones, by group."""
    lines = []
    for group in (LOOP, RELEASE, WATCHING, WORKFLOWS):
        lines += [f"{group}:", *(f"  {c.name:<{WIDTH}}{c.help}" for c in COMMANDS if c.group == group), ""]
    return "\n".join([*lines, "`mainline COMMAND --help` lists the options of one command."])
