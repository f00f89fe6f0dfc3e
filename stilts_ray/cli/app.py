"""The command line: stilts plan | run | status | report | export | lock | check | new | score | tasks | mini | ui."""

import typer
from rich.console import Console

app = typer.Typer(
    help="Intermediate-task training (STILTs) for zero-shot cross-lingual transfer, as one Ray-distributed sweep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

out, err = Console(), Console(stderr=True)
