"""The stand-in as a program, to be tried out by hand: `python -m tests.standin --port 8080`."""

import argparse
import tempfile
import threading
from pathlib import Path

from tests.standin import StandIn, environment, flawed, hub_repositories, model_repository


def main() -> None:
    """Serves all repositories until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description="A stand-in for the Hugging Face hub.")
    parser.add_argument("--port", type=int, default=0, help="of the hub; any that is free if not given")
    parser.add_argument(
        "--rows", type=int, help="of each split in each language; as many as the fixtures have if not given"
    )
    parser.add_argument("--flawed", action="store_true", help="rows with the flaws that published ones have")
    parser.add_argument("--encoder", type=Path, help="folder of an encoder, served as stilts/tiny-encoder")
    arguments = parser.parse_args()
    repositories = hub_repositories(arguments.rows)
    served = [*(flawed(repositories) if arguments.flawed else repositories)]
    served += [model_repository(arguments.encoder)] if arguments.encoder else []
    with StandIn(served, port=arguments.port) as hub:
        print(f"# {len(served)} repositories; variables for a client:")
        for name, value in environment(hub, Path(tempfile.mkdtemp(prefix="standin-"))).items():
            print(f"export {name}={value}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
