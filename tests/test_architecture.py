"""The structure that the code promises: imports go one way, and each stage declares its code."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rnnbench import models
from tests.frozen import PARAMS_FILE

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "rnnbench"
# A package may import only from itself and from the packages before it.
ORDER = (
    "core",
    "data",
    "corpora",
    "preprocessing",
    "models",
    "params",
    "training",
    "evaluation",
    "engine",
    "studies",
    "report",
    "tracking",
    "serving",
    "cli",
)
# Other packages may import these files of a stage's folder, and no other.
PUBLIC = {
    # Models that read text encode it as preprocessing did.
    "preprocessing": {"encoders"},
    # Whoever looks for the result of a training needs its key.
    "training": {"outputs", "keys"},
    "evaluation": {"outputs"},
    "studies": {"outputs"},
    "report": {"outputs"},
}
EXCEPTIONS = {
    # The commands start the stages, show samples, and compare two runs.
    ("cli.stages", "preprocessing.stage"),
    ("cli.tools", "preprocessing.inspect"),
    ("cli.stages", "training.stage"),
    ("cli.stages", "evaluation.stage"),
    ("cli.stages", "report.stage"),
    ("cli.stages", "report.costs"),
    ("cli.stages", "report.article"),
    ("cli.stages", "report.publication.page"),
    # Results as a folder, without any stage.
    ("cli.publish", "report.publication.contents"),
    ("cli.publish", "report.publication.merging"),
    ("cli.publish", "report.publication.page"),
    ("cli.tools", "report.rerun"),
    ("cli.compare", "report.head_to_head"),
    ("report.head_to_head", "preprocessing.inspect"),
    # A study trains, then draws.
    ("cli.stages", "studies.stage"),
    ("cli.stages", "report.studies.page"),
    # The same trainings outside a stage: in processes that many tasks share.
    ("engine.child", "training.checkpoints"),
    ("engine.child", "training.replicate"),
    ("engine.scoring", "training.checkpoints"),
    ("engine.scoring", "training.replicate"),
    ("engine.scoring", "evaluation.metrics"),
    ("cli.train_all", "training.checkpoints"),
    ("cli.train_all", "training.stage"),
    # It runs all stages, without DVC.
    ("cli.quick", "training.stage"),
    ("cli.quick", "evaluation.stage"),
    ("cli.quick", "report.results"),
    ("cli.quick", "report.stage"),
    ("cli.quick", "report.costs"),
    ("cli.quick", "report.article"),
    ("cli.quick", "report.findings"),
    ("cli.quick", "report.publication.page"),
    ("cli.quick", "report.markdown"),
    # MLflow shows each training with its mean scores and worst misclassifications, before
    # `evaluate` has run.
    ("tracking.registry", "report.champions"),
    ("tracking.contents", "evaluation.metrics"),
    ("tracking.runs", "evaluation.error_analysis"),
}
# No stage depends on these. They read and check files and word the errors, and MLflow is a view:
# a better error message must not train every variant again.
UNDECLARED = {"core", "params", "cli", "tracking"}
# These find the modules of their folder by name, so that a new one changes no stage.
LOCATORS = ("corpora", "models")
MAX_LINES = 60
MAX_ROOT_MODULES = 6
MAX_CODE_PATHS = 7


@cache
def modules() -> dict[str, Path]:
    """Dotted names below rnnbench; a package has the name of its folder."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text())


def imports(node: ast.AST) -> Iterator[str]:
    """The modules of rnnbench that the code below `node` imports, also inside functions."""
    for found in ast.walk(node):
        targets: list[str] = []
        if isinstance(found, ast.Import):
            targets = [alias.name for alias in found.names]
        elif isinstance(found, ast.ImportFrom):
            assert found.level == 0, "relative imports are not followed"
            module = str(found.module)
            inner = [f"{module}.{alias.name}" for alias in found.names]
            targets = [name if _known(name) in modules() else module for name in inner]
        yield from (_known(name) for name in targets if name.split(".")[0] == "rnnbench")


def _known(name: str) -> str:
    return name.removeprefix("rnnbench").removeprefix(".")


