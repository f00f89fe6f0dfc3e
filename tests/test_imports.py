"""Who may import what: data flows one way, and light modules stay light."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "stilts_ray"

ORDER = [
    "errors",
    "identity",
    "timing",
    "languages",
    "mini",
    "tasks",
    "config",
    "data",
    "plan",
    "store",
    "models",
    "metrics",
    "kinds",
    "training",
    "evaluation",
    "report",
    "paper",
    "tracking",
    "execution",
    "api",
    "cli",
]
"""A module imports only what stands at or before its own place."""

HEAVY = {"torch", "ray", "mlflow", "datasets", "transformers"}
MODULES = sorted(path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py"))


@cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file's syntax tree."""
    return tuple(ast.walk(ast.parse((PACKAGE.parent / module).read_text())))


def imports(module: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, by full name."""
    for node in nodes(module):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name
                # `from stilts_ray import plan` imports a module, too.
                yield from (f"{name}.{alias.name}" for alias in node.names if is_module(f"{name}.{alias.name}"))
            case ast.ImportFrom(level=level) if level:
                pytest.fail(f"{module}: relative import")


@cache
def is_module(name: str) -> bool:
    path = PACKAGE.parent / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def part(name: str) -> str | None:
    """The part of the package that a module belongs to: None for other packages and for the package itself."""
    names = name.split(".")
    return names[1] if names[0] == "stilts_ray" and len(names) > 1 else None


def own_part(module: Path) -> str:
    return module.parts[1].removesuffix(".py")


def importers(package: str) -> set[str]:
    """Files that import a package or anything in it."""
    return {str(module) for module in MODULES if any(name.split(".")[0] == package for name in imports(module))}


def loaded(*modules: str) -> set[str]:
    """Top-level packages that a fresh process has after importing modules."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_every_part_has_a_place_in_the_order() -> None:
    assert {own_part(module) for module in MODULES} - {"__init__"} <= set(ORDER)


@pytest.mark.parametrize("module", [m for m in MODULES if own_part(m) != "__init__"], ids=str)
def test_a_module_imports_only_what_stands_before_it(module: Path) -> None:
    place = ORDER.index(own_part(module))
    for name in imports(module):
        other = part(name)
        if other is not None and is_module(f"stilts_ray.{other}"):
            assert ORDER.index(other) <= place, f"{module} imports {name}"


def module_name(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


def own_imports(module: Path) -> Iterator[str]:
    """The modules of the package that a file imports; of `from package import name` the package itself only if the name is no
    module."""
    for node in nodes(module):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if part(alias.name))
            case ast.ImportFrom(module=str(name)) if name.split(".")[0] == PACKAGE.name:
                yield from (whole if is_module(whole := f"{name}.{alias.name}") else name for alias in node.names)


def circle(graph: Mapping[str, Set[str]]) -> tuple[str, ...]:
    """The names of a circle in a graph of who imports whom; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def test_no_folder_imports_one_that_imports_it() -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        own = own_part(module)
        graph.setdefault(own, set()).update(str(part(name)) for name in own_imports(module) if part(name) != own)
    assert {"kinds", "metrics", "models"} <= graph["training"] | graph["kinds"], "folders are found"
    assert circle({own: others - {"None"} for own, others in graph.items()}) == ()


def test_no_module_imports_one_that_imports_it() -> None:
    graph = {module_name(module): set(own_imports(module)) - {module_name(module)} for module in MODULES}
    assert "stilts_ray.kinds.spec" in graph["stilts_ray.kinds.span"], "modules are found"
    assert circle(graph) == ()


def test_a_circle_is_found() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == ()


def members_of_kind(node: ast.AST) -> set[str]:
    """The members of Kind that are named in an expression or a pattern."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "Kind"
    }


def tables_of_kinds(source: str) -> Iterator[int]:
    """Lines of the dicts with members of Kind as keys, of the `match` statements over them, and of ladders that ask for
    several."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Dict(keys=keys):
                named = set().union(*(members_of_kind(key) for key in keys if key is not None))
                found = bool(named)
            case ast.Match(cases=cases):
                found = any(members_of_kind(case.pattern) for case in cases)
            case ast.Call(func=ast.Attribute(attr="fromkeys"), args=[keys, *_]):
                found = bool(members_of_kind(keys))
            case ast.If(test=test, orelse=[ast.If(test=other), *_]):
                found = bool(members_of_kind(test)) and bool(members_of_kind(other))
            case _:
                found = False
        if found:
            yield node.lineno  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [m for m in MODULES if own_part(m) != "kinds"], ids=str)
def test_only_kinds_tells_the_kinds_apart(module: Path) -> None:
    """What differs between kinds is in their descriptions; others ask a task's for it."""
    lines = list(tables_of_kinds((PACKAGE.parent / module).read_text()))
    assert lines == [], f"{module} has a table or a ladder of kinds"


