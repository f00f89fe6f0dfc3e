"""The command line: a thin shell over `stilts_ray.api`."""

import sys

# Importing a module registers its commands with `app`.
from stilts_ray.cli import check, new, sweeps, tools  # noqa: F401
from stilts_ray.cli.app import app, err
from stilts_ray.errors import RequestError


def main() -> None:
    """Entry point. Exit status: 0 done, 1 a sweep with failures, 2 a request that cannot be carried out."""
    try:
        app()
    except RequestError as error:
        err.print(f"stilts: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("stilts: interrupted; finished jobs are kept, and the same command resumes the sweep")
        sys.exit(130)
