"""What ran, as a reader's own terminal would show it: nothing of the machine that built it."""

import os
import re
import sysconfig

from sources import ROOT

OWN = re.compile(r"<block \d+>")  # the files that readers would have typed in
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Frames below a reader's first line, where a library prints the whole stack by itself.
OURS = re.compile(
    r'(?m)^ *File "(?:<string>|[^"]*/multiprocessing/[^"]*|[^"]*/docs/_build/[^"]*)", line \d+.*\n'
    r'(?: {4,}(?!File ").*\n)*'
)
# Where packages and the standard library lie on this machine; one may lie in another.
INSTALLED = sorted(map(sysconfig.get_path, ("purelib", "platlib", "stdlib")), key=len, reverse=True)


def readable(output: str, scratch: str) -> str:
    """Output without the build's paths, frames and colours; `scratch`: the session's folder."""
    output = OWN.sub("<stdin>", COLOURS.sub("", OURS.sub("", output))).replace(scratch, "...")
    for folder in INSTALLED:
        output = output.replace(folder, "...")
    return output.replace(f"{ROOT}{os.sep}", "")
