"""The direction of imports between the rooms, and what may be loaded where."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.rules.repository import read_python

# Room of app/ -> the rooms that it may import, besides itself. `factory` is app/factory.py, `config` is the settings.
MAY_IMPORT: Mapping[str, set[str]] = {
    "errors": set(),
    "turns": set(),
    "database": {"errors"},
    "redis_link": {"turns"},
    "release": {"errors"},
    "runtime": {"release", "errors", "turns"},
    "serving": {"runtime", "release", "database", "redis_link", "errors"},
    "charts": set(),
    "loadtest": {"charts", "errors"},
    "training": {"release", "charts", "errors"},
    "security": {"database", "redis_link", "errors"},
    "monitoring": {"database", "release", "errors"},
    "wiring": {"serving", "runtime", "release", "security", "monitoring", "database", "redis_link", "errors", "config"}
    | {"turns"},
    "api": {"wiring", "serving", "runtime", "release", "security", "monitoring", "charts", "errors", "turns"},
    "cli": {"wiring", "serving", "runtime", "release", "training", "security", "monitoring", "database", "errors"}
    | {"config", "charts", "loadtest"},
    "factory": {"api", "wiring", "errors", "config"},
}
# (module, imported module or room) -> why this one import may go against the table.
EXCEPTIONS = {
    ("app.training.publication.publisher", "runtime"): "what is published is proven with the code that will serve it",
    ("app.training.publication.proof", "runtime"): "golden rows are the answers of the code that will serve them",
    ("app.training.publication.reference", "runtime"): "training data is counted as the rows that are served will be",
    ("app.training.gate.active_version", "runtime"): "the active version answers held-out rows as it serves",
    ("app.training.gate.footprint_probe", "runtime"): "a release is measured by the code that will serve it",
    ("app.training.ladder.measuring", "runtime"): "candidates are measured by the code that would serve them",
    ("app.training.settings", "config"): "the training presets lie there as a data file",
    ("app.serving.rollout.shadowing.process", "config"): "a process of its own leaves out of its log what others do",
}
AUTOGLUON_PLACES = ("app/training/", "app/runtime/native.py")
FLASK_PLACES = ("app/api/", "app/factory.py")
HEAVY = {"autogluon", "pandas", "sklearn", "scipy", "lightgbm", "catboost", "xgboost", "matplotlib"}
STARTS = ("app.factory", "wsgi", "app.cli.main", "config.gunicorn", "app.training.gate.footprint_probe")

Sources = Mapping[str, ast.Module]


def name_module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def name_room(module: str) -> str:
    top, _, rest = module.partition(".")
    return (rest.partition(".")[0] or "factory") if top == "app" else top


def list_imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported name in full with its line, `from a import b` as `a.b`; a leading dot marks a relative import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from ((f"{source}.{alias.name}", node.lineno) for alias in node.names)


def list_imports_at_load(tree: ast.Module) -> Iterator[str]:
    """The names that are imported when the module is: not those of functions or for type checkers only."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (name for name, _ in list_imports(node))
        waiting.extend(ast.iter_child_nodes(node))


def find_wrong_directions(sources: Sources) -> list[str]:
    """Imports between rooms that the table does not allow."""
    found = []
    for path, tree in sources.items():
        module = name_module(path)
        room = name_room(module)
        for name, line in list_imports(tree):
            target = name_room(resolve_module(name, sources))
            known = name.startswith(".") or name.partition(".")[0] in ("app", "config")
            if known and target != room and target not in MAY_IMPORT[room] and (module, target) not in EXCEPTIONS:
                found.append(f"{path}:{line} {room} imports {name}")
    return found


def find_imports_outside(sources: Sources, library: str, places: tuple[str, ...]) -> list[str]:
    return [
        f"{path}:{line} imports {name}"
        for path, tree in sources.items()
        for name, line in list_imports(tree)
        if name.partition(".")[0] == library and not path.startswith(places)
    ]


def find_heavy_starts(sources: Sources, start: str) -> list[str]:
    """The heavy libraries that importing `start` would import, each with the module that does it."""
    modules = {name_module(path): tree for path, tree in sources.items()}
    waiting, seen, found = [start], set(), []
    while waiting:
        module = waiting.pop()
        if module in seen or module not in modules:
            continue
        seen.add(module)
        for name in list_imports_at_load(modules[module]):
            if name.partition(".")[0] in HEAVY:
                found.append(f"{module} imports {name}")
            waiting.extend(list_with_packages(resolve_module(name, sources)))
    return found


def resolve_module(name: str, sources: Sources) -> str:
    """The module that an imported name lies in: `app.errors` for `app.errors.NotFound`."""
    known = {name_module(path) for path in sources}
    return name if name in known or "." not in name else name.rpartition(".")[0]


def list_with_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def parse_files(**files: str) -> Sources:
    return {name.replace("__", "/") + ".py": ast.parse(text) for name, text in files.items()}


def test_imports_go_one_way() -> None:
    assert find_wrong_directions(read_python("app")) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app__release__store", "from app.runtime.switching import active"),
        ("app__runtime__switching__active", "from app.serving.prediction import PredictionService"),
        ("app__serving__prediction", "import app.api.guard"),
        ("app__training__fit", "def fit():\n    from app.serving import prediction"),
        ("app__security__keys", "from app.api.guard import require_auth"),
        ("app__api__guard", "from config.settings import Settings"),
        ("app__errors", "from app.release import store"),
        ("app__serving__jobs", "from ..api import guard"),
        ("app__serving__jobs", "from app import create_app"),
    ],
)
def test_an_import_against_the_direction_is_found(path: str, text: str) -> None:
    assert len(find_wrong_directions(parse_files(**{path: text}))) == 1


def test_an_import_along_the_direction_is_accepted() -> None:
    assert (
        find_wrong_directions(parse_files(app__serving__jobs="from app.runtime.switching.active import ActiveRelease"))
        == []
    )


def test_every_exception_is_still_needed() -> None:
    used = {
        (name_module(path), name_room(name))
        for path, tree in read_python("app").items()
        for name, _ in list_imports(tree)
    }
    assert EXCEPTIONS.keys() - used == set()


@pytest.mark.parametrize(("library", "places"), [("autogluon", AUTOGLUON_PLACES), ("flask", FLASK_PLACES)])
def test_a_library_stays_in_its_places(library: str, places: tuple[str, ...]) -> None:
    assert find_imports_outside(read_python("app", "config"), library, places) == []
    stray = parse_files(app__serving__prediction=f"def f():\n    from {library} import anything")
    assert find_imports_outside(stray, library, places) == [f"app/serving/prediction.py:2 imports {library}.anything"]


@pytest.mark.parametrize("start", STARTS)
def test_no_start_imports_a_heavy_library(start: str) -> None:
    sources = {**read_python("app", "config"), **parse_files(wsgi="from app import create_app")}
    assert start in {name_module(path) for path in sources}
    assert find_heavy_starts(sources, start) == []


def test_a_heavy_library_behind_another_module_is_found() -> None:
    sources = parse_files(
        app__cli__main="from app.release import store",
        app__release__store="if True:\n    import pandas as pd\ndef f():\n    import scipy",
    )
    assert find_heavy_starts(sources, "app.cli.main") == ["app.release.store imports pandas"]