def closure(roots: set[str], chosen: dict[str, str]) -> set[str]:
    """What runs when `roots` do. chosen: locator -> the one module that it loads, not all."""
    todo, seen = set(roots), set()
    while todo:
        name = todo.pop()
        if name in seen or not name or name.split(".")[0] in UNDECLARED:
            continue
        seen.add(name)
        todo.update(imports(tree(name)))
        # A locator that is only a parent loads nothing.
        if (parent := name.rpartition(".")[0]) not in LOCATORS:
            todo.add(parent)
        if name.startswith("models.") and f"{name}.model" in modules():
            todo.add(f"{name}.model")
        if name in LOCATORS:
            inner = {found for found in modules() if found.rpartition(".")[0] == name}
            todo |= {f"{name}.{chosen[name]}"} if name in chosen else inner
    # A package that only has a docstring decides nothing.
    return {name for name in seen - set(LOCATORS) if len(tree(name).body) > 1}


def commands() -> dict[str, set[str]]:
    """Command -> the modules that it starts."""
    functions = [node for node in tree("cli.stages").body if isinstance(node, ast.FunctionDef)]
    return {function.name: set(imports(function)) for function in functions}


def stages() -> Iterator[tuple[str, str, list[str], dict[str, str]]]:
    """The name, command, code paths and chosen modules of each stage that is one of its own."""
    params = yaml.safe_load(PARAMS_FILE.read_text())
    for name, content in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        body: dict[str, Any] = content.get("do", content)
        command = body["cmd"].split()[1]
        paths = [dep for dep in body["deps"] if dep.startswith("src/")]
        if "foreach" not in content:
            yield name, command, paths, {}
            continue
        plan = {"download": "corpora", "train": "variants", "datasets": "datasets"}
        group = plan.get(content["foreach"].strip("${}").removeprefix("plan."))
        if group is None:
            # A study has the variants of one family.
            yield name, command, paths, {"models": "keras"}
            continue
        for key, item in params[group].items():
            chosen = {"models": item.get("model"), "corpora": item.get("corpus")}
            if group == "corpora":
                chosen["corpora"] = key
            values = {"key": key, **{f"item.{k}": str(v) for k, v in item.items()}}
            if group == "variants" and "model" in item:
                values["item.family"] = models.source(item["model"])
            expanded = []
            for path in paths:
                for field, value in values.items():
                    path = path.replace("${" + field + "}", value)
                expanded.append(path)
            yield f"{name}@{key}", command, expanded, {k: v for k, v in chosen.items() if v}


def test_imports_go_one_way() -> None:
    wrong = []
    for name in modules():
        package = name.split(".")[0]
        for imported in imports(tree(name)):
            other = imported.split(".")[0]
            if other and package and ORDER.index(other) > ORDER.index(package):
                wrong.append(f"{name} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_other_packages_import_only_the_outputs_of_a_stage() -> None:
    wrong, used = [], set()
    for name in modules():
        for imported in imports(tree(name)):
            package, _, module = imported.partition(".")
            if package == name.split(".")[0] or package not in PUBLIC:
                continue
            if (name, imported) in EXCEPTIONS:
                used.add((name, imported))
            elif module not in PUBLIC[package]:
                wrong.append(f"{name} imports {imported}")
    assert not wrong, "\n".join(wrong)
    assert used == EXCEPTIONS


def test_each_stage_declares_the_code_that_it_runs() -> None:
    starts, wrong = commands(), []
    for name, command, paths, chosen in stages():
        files = {modules()[found] for found in closure(starts[command], chosen)}
        # The other stages depend on its values, which data/checked holds.
        files |= {modules()["core.environment"]} if command == "check" else set()
        declared = [ROOT / path for path in paths]
        for file in files:
            if not any(file == path or path in file.parents for path in declared):
                wrong.append(f"{name} lacks {file.relative_to(ROOT)}")
        for path in declared:
            if not any(file == path or path in file.parents for file in files):
                wrong.append(f"{name} does not use {path.relative_to(ROOT)}")
        if len(paths) > MAX_CODE_PATHS:
            wrong.append(f"{name} names {len(paths)} paths")
    assert not wrong, "\n".join(sorted(wrong))


def test_every_stage_waits_for_the_check_of_the_parameters() -> None:
    content = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    bodies = {name: stage.get("do", stage) for name, stage in content.items()}
    assert bodies["check"]["outs"][0] == "data/checked"
    lacking = [name for name, body in bodies.items() if "data/checked" not in body["deps"]]
    assert lacking == ["check"]


def test_functions_are_short() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        f"{name}.{node.name}: {lines} lines"
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, kinds) and (lines := node.end_lineno - node.lineno + 1) > MAX_LINES
    ]
    assert not long, "\n".join(long)


def test_the_root_of_the_package_has_few_modules() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= MAX_ROOT_MODULES
