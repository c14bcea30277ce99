"""Places for runs that write many files, new for each.

On a disk that is an ext4 of its own, as an import into WSL has. On one from which many files were removed within the last
minutes, ext4 passes over the inodes of each of those again and again (fs/ext4/ialloc.c, `recently_deleted`): what is measured
there is the removal of the run before, up to five times what the run itself takes.
"""

import contextlib
import pathlib
import subprocess
import tempfile

DISK = 6 << 30  # bytes, sparse


@contextlib.contextmanager
def in_memory(where):
    """A directory for a run, removed after it."""
    with tempfile.TemporaryDirectory(dir=where) as directory:
        yield pathlib.Path(directory)


@contextlib.contextmanager
def on_new_disk(where):
    """A file system for a run, made of a file and removed after it."""
    with tempfile.TemporaryDirectory(dir=where) as directory:
        disk, root = pathlib.Path(directory) / "disk", pathlib.Path(directory) / "root"
        root.mkdir()
        with disk.open("wb") as file:
            file.truncate(DISK)
        # All of it now: nothing is to be written for that while somebody is measured.
        options = "lazy_itable_init=0,lazy_journal_init=0"
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", options, disk], check=True)
        subprocess.run(["mount", "-o", "loop", disk, root], check=True)
        try:
            subprocess.run(["sync", "-f", root], check=True)
            yield root
        finally:
            subprocess.run(["umount", root], check=True)
