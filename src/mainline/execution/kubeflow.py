"""The training pipeline for Kubeflow Pipelines: `python -m mainline.execution.kubeflow PLAN PIPELINE` compiles it.

It runs in an environment of its own (`deploy/kubeflow`), and so imports kfp and the standard library alone. Every
component is a container of the job's image: the trainer image with the checkout on top.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kfp import compiler, dsl

STEP = ["python", "-m", "mainline", "step"]


def compiled(plan: dict[str, Any], target: Path) -> None:
    """Write the pipeline of a plan, as `mainline kfp` has made it, to a YAML file."""
    compiler.Compiler().compile(pipeline_of(plan), str(target))


def pipeline_of(plan: dict[str, Any]) -> Any:
    image: str = plan["image"]

    def spec(name: str, fingerprint: str, base: str, before: Any = None, **outputs: Any) -> dsl.ContainerSpec:
        arguments = [name, "--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
        arguments += ["--fingerprint", fingerprint, "--base", base]
        arguments += ["--state-in", before] if before is not None else []
        for output, path in outputs.items():
            arguments += ["--output", output, path]
        return dsl.ContainerSpec(image=image, command=STEP, args=arguments)

    @dsl.container_component
    def collect(
        fingerprint: str, base: str, state: dsl.Output[dsl.Artifact], tables: dsl.Output[dsl.Dataset]
    ) -> dsl.ContainerSpec:
        return spec("collect", fingerprint, base, state=state.path, tables=tables.path)

    @dsl.container_component
    def prepare(
        fingerprint: str,
        base: str,
        before: dsl.Input[dsl.Artifact],
        state: dsl.Output[dsl.Artifact],
        frame: dsl.Output[dsl.Dataset],
    ) -> dsl.ContainerSpec:
        return spec("prepare", fingerprint, base, before.path, state=state.path, frame=frame.path)

    @dsl.container_component
    def validate(
        fingerprint: str,
        base: str,
        before: dsl.Input[dsl.Artifact],
        state: dsl.Output[dsl.Artifact],
        validation: dsl.Output[dsl.Metrics],
    ) -> dsl.ContainerSpec:
        return spec("validate", fingerprint, base, before.path, state=state.path, validation=validation.path)

    @dsl.container_component
    def train(
        fingerprint: str,
        base: str,
        before: dsl.Input[dsl.Artifact],
        state: dsl.Output[dsl.Artifact],
        model: dsl.Output[dsl.Model],
        fit: dsl.Output[dsl.Metrics],
    ) -> dsl.ContainerSpec:
        return spec("train", fingerprint, base, before.path, state=state.path, model=model.path, fit=fit.path)

    @dsl.container_component
    def compare(
        fingerprint: str,
        base: str,
        before: dsl.Input[dsl.Artifact],
        state: dsl.Output[dsl.Artifact],
        metrics: dsl.Output[dsl.Metrics],
        verdict: dsl.OutputPath(str),  # type: ignore[valid-type]
        passed: dsl.OutputPath(str),  # type: ignore[valid-type]
    ) -> dsl.ContainerSpec:
        more = {"metrics": metrics.path, "verdict": verdict, "passed": passed}
        return spec("compare", fingerprint, base, before.path, state=state.path, **more)

    @dsl.container_component
    def report(
        fingerprint: str,
        base: str,
        before: dsl.Input[dsl.Artifact],
        page: dsl.Output[dsl.HTML],
        text: dsl.Output[dsl.Markdown],
    ) -> dsl.ContainerSpec:
        return spec("report", fingerprint, base, before.path, page=page.path, text=text.path)

    @dsl.container_component
    def gate(
        fingerprint: str, base: str, before: dsl.Input[dsl.Artifact], page: dsl.Input[dsl.HTML]
    ) -> dsl.ContainerSpec:
        return spec("gate", fingerprint, base, before.path)

    @dsl.pipeline(name=plan["name"], description="Collect, prepare, validate, train, compare, report; then the gate.")
    def pipeline(fingerprint: str = plan["fingerprint"], base: str = plan["base"]) -> None:
        given = {"fingerprint": fingerprint, "base": base}
        tasks = [collect(**given)]
        for component in (prepare, validate, train, compare):
            tasks.append(component(**given, before=tasks[-1].outputs["state"]))
        tasks.append(report(**given, before=tasks[-1].outputs["state"]))
        tasks.append(gate(**given, before=tasks[-2].outputs["state"], page=tasks[-1].outputs["page"]))
        for task, name in zip(tasks, NAMES, strict=True):
            key = plan["keys"].get(name)
            task.set_caching_options(key is not None, key)
            for variable, value in plan["variables"].items():
                task.set_env_variable(variable, value)
            resources(task, plan)

    return pipeline


NAMES = ("collect", "prepare", "validate", "train", "compare", "report", "gate")


def resources(task: Any, plan: dict[str, Any]) -> None:
    if plan["memory"]:
        task.set_memory_request(plan["memory"]).set_memory_limit(plan["memory"])
    if plan["cpus"]:
        task.set_cpu_request(plan["cpus"]).set_cpu_limit(plan["cpus"])
    if plan["gpus"]:
        task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(int(plan["gpus"]))


def main(words: Sequence[str]) -> int:
    plan, target = map(Path, words)
    compiled(json.loads(plan.read_text(encoding="utf-8")), target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
