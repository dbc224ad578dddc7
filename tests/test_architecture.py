"""The layers of the house: imports go strictly downwards, and none hides in a function."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "portal"
MODULES = sorted(path for path in ROOT.rglob("*.py"))

KERNEL = {
    "clock", "errors", "config", "database", "extensions", "permissions", "table", "queue",
    "mail", "encryption", "resources", "logs", "bulk", "tally", "file_settings", "hosts",
}  # fmt: skip
FEATURES = [
    "audit", "organizations", "sources", "datasets", "reports", "schedules", "alerts", "downloads",
    "delivery", "runs", "operations",
]  # fmt: skip
# Tables refer to each other by foreign keys; a link hangs on a delivery, which hangs on a run.
MODELS_IN_ORDER = [
    "audit",
    "organizations",
    "sources",
    "datasets",
    "reports",
    "schedules",
    "alerts",
    "runs",
    "delivery",
    "downloads",
]
PURE = {
    "rules",
    "cron",
    "days_off",
    "nominal",
    "recurrence",
    "words",
    "preview",
    "tokens",
    "parameters",
    "periods",
    "values",
    "sql_text",
    "filenames",
    "numbers",
    "figures",
    "summary",
    "sections",
    "content",
    "comparison",
    "layout",
    "board_queries",
    "fingerprint",
    "shape",
    "colours",
    "logos",
    "columns",
    "ordering",
    "definition",
    "export_type",
}
PURE_PACKAGES = (["reports", "charts"], ["reports", "printing"], ["datasets", "compliance"])
EDGE = {"views", "branding_views", "built_in_views", "form_views", "tasks", "scheduler", "worker", "cli"}


def layer(module: str) -> int:
    """0 kernel, 1 pure, 2 models, 3 services, 4 forms and web, 5 edges, 6 the application."""
    _, *parts = module.split(".")
    if not parts or (parts[-1] in KERNEL and len(parts) == 1):
        return 0
    if parts == ["app"] or parts[0] == "cli" or parts[0] == "jobs" or parts[0] == "demo":
        return _outer_layer(parts)
    if parts[0] in ("exporters", "storage") or parts[:2] in PURE_PACKAGES or parts[-1] in PURE:
        return 1
    if parts[-1] == "models":
        return 2
    if parts[-1] in ("forms", "web", "definition_form", "built_in_form"):
        return 4
    return 5 if parts[-1] in EDGE else 3


def _outer_layer(parts: list[str]) -> int:
    if parts == ["app"]:
        return 6
    if parts[0] == "cli":
        return 7  # the command line starts applications
    if parts[-1] in EDGE:
        return 5
    return 3 if parts[0] == "demo" else 5


def name_of(path: Path) -> str:
    dotted = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    return dotted.removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Yield the modules of ours that a module imports, `from package import module` resolved."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "portal")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "portal":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _is_module(inner) else str(node.module)


def _is_module(dotted: str) -> bool:
    path = ROOT.parent.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def feature(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_it_imports_only_what_lies_below(path: Path) -> None:
    module = name_of(path)
    for imported in imports_of(path):
        assert layer(imported) <= layer(module), f"{module} imports {imported}, which lies above it"
        same_layer = layer(imported) == layer(module) and feature(imported) != feature(module)
        if same_layer and {feature(imported), feature(module)} <= set(FEATURES):
            order = MODELS_IN_ORDER if layer(module) == 2 else FEATURES
            earlier, later = order.index(feature(imported)), order.index(feature(module))
            assert earlier < later, f"{module} imports the later feature {imported}"


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem.endswith("views")], ids=name_of)
def test_views_never_import_views(path: Path) -> None:
    assert [name for name in imports_of(path) if name.endswith("views")] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_import_of_ours_hides_in_a_function(path: Path) -> None:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [
                node.lineno
                for node in ast.walk(function)
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("portal")
            ]
            assert hidden == [], f"{name_of(path)}:{hidden} in {function.name}"


@pytest.mark.parametrize("path", [p for p in MODULES if layer(name_of(p)) == 3], ids=name_of)
def test_services_know_no_request(path: Path) -> None:
    """Services take actor and `now` as arguments: a command line, a worker and a view call them alike."""
    taken = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "flask"
        for alias in node.names
    }
    allowed = {"session"} if name_of(path) == "portal.organizations.signin" else set()
    assert taken & {"request", "g", "flash", "session"} <= allowed


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_services_never_import_tasks(path: Path) -> None:
    """Jobs are enqueued by dotted name; only the worker and the command line load the tasks."""
    if name_of(path) != "portal.jobs.worker":
        assert "portal.jobs.tasks" not in set(imports_of(path))
