"""Try the site with Zensical, by hand: python tests/zensical.py

Material for MkDocs ends on 2027-05-05, and Zensical is what its authors make instead. This builds a
scratch copy with the `zensical` on the PATH, measures what docs/_build/ZENSICAL.md says works or does
not, and fails where that has changed: then it is time to try the move again.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What was measured with Zensical 0.0.73 on 2026-11-24.
RECORDED = {
    "builds with our theme overrides": False,
    "builds without them": True,
    "Chinese pages stand at the root": False,
    "formulas are MathML": False,
    "blocks are run": True,
    "a block that fails, fails the build": False,
}

BLOCK = '\n```python exec="on" result="text"\n{}\n```\n'


def builds(project: Path) -> bool:
    shutil.rmtree(project / "site", ignore_errors=True)
    done = subprocess.run(["zensical", "build"], cwd=project, capture_output=True)
    return done.returncode == 0


def measured(project: Path) -> dict[str, bool]:
    settings = project / "mkdocs.yml"
    found = {"builds with our theme overrides": builds(project)}
    text = settings.read_text("utf-8")
    settings.write_text(re.sub(r"(?m)^  custom_dir:.*\n", "", text), "utf-8")
    found["builds without them"] = builds(project)
    page = next(project.glob("site/**/basics/optimizers/index.html"), None)
    html = page.read_text("utf-8") if page else ""
    root = project / "site" / "basics" / "optimizers" / "index.html"
    found["Chinese pages stand at the root"] = root.exists()
    found["formulas are MathML"] = "<math" in html
    sources = project / "docs" / "zh" / "sources.md"
    blocks = BLOCK.format("print('six times seven:', 6 * 7)") + BLOCK.format("1 / 0")
    sources.write_text(sources.read_text("utf-8") + blocks, "utf-8")
    found["a block that fails, fails the build"] = not builds(project)
    page = next(project.glob("site/zh/sources/index.html"), None)
    found["blocks are run"] = bool(page) and "six times seven: 42" in page.read_text(
        "utf-8"
    )
    return found


def main() -> None:
    if not shutil.which("zensical"):
        sys.exit(
            "no zensical on the PATH: pip install zensical, in an environment of its own,"
            ' with "mkdocstrings[python]" and markdown-exec'
        )
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "project")
        skip = shutil.ignore_patterns(".git", ".venv", ".cache", "site*", "__pycache__")
        shutil.copytree(ROOT, project, ignore=skip)
        found = measured(project)
    for what, now in found.items():
        before = RECORDED[what]
        print(f"{'same' if now == before else 'CHANGED':8} {what}: {now}")
    sys.exit(found != RECORDED)


if __name__ == "__main__":
    main()
