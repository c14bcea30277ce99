"""Makes a real Nix store with a large closure from the machine's own files, for the benchmarks."""

import itertools
import json
import os
import pathlib
import shutil
import subprocess

# Taken in this order until both limits are reached: text, headers, programs, libraries.
SOURCES = ["/usr/share", "/usr/include", "/usr/bin", "/usr/lib"]
# Debian's compressed changelogs, of which a NixOS system has none.
LEFT_OUT = {"/usr/share/doc"}
MIN_BYTES = 1_050_000_000
MIN_FILES = 42_000
PATHS = 120
LARGEST_PIECE = 50_000_000
EXPERIMENTAL = ["--extra-experimental-features", "nix-command"]


def packaged():
    """Every path that a Debian package owns: what else a machine holds is no measure."""
    lists = pathlib.Path("/var/lib/dpkg/info").glob("*.list")
    return {line for one in lists for line in one.read_text().splitlines()}


def pieces(folder, owned):
    """(path, bytes, files) of what is below `folder` and in `owned`, in pieces small enough for a store path."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.path in LEFT_OUT or entry.path not in owned:
            continue
        if entry.is_dir(follow_symlinks=False):
            found = [(folder, name) for folder, _, names in os.walk(entry.path) for name in names]
            size = sum(os.lstat(os.path.join(*one)).st_size for one in found)
            if size > LARGEST_PIECE:
                yield from pieces(entry.path, owned)
            else:
                yield entry.path, size, len(found)
        elif entry.is_file(follow_symlinks=False):
            yield entry.path, entry.stat().st_size, 1


def make(store):
    """Fills the store at `store` (a root: the paths stand in store/nix/store), once, and returns its path infos."""
    done = store / "closure.json"
    if not done.exists():
        shutil.rmtree(store, ignore_errors=True)
        owned = packaged()
        groups, bundle, bundle_bytes, size, count = [], [], 0, 0, 0
        for piece in itertools.chain.from_iterable(pieces(source, owned) for source in SOURCES):
            bundle.append(piece[0])
            bundle_bytes += piece[1]
            size += piece[1]
            count += piece[2]
            if bundle_bytes > MIN_BYTES / PATHS:
                groups.append(bundle)
                bundle, bundle_bytes = [], 0
            if size > MIN_BYTES and count > MIN_FILES:
                break
        else:
            raise SystemExit(f"this machine has only {size} bytes in {count} files below {SOURCES}")
        for number, bundle in enumerate(groups + [bundle] * bool(bundle)):
            add(store, number, bundle)
        infos = path_infos(store)
        done.write_text(json.dumps(infos))
    return json.loads(done.read_text())


def add(store, number, bundle):
    """Adds one store path that holds copies of the directories in `bundle`."""
    folder = store / "tmp" / f"piece-{number:03}"
    folder.mkdir(parents=True)
    for source in bundle:
        target = folder / source.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", source, target], check=True)
    add_path(store, folder)
    shutil.rmtree(folder)


def add_path(store, folder):
    """Adds a directory under its own name."""
    subprocess.run(["nix-store", "--store", str(store), "--add", str(folder)], check=True, stdout=subprocess.DEVNULL)


def make_duplicates(store, other):
    """Fills the store at `other` with a fifth of those paths, every second one twice, as rebuilds leave them."""
    done = other / "closure.json"
    if not done.exists():
        shutil.rmtree(other, ignore_errors=True)
        paths = sorted(pathlib.Path(info["path"]).name for info in make(store))
        for number, path in enumerate(paths[: len(paths) // 5]):
            source = store / "nix" / "store" / path
            add_path(other, source)
            if number % 2 == 0:
                again = other / "tmp" / f"again-{number:03}"
                again.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", source, again], check=True)
                add_path(other, again)
                subprocess.run(["chmod", "-R", "u+w", again], check=True)
                shutil.rmtree(again)
        done.write_text(json.dumps(path_infos(other)))
    return json.loads(done.read_text())


def path_infos(store):
    """The store's path infos in the form of exportReferencesGraph; newer Nix gives an object, older a list."""
    found = subprocess.run(
        ["nix", *EXPERIMENTAL, "path-info", "--json", "--all", "--store", str(store)], check=True, capture_output=True
    ).stdout
    found = json.loads(found)
    if isinstance(found, dict):
        found = [{"path": path, **info} for path, info in found.items()]
    return [{key: info[key] for key in ("path", "narHash", "narSize", "references")} for info in found]


def attributes(infos):
    """What Nix would write to $NIX_ATTRS_JSON_FILE for an image of these store paths alone."""
    return {"closure": infos, "spec": {"version": 1, "entries": []}}


def half(infos):
    """Store paths that make up half of the bytes."""
    wanted, chosen = sum(info["narSize"] for info in infos) / 2, []
    for info in sorted(infos, key=lambda info: info["path"]):
        if sum(one["narSize"] for one in chosen) + info["narSize"] <= wanted * 1.005:
            chosen.append(info)
    return chosen


def location():
    """Where the store is kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "nixos-wsl" / "bench-store"
