"""Measure the site with Lighthouse, by hand: python tests/lighthouse.py

Builds the site, serves it as a static host does (gzip, cache headers), and measures the home page and
the heaviest chapter of each language, as on a phone and as on a desktop. Prints the scores and what
the first visit loads. Fails where a score is below 100 or a first visit takes more than 200 KiB.
Needs Node 18 or newer and Chromium; npx fetches Lighthouse once.
"""

import argparse
import functools
import gzip
import http.server
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIGHTHOUSE = "lighthouse@12.8.2"  # the last for Node 20
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FONTS = ("Font",)  # of ours, and each kept for the whole site
LIMIT = 200  # KiB
FLAGS = "--headless --no-sandbox --disable-gpu --disable-background-networking"
COMPRESSED = (".html", ".css", ".js", ".json", ".svg", ".xml", ".txt")


class StaticHost(http.server.SimpleHTTPRequestHandler):
    """Compresses text and lets browsers keep files for ten minutes, as GitHub Pages does."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send_head(self):
        path = Path(self.translate_path(self.path))
        if path.is_dir() and self.path.partition("?")[0].endswith("/"):
            path /= "index.html"
        if not path.is_file() or path.suffix not in COMPRESSED:
            return super().send_head()
        body = _compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()


@functools.cache
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


def heaviest(folder: Path) -> str:
    """The chapter below a language's folder whose page is largest when compressed, as a path."""
    pages = [p for p in folder.glob("*/*/index.html") if p.parts[-3] != "en"]
    heavy = max(pages, key=lambda page: len(_compressed(page)))
    return heavy.parent.relative_to(folder).as_posix() + "/"


def measure(
    address: str, desktop: bool, runs: int
) -> tuple[list[int], float, list[str]]:
    """The four scores (the median run's), the KiB of a first visit without fonts, and what falls short."""
    reports = []
    for _ in range(runs):
        command = ["npx", "--yes", LIGHTHOUSE, address, "--output=json", "--quiet"]
        command += [
            f"--only-categories={','.join(CATEGORIES)}",
            f"--chrome-flags={FLAGS}",
        ]
        done = subprocess.run(
            command + (["--preset=desktop"] if desktop else []),
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            sys.exit(done.stderr or done.stdout)
        reports.append(json.loads(done.stdout))
    scores = [
        round(100 * statistics.median(r["categories"][name]["score"] for r in reports))
        for name in CATEGORIES
    ]
    audits = reports[-1]["audits"]
    requests = audits["network-requests"]["details"]["items"]
    loaded = sum(r["transferSize"] for r in requests if r["resourceType"] not in FONTS)
    short = [
        f"{audit['id']}: {audit['title']} {audit.get('displayValue', '')}".rstrip()
        for name in CATEGORIES
        for ref in reports[-1]["categories"][name]["auditRefs"]
        if ref["weight"] and ((audit := audits[ref["id"]])["score"] or 0) < 0.9
    ]
    return scores, loaded / 1024, short


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument(
        "--runs", type=int, default=3, help="per page; the median counts"
    )
    runs = options.parse_args().runs
    os.environ.setdefault("CHROME_PATH", shutil.which("chromium") or "")
    with tempfile.TemporaryDirectory() as site:
        handler = functools.partial(StaticHost, directory=site)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        address = f"http://127.0.0.1:{server.server_port}/"
        command = [sys.executable, "-m", "mkdocs", "build", "-q", "-d", site]
        environment = os.environ | {"SITE_URL": address, "NO_MKDOCS_2_WARNING": "1"}
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{'':36} {'perf':>5} {'a11y':>5} {'best':>5} {'seo':>5} {'KiB':>5}")
        failed = False
        for language in ("", "en/"):
            for page in ("", heaviest(Path(site, language))):
                for desktop in (False, True):
                    name = f"/{language}{page} {'desktop' if desktop else 'mobile'}"
                    scores, kib, short = measure(
                        address + language + page, desktop, runs
                    )
                    print(
                        f"{name:36} "
                        + " ".join(f"{s:5}" for s in [*scores, round(kib)])
                    )
                    for line in short:
                        print("    " + line)
                    failed |= min(scores) < 100 or kib > LIMIT
        server.shutdown()
    sys.exit(failed)


if __name__ == "__main__":
    main()
