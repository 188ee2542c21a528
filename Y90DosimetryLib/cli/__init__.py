"""The command `y90`.

Exit code 0: done; 1: some cases of a cohort failed, or a value of `y90 verify` did; 2: the input is wrong (one
message); 3: a fault of the software; 130: stopped by the user.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..errors import Cancelled, DosimetryError
from ..version import __version__

OFFSET = re.compile(r"-\d\d:?\d\d")
"""An offset from UTC to the west."""
OK, WRONG_INPUT, FAULT, STOPPED = 0, 2, 3, 130

STATS = "cohort-stats"
"""`y90 cohort stats` as the one word the parser knows; a folder of that name is ./stats."""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "planner": ("demo", "assess", "case", "dose"),
    "plan": ("plan",),
    "register": ("register", "lsf"),
    "export": ("export",),
    "pacs": ("push", "pull"),
    "calc": ("calc",),
    "cohort": ("cohort",),
    "cohort_stats": (STATS,),
    "rules": ("rules",),
    "verify": ("verify",),
}
"""The modules of this room with their commands; a module is imported when one of its commands is called."""


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest command or option where one is unknown, before it asks for what is missing."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the parsed arguments, as argparse does; a mistyped command or option ends the program."""
        given = sys.argv[1:] if args is None else list(args)
        kinds = next((a.choices for a in self._actions if isinstance(a, argparse._SubParsersAction)), None)
        if kinds is not None and given and not given[0].startswith("-") and given[0] not in kinds:
            self._unknown("command", given[0], kinds)
        if kinds is None:
            options = [option for option in self._option_string_actions if option.startswith("--")]
            for text in given[: given.index("--") if "--" in given else len(given)]:
                name = text.partition("=")[0]
                if name.startswith("--") and not any(option.startswith(name) for option in options):
                    self._unknown("option", name, options)
        return super().parse_known_args(given, namespace)

    def _unknown(self, what: str, name: str, known: Mapping[str, Any] | Sequence[str]) -> None:
        near = difflib.get_close_matches(name, list(known), n=1)
        self.error(f"unknown {what} '{name}'. " + (f"Did you mean '{near[0]}'?" if near else "See --help"))


def parser(only: str = "") -> argparse.ArgumentParser:
    """Return the parser of `y90`: with the module of the command *only*, or with all of them where it is unknown."""
    top = Parser(
        prog="y90",
        description="Dosimetry of Y-90 radioembolization. For research; not a certified medical device.",
    )
    top.add_argument("--version", action="version", version=f"y90 {__version__}")
    if only == "--version":
        return top
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    known = [module for module, names in COMMANDS.items() if only in names]
    for module in known or COMMANDS:
        import_module(f".{module}", __name__).add_parser(commands)
    return top


def _with_offsets(given: list[str]) -> list[str]:
    """Return arguments in which a negative offset belongs to its option: "-05:00" looks like an option itself."""
    joined: list[str] = []
    for argument in given:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and OFFSET.fullmatch(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Results are written also where nothing can be printed."""
    _open_closed_streams()
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        if given[:2] == ["cohort", "stats"]:
            given[:2] = [STATS]
        args = parser(given[0] if given else "").parse_args(_with_offsets(given))
    except SystemExit as stop:  # argparse has already said what is wrong
        return int(stop.code or 0)
    try:
        code = int(args.run(args))
        sys.stdout.flush()
        return code
    except (Cancelled, KeyboardInterrupt):
        _say("\ny90: stopped; nothing was written")
        return STOPPED
    except DosimetryError as error:
        _say(f"y90: {error}")
        return WRONG_INPUT
    except BrokenPipeError:  # the reader has enough; what is left goes nowhere
        _silence(sys.stdout)
        return OK
    except OSError as error:
        _say(f"y90: {_sentence(error)}")
        with suppress(ValueError):
            _flush_or_silence(sys.stdout)
        return WRONG_INPUT
    except MemoryError:
        _say("y90: there is not enough memory. Close other programs, or crop the images")
        return WRONG_INPUT
    except Exception:
        _say(traceback.format_exc())
        _say("y90: this is a fault of the software, not of your input; please report the lines above")
        return FAULT


def _open_closed_streams() -> None:
    """Let what is printed go nowhere where a stream was closed: else the next file that is opened would get it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # it takes the lowest free number, this one
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: SIM115 - for as long as we run


def _say(text: str) -> None:
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
        return
    _silence(sys.stderr)


def _flush_or_silence(stream: Any) -> None:
    try:
        stream.flush()
    except OSError:
        _silence(stream)


def _silence(stream: Any) -> None:
    """Let nothing more come out of a stream that can't be written to, not even when the program ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "Free some space and try again; nothing was left half-written",
    errno.ENOENT: "Check that it is still there",
    errno.EACCES: "Check the permissions",
    errno.EPERM: "Check the permissions",
    errno.EROFS: "Choose another folder",
}


def _sentence(error: OSError) -> str:
    """Return what the system refused, where, and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    says = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    return f"{where}{says[0].lower()}{says[1:]}. {_REMEDIES.get(error.errno or 0, 'Check the disk and the network')}"
