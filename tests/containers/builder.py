"""Builds the images and runs containers without Docker: Buildah and Podman, with a storage of their own, as root.

The base image comes from Debian's packages, since no image can be fetched where only package mirrors are reachable.
Base and layers are kept in ~/.cache/muniment/containers, so that only the first run on a machine is slow.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from muniment.errors import PlainError
from tests.containers.compose import ROOT

PROGRAMS = ("podman", "buildah", "runc", "debootstrap")
RELEASE = "bookworm"
BASE = f"localhost/muniment-base:{RELEASE}"
USER = "10001:10001"
BUILD_SECONDS = 600
STORAGE_ATTEMPTS = 3
# Lower than what a caller without the right to raise limits has; runc asks for its own default otherwise.
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")


class Builder:
    """Raises:
    PlainError: programs are missing, or this is not root.
    """

    def __init__(self) -> None:
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing:
            raise PlainError(f"images are built with {', '.join(PROGRAMS)}, and {', '.join(missing)} is not here.")
        if os.geteuid() != 0:
            raise PlainError("images are built and run here as root only.")
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "muniment" / "containers"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cache = cache
        self._storage = self._find_storage()

    def _find_storage(self) -> tuple[str, ...]:
        # Layers that share files need the kernel's help, which is not there within some containers.
        for driver in ("overlay", "vfs"):
            options = ("--root", f"{self._cache}/{driver}", "--runroot", f"/run/muniment-{driver}")
            storage = (*options, "--storage-driver", driver)
            for _ in range(STORAGE_ATTEMPTS):  # another run may be changing it at this moment
                if subprocess.run(["podman", *storage, "info"], check=False, capture_output=True).returncode == 0:
                    return storage
                time.sleep(1)
        raise PlainError("podman finds no way to keep images on this machine.")

    def make_base(self) -> None:
        """The image that stands in for the usual base: Debian with its Python.

        Raises:
            PlainError: Debian's packages cannot be had.
        """
        if self._podman("image", "exists", BASE).returncode == 0:
            return
        root = self._cache / f"{RELEASE}-{os.getpid()}"
        try:
            _run(
                "debootstrap",
                "--variant=minbase",
                "--include=python3,python3-venv,ca-certificates",
                RELEASE,
                str(root),
            )
            archive = root.with_suffix(".tar")
            _run("tar", "-C", str(root), "-cf", str(archive), ".")
            _run("podman", *self._storage, "import", "--quiet", str(archive), BASE)
        finally:
            shutil.rmtree(root, ignore_errors=True)
            root.with_suffix(".tar").unlink(missing_ok=True)

    def forget_old(self) -> None:
        """Give back what builds of more than a week ago left behind."""
        self._podman("image", "prune", "--force", "--filter", "until=168h")

    def build(self, service: str, **arguments: str) -> str:
        """Build the image of a service from this checkout; returns its name.

        Raises:
            PlainError: the build fails; the end of its output is the reason.
        """
        image = f"localhost/muniment/{service}:test"
        given = {"BASE_IMAGE": BASE, "SERVICE": service, **arguments}
        options = [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]
        authority = os.environ.get("SSL_CERT_FILE")
        if authority:
            options += ["--secret", f"id=ca,src={authority}"]
        _run(
            *("buildah", *self._storage, "bud", "--isolation", "chroot", "--format", "docker", "--layers"),
            *("--quiet", *options, "-t", image, "-f", str(ROOT / "deploy/images/service.Dockerfile"), str(ROOT)),
        )
        return image

    def run(
        self,
        image: str,
        *arguments: str,
        name: str,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
        output: IO[bytes] | int = subprocess.PIPE,
    ) -> "subprocess.Popen[bytes]":
        """Start a container as the compose file does: no root, no capability, nothing to write but /tmp.

        Its network is this machine's, so that it finds the engines on loopback. The environment goes by the
        process's own, not by its arguments: it holds passwords.
        """
        command = [
            *("podman", *self._storage, "--runtime", "runc", "--cgroup-manager", "cgroupfs", "run", "--rm"),
            *("--name", name, "--network", "host", *LIMITS, "--user", USER, "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--read-only", "--read-only-tmpfs=false"),
            *("--tmpfs", "/tmp:size=64m,mode=1777,nosuid,nodev,noexec"),  # noqa: S108 - the container's own
            *(word for key in environment for word in ("--env", key)),
            *(*options, image, *arguments),
        ]
        return subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"], **environment}
        )

    def inside(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a running container, as the container's user."""
        return self._podman("--runtime", "runc", "--cgroup-manager", "cgroupfs", "exec", name, *command)

    def stop(self, name: str, seconds: int) -> None:
        """Ask it to end; after so many seconds end it by force."""
        self._podman("--runtime", "runc", "--cgroup-manager", "cgroupfs", "stop", "--time", str(seconds), name)

    def _podman(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["podman", *self._storage, *arguments], check=False, capture_output=True, text=True)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise PlainError(f"{command[0]} did not end within {BUILD_SECONDS} s.") from None
    if done.returncode != 0:
        raise PlainError(f"{command[0]} failed: {(done.stderr or done.stdout)[-2000:].strip()}")
