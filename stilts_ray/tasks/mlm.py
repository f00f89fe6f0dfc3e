"""Raw text for masked-language-model training."""

from stilts_ray.tasks.base import Kind, Row, Source, Task, Text


def text(row: Row) -> Text:
    """A column `text`."""
    return Text(row["text"])


MLM_TEXT = Task(name="mlm_text", kind=Kind.TEXT, source=Source(folder="mlm_text/{}"), example=text, train="train")
