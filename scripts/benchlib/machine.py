"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["describe", "sentence"]

_PACKAGES = ("hikari", "sqlalchemy", "psycopg", "msgspec", "uvloop")


def describe() -> dict[str, Any]:
    """Processor, cores, memory, load of the last minute, and the versions that matter."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) // 1024,
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _PACKAGES},
    }


def sentence(machine: dict[str, Any]) -> str:
    """The same for the foot of a table."""
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", "sqlite", *_PACKAGES))
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']:,} MiB, {machine['system']}; "
        f"load before the start {machine['load']}; {versions}"
    )


def _field(path: str, name: str) -> str | None:
    """A field of one of the kernel's `name : value` files; None where there is no such file."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, None)
