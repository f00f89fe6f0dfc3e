"""The README and the pages under `docs/`: their text, code blocks and commands."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *PAGES]


def read(name: str) -> str:
    """The text of a page of `docs/`."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def inline(text: str) -> list[str]:
    """Code within sentences and tables."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]


def commands(text: str) -> list[list[str]]:
    """The words of every call of `stilts`: those of bash blocks, and those within sentences that have arguments."""
    lines = re.sub(r"\s+#.*", "", "\n".join(blocks(text, "bash")).replace("\\\n", " "))
    called = re.findall(r"(?<![\w/.])stilts [a-z]+\b[^'&\n]*", lines)
    called += [code for code in inline(text) if re.match(r"stilts [a-z]+ ", code)]
    return [shlex.split(line) for line in called]
