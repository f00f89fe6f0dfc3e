"""Entity linking with a dual encoder: which of a million entities, each described in one of fifty languages, does a mention
in a news text speak of?

Source of the rules: google-research/xtreme, third_party/processors/mewslix.py and third_party/utils_mewslix.py. The script
there trains XLM-R Large for 2 epochs at 1e-5 on 64 tokens of either side; of its batches of 8, whose gradients are summed
over 4, the same holds as of LAReQA's. Rows are those of the hub's izhx/mewsli-x, made from the release of May 2022 (which
says that its figures are not comparable with the paper's). In them a mention is marked as there: it, a colon, and its
sentence with the mention in braces. Their columns are known from the scripts that made and read them (process.py beside
the rows; izhx/uni-rep's run_retrieval.py), not from the rows.
"""

from stilts_ray.tasks.base import COPIED, Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import name, text
from stilts_ray.tasks.examples import Asked, Entity, Mention

HUB = "izhx/mewsli-x"
REPAIRS = COPIED | {Repair.DISTINCT_IDS: 1.0}
"""A mention is its own name, and the same words may stand in several rows."""


def linked(row: Row) -> Asked:
    """A mention and the description of its entity. Neither has a name; the release has one description for each entity, so
    that it names it."""
    asked, described = text(row, "mention"), text(row, "entity")
    return Asked(asked, asked, Entity(described, described))


def mention(row: Row) -> Mention:
    """A mention and the name of its entity. It has the release's `example_id`, by which predictions are named; whether the
    hub's rows have it was not found, and without it a mention is its own name."""
    asked = text(row, "mention")
    called = asked if row.get("example_id") is None else name(row, "example_id")
    return Mention(called, asked, text(row, "entity_id"))


def entity(row: Row) -> Entity:
    """A candidate. Its title is not read, as in the published code."""
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
