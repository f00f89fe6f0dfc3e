"""Arguments and options that several commands have."""

from typing import Annotated

import typer

from stilts_ray.config.runtime import DataParallel

SWEEP_HELP = "Sweep file, or the name of a shipped sweep (quickstart). FILE:NAME takes the file's function NAME."

SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP", help=SWEEP_HELP)]
StoreOption = Annotated[str, typer.Option("--store", help="Folder or URL (s3://, gs://) of finished steps.")]
DataOption = Annotated[
    str | None, typer.Option("--data-dir", help="Folder of parquet files to read instead of the hub.")
]
LocalOption = Annotated[
    str | None,
    typer.Option("--local-data", help="Folder of data sets to read instead of the hub's, or that it lacks (CCGbank)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]

# Of `run`

MlflowOption = Annotated[
    str | None, typer.Option("--mlflow", help="MLflow tracking URI; default: SQLite in the store.")
]
AddressOption = Annotated[str | None, typer.Option("--address", help="Ray cluster to join ('auto' on its head node).")]
GpusOption = Annotated[
    float | None, typer.Option("--gpus-per-trial", help="May be a fraction; default: 1 if there is a GPU, else 0.")
]
WorkersOption = Annotated[
    int, typer.Option("--workers-per-trial", help="Processes (GPUs) that train one model together.")
]
ParallelOption = Annotated[
    DataParallel,
    typer.Option("--data-parallel", help="With several workers: 'ddp' replicates the model, 'fsdp' shards it (FSDP2)."),
]
ConcurrentOption = Annotated[
    int | None, typer.Option("--max-concurrent", help="Trials at a time; default: as many as the resources allow.")
]
SecondsOption = Annotated[
    float, typer.Option("--checkpoint-seconds", help="Time between a trial's checkpoints: the most work a crash loses.")
]
FailuresOption = Annotated[
    int, typer.Option("--max-failures", help="Restarts of a trial whose worker crashed or whose node was lost.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Refuse rows with known flaws instead of repairing them.")]
