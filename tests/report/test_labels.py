"""Metrics of MLflow runs."""

import re

from stilts_ray.report.labels import curve
from stilts_ray.store.records import CurvePoint, TrainRecord


def test_names_of_metrics_are_those_that_a_server_takes() -> None:
    point = CurvePoint(step=4, loss=1.0, score=50.0, metrics={"squad_r/map@20": 50.0, "squad_r/score": 50.0})
    job = TrainRecord(
        name="", digest="", step="", finished_at="2026-11-30T12:00:00+00:00", seconds=2.0, steps=4, curve=(point,),
        learning_rate=1e-5, seed=0, collapsed=False,
    )  # fmt: skip
    names = [point.name for point in curve(job)]
    assert names == ["train/loss", "dev/squad_r/map_at_20", "dev/score"]
    # https://mlflow.org/docs: alphanumerics, underscores, dashes, periods, spaces, colons and slashes.
    assert all(re.fullmatch(r"[\w\-. :/]+", name) for name in names)