@pytest.mark.parametrize(
    "source",
    [
        "RULES = {Kind.SPAN: 1}",
        "RULES = dict.fromkeys((Kind.SPAN, Kind.DUAL), 1)",
        "match kind:\n    case Kind.SPAN | Kind.DUAL:\n        pass",
        "if kind is Kind.SPAN:\n    pass\nelif kind is Kind.DUAL:\n    pass",
    ],
)
def test_a_table_of_kinds_is_found(source: str) -> None:
    assert list(tables_of_kinds(source)) == [1]


def test_one_question_about_a_kind_is_no_table() -> None:
    assert not list(tables_of_kinds("if task.kind is Kind.TEXT:\n    pass\nBY_VECTOR = frozenset({Kind.RETRIEVAL})"))


def test_every_kind_is_described_once() -> None:
    from stilts_ray.kinds import KINDS
    from stilts_ray.tasks import Kind

    assert list(KINDS) == list(dict.fromkeys(KINDS))
    assert set(KINDS) == set(Kind)
    assert all(spec.kind is kind for kind, spec in KINDS.items())


def test_the_package_itself_gives_a_sweep_file_what_it_needs_and_no_more() -> None:
    assert {part(name) for name in imports(Path("stilts_ray/__init__.py"))} == {"config", "api", "errors"}


def test_planning_loads_nothing_heavy() -> None:
    modules = [f"stilts_ray.{name}" for name in ("config", "tasks", "data.sources", "plan.build", "identity", "errors")]
    assert not loaded(*modules) & (HEAVY | {"optuna", "pandas", "tokenizers"})


def test_a_bare_gpu_machine_needs_neither_ray_nor_mlflow() -> None:
    parts = ("models", "metrics", "kinds", "training", "evaluation")
    modules = [str(m.with_suffix("")).replace("/", ".") for m in MODULES if own_part(m) in parts]
    modules += ["stilts_ray.data.batches", "stilts_ray.execution.execute", "stilts_ray.execution.scheduler"]
    assert not loaded(*(name.removesuffix(".__init__") for name in modules)) & {"ray", "mlflow"}


def test_benchmarks_for_gpus_need_neither_them_nor_data_sets() -> None:
    names = ("training_step", "evaluation", "memory", "fused_rates", "calibrate")
    used = {module for name in names for module in imports(Path(f"benchmarks/{name}.py"))}
    of_ours = sorted(module for module in used if is_module(module) and part(module))
    assert not loaded(*of_ours) & {"ray", "mlflow", "datasets", "optuna"}


def test_the_driver_starts_processes_before_anything_that_they_need_is_loaded() -> None:
    modules = ("stilts_ray.execution.run", "stilts_ray.execution.tune_searcher", "stilts_ray.execution.trainable")
    assert not loaded(*modules) & {"torch", "transformers"}


def test_batches_need_torch_and_numpy_alone() -> None:
    assert loaded("stilts_ray.data.batches") & HEAVY == {"torch"}


def test_only_four_modules_know_ray() -> None:
    assert importers("ray") <= {
        f"stilts_ray/execution/{name}.py" for name in ("tune_searcher", "launch", "trainable", "worker")
    }


def test_only_tracking_knows_mlflow() -> None:
    assert {own_part(Path(module)) for module in importers("mlflow")} <= {"tracking"}


@pytest.mark.parametrize("package", ["pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"])
def test_nothing_is_pickled(package: str) -> None:
    assert not importers(package)


def test_the_rules_see_what_they_look_for() -> None:
    """The checks above would find their import: there is one of each kind to be found."""
    assert "stilts_ray/models/model.py" in importers("torch")
    assert "stilts_ray/execution/search.py" in importers("optuna"), "inside a function"
    assert "stilts_ray.mini.build" in set(imports(Path("stilts_ray/data/rows.py"))), "by `from package import module`"
