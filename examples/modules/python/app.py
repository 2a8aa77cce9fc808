"""The module `disk` in Python. What each method does is said in `../wit/disk.wit`."""

import os
import stat
import time
from collections.abc import Callable

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.disk import (
    DiskError_Cancelled,
    DiskError_NotAFolder,
    DiskError_NotFound,
    DiskError_Over,
    Entry,
    Report,
)
from wit_world.imports import job, log


class Disk(exports.Disk):
    def greet(self, name: str) -> str:
        return f"hello, {name}"

    def usage(self, paths: list[str], threshold: int | None) -> Report:
        report = Report(entries=[], total=0, warnings=[])
        for done, path in enumerate(paths):
            entry = measure(path, report.warnings, lambda folder: job.progress(done, len(paths), folder))
            entry.over = threshold is not None and entry.bytes > threshold
            log.write(log.Level.INFO, f"{path}: {entry.files} files, {entry.bytes} bytes", [])
            report.total += entry.bytes
            report.entries.append(entry)
        job.progress(len(paths), len(paths), "")
        report.warnings.sort()
        if any(entry.over for entry in report.entries):
            raise Err(DiskError_Over(report))
        return report

    def watch(self, path: str, bytes: int) -> int:
        while True:
            found = measure(path, [], lambda folder: None).bytes
            job.progress(found, bytes, path)
            if found >= bytes:
                return found
            time.sleep(0.1)

    def explode(self, message: str) -> None:
        raise RuntimeError(message)

    def spin(self) -> None:
        while True:
            pass


def measure(path: str, warnings: list[str], tell: Callable[[str], None]) -> Entry:
    """Adds up what is below one path, telling each folder before it is looked into.

    Ends early when the job is cancelled.
    """
    if not path.startswith("/") or not os.path.exists(path):
        raise Err(DiskError_NotFound(path))
    if not os.path.isdir(path):
        raise Err(DiskError_NotAFolder(path))
    entry = Entry(path=path, files=0, bytes=0, over=False)
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        if job.cancelled():
            raise Err(DiskError_Cancelled())
        tell(folder)
        try:
            waiting += add(folder, entry)
        except OSError:
            warnings.append(f'cannot read "{folder}"')
    return entry


def add(folder: str, entry: Entry) -> list[str]:
    """Adds the files of one folder to `entry`, and gives back the folders in it.

    A folder counts whole or, where its names cannot be read to the end, not at all.
    """
    below = []
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        try:
            about = os.lstat(path)
        except OSError:
            continue  # What has gone since its name was read does not count.
        if stat.S_ISDIR(about.st_mode):
            below.append(path)
        elif stat.S_ISREG(about.st_mode):
            entry.files += 1
            entry.bytes += about.st_size
    return below
