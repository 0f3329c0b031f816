"""The file of a rank: one writer at a time, and whole at every instant."""

import json
import os


class RankFile:
    """Written by one thread. Yields for good where the trainer writes beats by itself."""

    def __init__(self, folder):
        self._folder = folder
        self._path = None
        self._written = None
        self._silent = False

    def write(self, beat, stepped):
        """Replaces the file, if it is for this process to write: `stepped` once it made a step."""
        path = os.path.join(self._folder, "rank-%d.json" % beat["rank"])
        if path != self._path and self._path is not None and identity(self._path) == self._written:
            # The rank became known after the first beats: those were nobody's.
            os.unlink(self._path)
        if self._silent or not self._is_ours(path, stepped):
            return
        self._written = replace(path, json.dumps(beat, allow_nan=False))
        self._path = path

    def _is_ours(self, path, stepped):
        """Of two processes with the shim (a tool that loads a model beside the trainer) the one that
        steps has the file, else the one that had it first."""
        there = identity(path)
        if there is None or there == self._written:
            return True
        try:
            with open(path, encoding="utf-8") as file:
                other = json.load(file)
        except ValueError:
            # Not written by a shim: that replaces the file as a whole.
            other = {}
        if "shim" not in other:
            self._silent = True
            return False
        return stepped or not is_running(other["pid"])


def identity(path):
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def replace(path, text):
    """Writes a file as a whole; returns what tells it from any other that will be there."""
    temporary = os.path.join(os.path.dirname(path), ".%s.%d" % (os.path.basename(path), os.getpid()))
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        written = os.fstat(file.fileno())
    os.replace(temporary, path)
    return written.st_ino, written.st_mtime_ns
