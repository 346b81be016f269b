"""Lines of a motion file with their numbers, and the errors that name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from hybrid_pose_ros.errors import MotionError


class Line(NamedTuple):
    """One line that is neither empty nor a comment."""

    number: int
    words: list[str]


class Lines:
    """The lines of a text file, one after the other.

    Args:
        path: of the file.

    Raises:
        MotionError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8", errors="strict")
        except OSError as error:
            raise MotionError(
                f"cannot read the motion file {path}: {error.strerror}; check the path"
            ) from error
        except UnicodeDecodeError as error:
            raise MotionError(f"{path} is not a text file; give an .amc or .bvh file") from error
        split = [line.split() for line in text.splitlines()]
        self._lines = [
            Line(number, words)
            for number, words in enumerate(split, start=1)
            if words and not words[0].startswith("#")
        ]
        self._next = 0
        self.last_number = len(split)

    def __iter__(self) -> Iterator[Line]:
        while self._next < len(self._lines):
            self._next += 1
            yield self._lines[self._next - 1]

    def next(self, wanted: str) -> Line:
        """The next line; `wanted` says what it should be."""
        for line in self:
            return line
        self.fail(self.last_number, f"the file ends where {wanted} should come")

    def fail(self, number: int, problem: str) -> NoReturn:
        """Raise a MotionError that names file and line."""
        raise MotionError(f"{self.path}, line {number}: {problem}; repair or re-export the file")

    def numbers(self, line: Line, words: Sequence[str], count: int, what: str) -> np.ndarray:
        """`count` finite numbers, or a MotionError."""
        if len(words) != count:
            self.fail(line.number, f"{what} needs {count} numbers, got {len(words)}")
        try:
            values = np.array([float(word) for word in words])
        except ValueError:
            self.fail(line.number, f"{what} is not made of numbers: {' '.join(words[:8])}")
        if not np.isfinite(values).all():
            self.fail(line.number, f"{what} has a number that is not finite")
        return values

    def number(self, line: Line, words: Sequence[str], what: str) -> float:
        """One finite number, or a MotionError."""
        return float(self.numbers(line, words, 1, what)[0])
