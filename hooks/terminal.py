"""A pseudo-terminal that runs an interactive program and answers it with keys."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pyte
from rich.style import Style
from rich.text import Text

HEIGHT_LINES = 500  # more than any run prints, so that no line scrolls out of view
PATIENCE_SECONDS = 60
DOWN, ENTER, SPACE, ERASE_LINE = b"\x1b[B", b"\r", b" ", b"\x15"
POINTER = "»"
COLORS = {"brown": "yellow"}  # pyte's names that differ from Rich's


class TerminalError(Exception):
    """How the program deviated from the expected dialogue, with the terminal's text."""


class Terminal:
    """A program in a pseudo-terminal: its screen, and methods that type keys."""

    def __init__(self, command: list[str], folder: Path, width_characters: int) -> None:
        """Start the command in the folder."""
        self.screen = pyte.Screen(width_characters, HEIGHT_LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.command = command
        self.process, self.terminal = pty.fork()
        if self.process == 0:  # the child
            os.chdir(folder)
            size = struct.pack("HHHH", HEIGHT_LINES, width_characters, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            environment = {**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
            environment.pop("NO_COLOR", None)
            os.execvpe(command[0], command, environment)

    def read(self, seconds: float) -> bool:
        """Read the program's output for at most this long; return False if it exited."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return True
        try:
            printed = os.read(self.terminal, 65536)
        except OSError:  # Linux reports the end of a pseudo-terminal as an error
            return False
        self.stream.feed(printed)
        return bool(printed)

    def read_until(self, holds: Callable[[], bool], expected: str) -> None:
        """Read the program's output until the condition holds; raise TerminalError if it does not in time."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if not self.read(0.2) or time.monotonic() > end:
                raise TerminalError(f"{self.command} did not show {expected}, but:\n{self.text()}")

    def text(self) -> str:
        """Return the text of the screen, without colours."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def selected(self) -> str:
        """Return the line of the selected choice, or an empty text."""
        return next((line.strip() for line in self.text().splitlines() if line.strip().startswith(POINTER)), "")

    def type_over(self, question: str, answer: str) -> None:
        """Replace the default answer of a text question."""
        self.read_until(lambda: question in self.text(), question)
        os.write(self.terminal, ERASE_LINE + answer.encode())
        self.read_until(lambda: self.text().endswith(answer), answer)
        os.write(self.terminal, ENTER)

    def point_at(self, question: str, choice: str) -> None:
        """Move the pointer of a list to the choice that starts with this text."""
        self.read_until(lambda: question in self.text() and bool(self.selected()), question)
        for _ in range(20):
            before = self.selected()
            if before.lstrip(f"{POINTER} ○●").startswith(choice):
                return
            os.write(self.terminal, DOWN)
            self.read_until(lambda before=before: self.selected() not in ("", before), f"another choice than {before}")
        raise TerminalError(f"{question} has no choice {choice}:\n{self.text()}")

    def choose(self, question: str, *choices: str, several: bool = False) -> None:
        """Answer a question with one choice, or with several."""
        for choice in choices:
            self.point_at(question, choice)
            if several:
                os.write(self.terminal, SPACE)
        os.write(self.terminal, ENTER)

    def wait(self) -> None:
        """Read the remaining output and wait for the program; raise TerminalError if it fails."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.read(0.2):
            if time.monotonic() > end:
                raise TerminalError(f"{self.command} did not exit:\n{self.text()}")
        if code := os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1]):
            raise TerminalError(f"{self.command} exited with {code}:\n{self.text()}")

    def lines(self) -> list[Text]:
        """Return the lines of the screen, in colour, without trailing empty ones."""
        lines = []
        for number in range(len(self.text().splitlines())):
            cells = [self.screen.buffer[number][column] for column in range(self.screen.columns)]
            line = Text()
            for cell_style, run in groupby(cells, style):
                line.append("".join(cell.data for cell in run), cell_style)
            line.rstrip()
            lines.append(line)
        return lines


def style(cell: pyte.screens.Char) -> Style:
    """Return Rich's style of a cell; pyte's colours are words or six hexadecimal digits."""
    name = COLORS.get(cell.fg, cell.fg)
    color = f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else name
    return Style(color=color, bold=cell.bold, italic=cell.italics)
