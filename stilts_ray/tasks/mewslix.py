"""Mewsli-X, entity linking with a dual encoder: the entity that a mention in a news text refers to, out of a million entities
described in one of fifty languages each.

Source of the rules: google-research/xtreme, third_party/processors/mewslix.py and third_party/utils_mewslix.py. Its script
trains XLM-R Large for 2 epochs at 1e-5 with 64 tokens per query and candidate, in batches of 8 whose gradients are summed
over 4; negatives differ from ours as in LAReQA. Rows are those of the hub's izhx/mewsli-x, made from the release of May 2022
(whose figures, it says, are not comparable with the paper's). They mark a mention as that release does: the mention, a colon,
and its sentence with the mention in braces. Their columns are known from the scripts that wrote and read them (process.py
beside the rows; izhx/uni-rep's run_retrieval.py), not from the rows.
"""

from stilts_ray.tasks.base import COPIED, Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import name, text
from stilts_ray.tasks.examples import Asked, Entity, Mention

HUB = "izhx/mewsli-x"
REPAIRS = COPIED | {Repair.DISTINCT_IDS: 1.0}
"""A mention without an id is its own id, and several rows may have the same mention."""


def linked(row: Row) -> Asked:
    """A mention and the description of its entity. Rows have no ids; the text serves as one, since the release has one
    description per entity."""
    mention_text, description = text(row, "mention"), text(row, "entity")
    return Asked(mention_text, mention_text, Entity(description, description))


def mention(row: Row) -> Mention:
    """A mention and the id of its entity. Predictions are keyed by the release's `example_id`; whether the hub's rows have it
    was not found, and without it the mention serves as id."""
    mention_text = text(row, "mention")
    id = mention_text if row.get("example_id") is None else name(row, "example_id")
    return Mention(id, mention_text, text(row, "entity_id"))


def entity(row: Row) -> Entity:
    """A candidate entity. Its title is not used, as in the published code."""
    return Entity(text(row, "entity_id"), text(row, "description"))


WIKIPEDIA_PAIRS = Task(
    name="wikipedia_pairs",
    kind=Kind.DUAL,
    source=Source(hub=HUB, config="wikipedia_pairs", folder="mewslix/wikipedia_pairs", repairs=REPAIRS),
    example=linked,
    train="train",
    dev="validation",
    rows={"train": 167_719, "validation": 14_051},
)

CANDIDATE_ENTITIES = Task(
    name="candidate_entities",
    kind=Kind.CANDIDATES,
    source=Source(hub=HUB, config="candidate_entities", folder="mewslix/candidate_entities"),
    example=entity,
    test="test",
    rows={"test": 1_003_893},
)

TEST_ROWS = {
    "ar": 1_501, "de": 1_551, "en": 1_490, "es": 1_552, "fa": 458, "ja": 1_519, "pl": 1_562, "ro": 672, "ta": 1_567,
    "tr": 1_215, "uk": 1_537,
}  # fmt: skip

MEWSLIX = Task(
    name="mewslix",
    kind=Kind.DUAL,
    source=Source(hub=HUB, config="{}", folder="mewslix/{}", repairs=REPAIRS),
    example=mention,
    test="test",
    languages=tuple(TEST_ROWS),
    train_on=("wikipedia_pairs",),
    candidates="candidate_entities",
    rows={"test": TEST_ROWS},
)
