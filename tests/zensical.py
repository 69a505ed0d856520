"""Build the site's plain Markdown with Zensical, by hand, and compare every page with ours.

    PATH=$PATH:WHERE/bin .venv/bin/python tests/zensical.py

WHERE is an environment of its own, into which `pip install zensical` went. Compared are headings,
code and outputs, figures, formulas; links must lead somewhere. docs/_build/ZENSICAL.md says more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs/_build"), str(ROOT / "tests")]

from test_plain import Content, compared, export  # noqa: E402


def main() -> None:
    if not shutil.which("zensical"):
        sys.exit(
            "no zensical on the PATH: pip install zensical, in an environment of its own"
        )
    with tempfile.TemporaryDirectory() as scratch:
        ours, plain = Path(scratch, "ours"), Path(scratch, "plain")
        quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        build = [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(ours)]
        subprocess.run(build, cwd=ROOT, env=quiet, check=True)
        export(plain).check_returncode()
        for name in ("mkdocs.yml", "mkdocs.en.yml"):
            subprocess.run(["zensical", "build", "-f", name], cwd=plain, check=True)
        wrong = compared(ours, plain / "site", "") | compared(
            ours, plain / "site", "en"
        )
        pages = [Content(path.read_text("utf-8")) for path in ours.rglob("index.html")]
    for what in ("headings", "code", "figures", "formulas"):
        print(f"{what}: {sum(len(page.same()[what]) for page in pages)} in ours")
    for what, where in wrong.items():
        print(f"DIFFERENT {what}: {len(where)}", *where, sep="\n    ")
    sys.exit(
        f"{len(pages)} pages compared, {len(wrong)} kind(s) of difference" * bool(wrong)
    )


if __name__ == "__main__":
    main()
