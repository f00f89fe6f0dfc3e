"""The command that writes a first sweep file."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from stilts_ray.cli.app import app, out
from stilts_ray.config.values import Title
from stilts_ray.errors import RequestError

TEMPLATE = '''\
"""A first sweep: does training on MNLI or SQuAD before the target task help in other languages?

    stilts plan NAME.py
    stilts run NAME.py
"""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep


def sweep() -> Sweep:
    """Three conditions, two targets."""
    return Sweep(
        name="NAME",
        # Generated languages, minutes on a laptop. For real data: data="hub", and an encoder of the Hugging Face hub,
        # Pretrained(source="FacebookAI/xlm-roberta-base").
        data="mini",
        encoders=[Encoder(name="mini", weights=Pretrained(source="mini"))],
        # () is the baseline, one name an intermediate task, several names a mixture. `stilts tasks` lists the tasks.
        intermediates=[(), ("mnli",), ("squad",)],
        targets=["xnli", "udpos"],
        # For real data, `stilts_ray.config.recipes` has published recipes.
        recipe=Recipe(epochs=2, batch_size=32, max_length=128, train_examples=800, dev_examples=200, evaluations=2),
        # The learning rate is selected on English dev data with the first seed, then trained with every seed.
        search=Search(learning_rates=[5e-4, 1e-3]),
        seeds=[0, 1],
    )
'''


@app.command()
def new(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the sweep; the file is NAME.py.")]) -> None:
    """Write a first sweep file to edit: NAME.py."""
    name = name.removesuffix(".py")
    try:
        TypeAdapter(Title).validate_python(name)
    except ValidationError:
        raise RequestError(
            f"'{name}' is no sweep name: letters, digits, '.', '_' and '-', at most 60, the first a letter or digit"
        ) from None
    file = Path(f"{name}.py")
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(TEMPLATE.replace("NAME", name))
    except FileExistsError:
        raise RequestError(f"{file} exists already; choose another name") from None
    except OSError as error:
        raise RequestError(f"cannot write {file}: {error.strerror}") from None
    out.print(f"{file} written; run it with: stilts run {file}", highlight=False, markup=False, soft_wrap=True)
