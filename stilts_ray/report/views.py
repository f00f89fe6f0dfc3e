"""Saved views of MLflow's run list: the result table as columns, in the sweep's order. Pure.

The user interface stores such a view as a tag of the experiment (seen in 3.17); other versions ignore the tag. Without a view
the list shows no metric until columns are chosen by hand.
"""

import json
from typing import Any

from stilts_ray.plan.build import Plan
from stilts_ray.report.table import average_of

PREFIX = "mlflow.sharedViewState."
RESULTS = "stilts-results"
"""Key of the view that shows the result table."""


def saved_views(plan: Plan, time: int) -> dict[str, str]:
    """Tags of the experiment. time: of creation, in milliseconds."""
    targets = plan.sweep.targets
    scores = [*(f"target/{target}" for target in targets), average_of(plan)]
    deltas = [*(f"delta/{target}" for target in targets), "delta/avg", "collapsed"]
    spread = [f"sd/{target}" for target in targets]
    views = {
        RESULTS: ("Result table", scores),
        "stilts-differences": ("Differences from the baseline", deltas),
        "stilts-spread": ("Spread over seeds", spread),
    }
    return {f"{PREFIX}{key}": _view(name, metrics, time) for key, (name, metrics) in views.items()}


def link(base: str, experiment: str) -> str:
    """URL of the result table in the user interface at `base`."""
    query = f"viewStateShareKey={RESULTS}&workflowType=machine_learning"
    return f"{base.rstrip('/')}/#/experiments/{experiment}/runs?{query}"


def _view(name: str, metrics: list[str], time: int) -> str:
    run_name, columns = "attributes.`Run Name`", [f"metrics.`{metric}`" for metric in metrics]
    state: dict[str, Any] = {
        "searchFilter": "tags.`stilts.kind` = 'condition'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": [run_name, *columns],
        "columnWidths": {run_name: 220, **{column: 6 * len(column) for column in columns}},
        "viewMaximized": False,
        "runListHidden": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
    }
    return json.dumps({"name": name, "createdAt": time, "updatedAt": time, "state": json.dumps(state)})
