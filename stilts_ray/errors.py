"""Errors that the user can act on; the command line prints them as one line."""


class RequestError(Exception):
    """A request that cannot be executed. The message is one line: what is wrong, where, and what would be right.

    The command line prints it and exits with status 2.
    """


class Unavailable(RequestError):
    """A store or the hub did not respond; a retry may succeed."""


class RowError(RequestError):
    """A row of a data set does not fit its task."""

    def __init__(self, task: str, file: str, row: int, reason: str, name: str = "", more: int = 0) -> None:
        """row: index within `file`, from 0. name: suffix that identifies the row, as " (id 5)". more: further invalid rows."""
        self.task, self.file, self.row, self.reason, self.name, self.more = task, file, row, reason, name, more
        others = f"; and {more:,} more row{'s' if more > 1 else ''}" if more else ""
        super().__init__(f"{task}: {file}: row {row}{name}: {reason}{others}")

    def __reduce__(self) -> tuple[type["RowError"], tuple[str, str, int, str, str, int]]:
        # Ray serializes errors; the default __reduce__ would call __init__ with the message alone.
        return RowError, (self.task, self.file, self.row, self.reason, self.name, self.more)


def first_line(error: BaseException) -> str:
    """The first non-empty line of an error's message, else its class name."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def did_you_mean(wrong: str, known: list[str]) -> str:
    """The end of a message about an unknown name: the closest known name, else all known names."""
    from difflib import get_close_matches

    near = get_close_matches(wrong, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
