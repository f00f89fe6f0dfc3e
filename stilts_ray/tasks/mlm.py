"""Raw text for masked-language-model training."""

from stilts_ray.tasks import columns
from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.examples import Text


def text(row: Row) -> Text:
    """The column `text`."""
    return Text(columns.text(row, "text"))


MLM_TEXT = Task(name="mlm_text", kind=Kind.TEXT, source=Source(folder="mlm_text/{}"), example=text, train="train")

# Translation language modelling (Lample and Conneau 2019): a text and its translation, concatenated.
MLM_PARALLEL = Task(
    name="mlm_parallel", kind=Kind.TEXT, source=Source(folder="mlm_parallel/{}"), example=text, train="train"
)
# Code-switched text: with phrases in another language.
MLM_SWITCHED = Task(
    name="mlm_switched", kind=Kind.TEXT, source=Source(folder="mlm_switched/{}"), example=text, train="train"
)
