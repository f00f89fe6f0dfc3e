"""The base class of all configuration models, their field types, and one-line validation errors."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
LearningRate = Annotated[float, Field(gt=0, lt=1)]
# Lists are converted to tuples; everything else is strict.
Names = Annotated[tuple[str, ...], Field(strict=False)]


def _without_duplicates(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError(f"duplicate entry: {', '.join(values)}")
    return values


Languages = Annotated[Names, Field(min_length=1), AfterValidator(_without_duplicates)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Title = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]


class Spec(BaseModel):
    """A frozen, strictly validated configuration value; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tag: ClassVar[str]
    """What the type is called in identities (`stilts_ray.identity`); never changed."""

    def __init_subclass__(cls, *, tag: str = "", **options: Any) -> None:
        """tag: a subclass without one is the same type in identities."""
        super().__init_subclass__(**options)
        if tag:
            cls.tag = tag


def explain(error: Any) -> str:
    """A pydantic ValidationError as one line: field, reason, given value."""
    first = error.errors()[0]
    places = [error.title, ".".join(str(part) for part in first["loc"])]
    given = "" if first["type"] in {"missing", "value_error"} else f" (given: {first['input']!r})"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"{error.title} has no such field"
    return f"{': '.join(filter(None, places))}: {message}{given}"
