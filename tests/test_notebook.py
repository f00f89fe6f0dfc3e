"""The example notebook runs from its first cell to its last, and is committed with what it showed."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "notebook.ipynb"


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def shown(notebook: Any) -> list[tuple[list[str], str]]:
    """Of each cell of code: kinds of what it shows, and the HTML of it."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    results = [[out for out in cell.outputs if out.output_type == "execute_result"] for cell in cells]
    return [
        (sorted(k for out in outs for k in out.data), "".join(out.data.get("text/html", "") for out in outs))
        for outs in results
    ]


def test_the_notebook_is_committed_with_its_output() -> None:
    first, planned, ran, table, long, loaded = shown(read())
    assert first == ([], "")
    assert "mini.mnli.udpos" in planned[1]
    assert loaded == ran
    for condition in ("baseline", "mnli"):
        assert all(condition in html for _, html in (ran, table, long))
    errors = [out for cell in read().cells for out in cell.get("outputs", ()) if out.output_type == "error"]
    assert errors == []


@pytest.mark.ray
def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = read()
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    again, committed = shown(notebook), shown(read())
    assert [kinds for kinds, _ in again] == [kinds for kinds, _ in committed]
    assert again[1] == committed[1], "the plan"
    assert again[2] == again[5], "what was run and what is loaded"
    assert (tmp_path / "runs" / "reports" / "notebook" / "report.md").is_file()
