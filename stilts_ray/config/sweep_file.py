"""Loads a sweep file: Python with a function `sweep() -> Sweep`, or others of that signature."""

import importlib.util
import traceback
from pathlib import Path

from pydantic import ValidationError

from stilts_ray.config import Sweep, explain
from stilts_ray.errors import RequestError, did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped() -> dict[str, Path]:
    """Sweep files that come with the package, by name. A wheel has them in the package, a checkout beside it."""
    folder = next(folder for folder in (_PACKAGE / "sweeps", _PACKAGE.parent / "sweeps") if folder.is_dir())
    return {path.stem: path for path in sorted(folder.glob("*.py"))}


def named(argument: str) -> tuple[Path, str]:
    """File and function of `FILE`, `FILE:FUNCTION`, `NAME` or `NAME:FUNCTION`. NAME is a shipped sweep; a file of that name
    comes first. Without a function it is `sweep`.

    Raises RequestError for a name that is neither.
    """
    if Path(argument).is_file():
        return Path(argument), "sweep"
    file, colon, function = argument.rpartition(":")
    if not colon or not (file.endswith(".py") or _is_name(file)):
        file, function = argument, "sweep"
    if not _is_name(file) or Path(file).is_file():
        return Path(file), function
    if file not in shipped():
        known = [*shipped(), *(path.name for path in sorted(Path().glob("*.py")))]
        raise RequestError(f"no sweep file '{file}', and no sweep of that name ships; {did_you_mean(file, known)}")
    return shipped()[file], function


def load(path: Path, function: str = "sweep") -> Sweep:
    """The sweep that a function of a file returns. Raises RequestError, with file and line, if it returns none."""
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        there = f"; in {path.parent}: {', '.join(near)}" if near else ""
        raise RequestError(f"no sweep file {path}{there}")
    spec = importlib.util.spec_from_file_location(f"stilts_sweep_{path.stem}", path)
    if spec is None:
        raise RequestError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        # Not by the loader, which keeps bytecode beside the file and takes it for current after an edit in the same second.
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
        made = getattr(module, function)() if hasattr(module, function) else None
    except ValidationError as error:
        raise RequestError(f"{_place(path, error)}: {explain(error)}") from None
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from None
    except Exception as error:
        raise RequestError(f"{_place(path, error)}: {type(error).__name__}: {error}") from None
    if not isinstance(made, Sweep):
        what = f"has no function {function}()" if made is None else f"{function}() returns {type(made).__name__}"
        raise RequestError(f"{path}: {what}; it must be `def {function}() -> Sweep`")
    return made


def _is_name(file: str) -> bool:
    """Whether a word may name a shipped sweep: it has neither a folder nor a suffix."""
    path = Path(file)
    return path.name == file and not path.suffix


def _place(path: Path, error: Exception) -> str:
    """The file, with its last line in the traceback."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return f"{path}:{lines[-1]}" if lines else str(path)
