"""The two ways in which a request ends early."""


class RequestError(Exception):
    """The request cannot be carried out as it stands: one line says what is wrong, where, and what would be right.

    The command line prints the line and exits with status 2.
    """


class Unavailable(RequestError):
    """A store or a hub did not answer; trying again may help."""


class RowError(RequestError):
    """A row of a data set does not fit its task."""

    def __init__(self, task: str, file: str, row: int, reason: str, name: str = "", more: int = 0) -> None:
        """`row` counts from 0 within `file`; name: what else it is called there; more: rows that do not fit either."""
        self.task, self.file, self.row, self.reason, self.name, self.more = task, file, row, reason, name, more
        others = f"; and {more:,} more row{'s' if more > 1 else ''}" if more else ""
        super().__init__(f"{task}: {file}: row {row}{name}: {reason}{others}")

    def __reduce__(self) -> tuple[type["RowError"], tuple[str, str, int, str, str, int]]:
        # Errors travel between Ray processes; the default would call __init__ with the message alone.
        return RowError, (self.task, self.file, self.row, self.reason, self.name, self.more)


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def did_you_mean(wrong: str, known: list[str]) -> str:
    """The tail of a message about an unknown name: the nearest known one, else all of them."""
    from difflib import get_close_matches

    near = get_close_matches(wrong, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
