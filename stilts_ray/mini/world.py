"""The latent, language-independent world: concepts, their relations, and meanings composed of them.

A meaning is a `Sentence`: one or two clauses of a predicate and its participants. Lexical semantics consists of a few
relations: OPPOSITE (exactly one side holds), SYNONYM (nearly every adjective and nearly half of the verbs have one), the class
of a thing (`CLASS_OF`), and the order of events in the SCRIPTS of daily life.
"""

from typing import NamedTuple

CLASSES: dict[str, tuple[str, ...]] = {
    "human": ("farmer", "baker", "smith", "doctor", "teacher", "singer", "hunter", "soldier"),
    "animal": ("dog", "cat", "horse", "cow", "bird", "sheep"),
    "food": ("bread", "apple", "soup", "cheese", "egg", "fish"),
    "tool": ("knife", "hammer", "rope", "basket", "lamp", "cup"),
}
"""Hypernym -> hyponyms."""

CLASS_OF: dict[str, str] = {member: name for name, members in CLASSES.items() for member in members}
JOBS = CLASSES["human"]
PLACES = ("market", "forest", "river", "house", "school", "field")

TRAITS = (("old", "young"), ("rich", "poor"), ("happy", "sad"), ("strong", "weak"), ("brave", "timid"))
"""Opposite traits of people and animals."""
QUALITIES = (("big", "small"), ("clean", "dirty"), ("new", "worn"))
"""Opposite qualities of things."""

PATIENTS: dict[str, tuple[str, ...]] = {
    "buy": ("food", "tool", "animal"),
    "sell": ("food", "tool", "animal"),
    "find": ("tool", "animal", "food"),
    "lose": ("tool", "animal", "food"),
    "love": ("animal", "food", "tool"),
    "hate": ("animal", "food", "tool"),
    "make": ("tool",),
    "break": ("tool",),
    "see": ("animal", "tool"),
    "carry": ("tool", "food"),
    "eat": ("food",),
    "cook": ("food",),
    "feed": ("animal",),
}
"""Verb -> classes of its possible patients."""
MOTIONS = ("work", "rest", "come", "leave", "sleep", "wake", "sing")
"""Intransitive verbs, with a place."""
STATIVE = frozenset({"love", "hate", "adore", "detest", "live"})
"""Stative verbs, used in the present tense; all others are in the past tense."""

_SYNONYMS = {
    "old": "aged", "young": "youthful", "rich": "wealthy", "poor": "needy", "happy": "glad", "sad": "gloomy",
    "strong": "mighty", "weak": "feeble", "brave": "bold", "timid": "shy", "big": "large", "small": "little",
    "clean": "pure", "new": "fresh", "buy": "purchase", "sell": "vend", "find": "discover", "lose": "mislay",
    "love": "adore", "hate": "detest", "make": "build", "break": "smash", "see": "notice", "doctor": "healer",
    "house": "home", "dog": "hound",
}  # fmt: skip
"""Pairs of synonyms, the common word first."""
COMMON: dict[str, str] = {other: word for word, other in _SYNONYMS.items()}
"""Rarer synonym -> common one, which the other tables use."""
SYNONYM: dict[str, str] = {**_SYNONYMS, **COMMON}
"""Synonyms in both directions."""

_PAIRS = (
    *TRAITS, *QUALITIES, ("buy", "sell"), ("find", "lose"), ("love", "hate"), ("make", "break"),
    ("work", "rest"), ("come", "leave"), ("sleep", "wake"),
)  # fmt: skip
_OPPOSITE = {**dict(_PAIRS), **{b: a for a, b in _PAIRS}}
OPPOSITE: dict[str, str] = {
    **_OPPOSITE,
    **{SYNONYM[word]: opposite for word, opposite in _OPPOSITE.items() if word in SYNONYM},
}
"""A word or its synonym -> the opposite, always the common word of its pair."""

SCRIPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kitchen", ("buy", "cook", "eat", "sleep")),
    ("workshop", ("work", "make", "carry", "sell")),
    ("farm", ("wake", "see", "feed", "love")),
    ("journey", ("come", "lose", "find", "sing")),
    ("quarrel", ("hate", "break", "leave", "rest")),
)
"""Scripts of daily life: cyclic sequences of deeds. Every verb but "live" belongs to one script."""

SAME_ROOT: dict[str, str] = {"soup": "cook", "basket": "carry", "singer": "sing", "food": "feed", "do": "make"}
"""Zero derivation: word -> base with the same form and another part of speech."""

COUNTED = {2: "two", 3: "three", 4: "four"}
"""Numbers with a numeral; larger ones are written in digits."""

TIMES = ("yesterday", "today", "often")

_FUNCTION_WORDS = {
    "DET": ("the", "a"),
    "AUX": ("be", "do"),
    "PART": ("not", "whether"),
    "ADP": ("in",),
    "CCONJ": ("and", "but"),
    "SCONJ": ("because",),
    "PRON": ("who", "what", "she"),
    "ADV": ("where", *TIMES),
    "NUM": tuple(COUNTED.values()),
    "INTJ": ("yes", "no"),
}

UPOS: dict[str, str] = {
    **dict.fromkeys((*CLASSES, *CLASS_OF, *PLACES), "NOUN"),
    **dict.fromkeys((word for pair in (*TRAITS, *QUALITIES) for word in pair), "ADJ"),
    **dict.fromkeys((*PATIENTS, *MOTIONS, "live"), "VERB"),
    **{word: tag for tag, words in _FUNCTION_WORDS.items() for word in words},
}
UPOS |= {other: UPOS[word] for word, other in _SYNONYMS.items()}
"""Concept -> part of speech, for every concept that has a word."""


def common(concept: str) -> str:
    """The common one of a concept and its synonym, which the tables use."""
    return COMMON.get(concept, concept)


ENTITIES = ("PER", "LOC", "ORG")
"""Types of named entities: person, place, organisation."""


class Thing(NamedTuple):
    """A participant: a concept with optional adjective and number, or a name.

    entity: one of ENTITIES for a name, whose `head` has one or more words; names are always definite.
    """

    head: str
    adjective: str = ""
    definite: bool = False
    quantity: int = 1
    entity: str = ""


class Clause(NamedTuple):
    """A predicate (verb, adjective or noun) with its participants; a participant may be `who`, `what` or `where`."""

    subject: Thing
    predicate: str
    patient: Thing | None = None
    place: Thing | None = None
    time: str = ""
    negated: bool = False


class Answer(NamedTuple):
    """A short answer: a participant in the role in question, or yes or no."""

    thing: Thing
    case: str = "core"


class Sentence(NamedTuple):
    """One clause, or two with a conjunction. question: "", "polar" or the role in question."""

    clause: Clause
    link: str = ""
    second: Clause | None = None
    question: str = ""
