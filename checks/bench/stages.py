"""Where the tarball writer's time goes, and what more threads would bring: measured as far as this machine goes, by a model beyond."""

import os
import pathlib
import subprocess
import time
import zlib

THREADS = [1, 2, 4, 8, 16]


class Stages:
    """Seconds of processors in one run of the writer, by stage; `plan` ends when the threads that compress begin."""

    def __init__(self, command):
        """Runs the command line of the writer, which must succeed."""
        start = time.monotonic()
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        tasks, self.plan, planned = {}, 0.0, 0.0
        while child.poll() is None:
            tasks.update(self.threads(child.pid))
            if len(tasks) == 1:
                self.plan, planned = time.monotonic() - start, tasks[child.pid]
            time.sleep(0.002)
        self.wall = time.monotonic() - start
        if child.returncode:
            raise SystemExit(f"failed: {command}")
        # The producer is the first thread and the writer is the last; between them are those that compress.
        first, *workers, last = sorted(tasks)
        self.read = tasks[first] - planned
        self.compress = sum(tasks[worker] for worker in workers)
        self.write = tasks[last]

    @staticmethod
    def threads(pid):
        """The threads of a process with the seconds that each had a processor."""
        found = {}
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
            try:
                found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def model(self, threads):
        """Seconds with so many threads that compress on so many processors: the plan, then whatever is longest."""
        work = self.read + self.compress + self.write
        return self.plan + max(self.read, self.write, work / threads)


def pinned(processors, command):
    """A command line that has only so many processors."""
    return ["taskset", "-c", f"0-{processors - 1}", *command]


def hashing(size):
    """Seconds for the checksum of so many bytes by zlib, which is no faster than the writer's."""
    block = bytes(1 << 20)
    start = time.monotonic()
    for _ in range(100):
        zlib.crc32(block)
    return (time.monotonic() - start) / 100 / len(block) * size


def report(table, writer, pipe, size):
    """Prints stages and scaling. `writer` gives the command line for a number of threads, `pipe` the shell line of tar and pigz."""
    available = len(os.sched_getaffinity(0))
    stages = Stages(pinned(min(2, available), writer(2)))
    print("stage              processor s   its own limit, for all of it")
    for name, seconds, limit in [
        ("plan", stages.plan, "once, before the rest begins"),
        ("read, headers", stages.read, f"{stages.read:.2f} s: one thread"),
        ("hash, at most", hashing(size), "a part of the next: each block's thread does it"),
        ("hash and deflate", stages.compress, f"{stages.compress:.2f} s by the number of threads"),
        ("write", stages.write, f"{stages.write:.2f} s: one thread"),
    ]:
        print(f"{name:<18} {seconds:>11.2f}   {limit}")
    print("threads   seconds by the model   measured")
    for threads in THREADS:
        measured = f"{Stages(pinned(threads, writer(threads))).wall:.2f}" if threads <= available else "more than this machine has"
        print(f"{threads:>7}   {stages.model(threads):>20.2f}   {measured}")
    enough = next((n for n in range(1, 65) if stages.model(n) <= stages.model(64)), 64)
    print(f"from {enough} threads on, reading is all that it waits for: {stages.model(64):.2f} s")

    def one(command):
        start = time.monotonic()
        subprocess.run(pinned(1, command), check=True, stderr=subprocess.DEVNULL)
        return time.monotonic() - start

    ratios = []
    for _ in range(3):
        ours = one(writer(1))
        ratios.append(ours / one(["bash", "-o", "pipefail", "-ec", pipe.replace("pigz -p2", "pigz -p1")]))
    table.line("on one core, wall time to tar | pigz -p1", sorted(ratios)[1], 0.35, span=f" ({min(ratios):.3f} to {max(ratios):.3f})")
