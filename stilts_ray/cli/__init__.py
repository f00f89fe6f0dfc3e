"""The command line: what is asked for in words, and answers printed."""

import sys

# The commands come under `app` by being defined.
from stilts_ray.cli import check, sweeps, tools  # noqa: F401
from stilts_ray.cli.app import app, err
from stilts_ray.errors import RequestError


def main() -> None:
    """Entry point. Exit status: 0 done, 1 a run with failures, 2 a request that cannot be carried out."""
    try:
        app()
    except RequestError as error:
        err.print(f"stilts: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("stilts: interrupted; what is finished is kept, and the same command goes on from there")
        sys.exit(130)
