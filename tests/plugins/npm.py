"""Packages from npm for the tests: exactly those of a committed lock, fetched once and kept among the engines."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from muniment.errors import PlainError
from muniment.home import Home
from muniment.processes import find_program

FETCH_SECONDS = 180
MANIFESTS = ("package.json", "package-lock.json")


def install(engines: Home, name: str, source: Path) -> tuple[Path, Path]:
    """Node, and a folder with the manifests of `source` and what they ask for in `node_modules`.

    Raises:
        PlainError: there is no Node or npm, or the packages cannot be had.
    """
    node, npm = find_program("node"), find_program("npm")
    if node is None or npm is None:
        raise PlainError(f"{name} needs Node.js and npm: install npm.")
    content = b"".join((source / manifest).read_bytes() for manifest in MANIFESTS)
    folder = engines.engines / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
    if not folder.exists():
        beside = folder.with_name(f".{folder.name}-{os.getpid()}")
        beside.mkdir(parents=True)
        for manifest in MANIFESTS:
            shutil.copyfile(source / manifest, beside / manifest)
        argv = [str(npm), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=FETCH_SECONDS, cwd=beside)
        if done.returncode != 0:
            shutil.rmtree(beside, ignore_errors=True)
            raise PlainError(f"the packages of {name} cannot be fetched: {done.stderr.strip()[-200:]}")
        try:
            beside.rename(folder)
        except OSError:  # another process was quicker
            shutil.rmtree(beside, ignore_errors=True)
    return node, folder
