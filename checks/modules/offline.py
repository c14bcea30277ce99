#!/usr/bin/env python3
"""What changed systems would have to fetch, or compile from what they would have to fetch, on top of an image.

Usage: offline.py CHANGES, where CHANGES is JSON: { "image": DRV, "NAME": DRV, … }, each the toplevel's derivation.

Decided by the derivations alone, because nothing need be built for it. An output counts as in the image only where the
derivation says for certain that the system refers to it: in texts, in links that a builder makes, in a stdenv's setup, in
what a hook propagates, and in system.extraDependencies. What `nix-store --gc` would keep beyond that is not counted on.
"""

import json
import re
import subprocess
import sys

STORE_PATH = re.compile(r"/nix/store/[0-9a-z]{32}-[0-9A-Za-z+._?=-]+")
# Variables whose store paths are in the output, whatever the builder.
CERTAIN = (
    "text extraDependencies systemd localeArchive"
    " propagatedBuildInputs propagatedNativeBuildInputs depsTargetTargetPropagated depsHostHostPropagated"
).split()
STDENV = "initialPath defaultNativeBuildInputs defaultBuildInputs shell".split()
LINK = re.compile(r"^\s*(?:ln -sf?n?|makeEtcEntry|--set \S+)\s(.*)$", re.MULTILINE)
# How nixpkgs links the units of a system: all but those that are only masked.
UNITS = re.compile(r"^for i in ((?:/nix/store/\S+ ?)+); do", re.MULTILINE)
COPY = re.compile(r"^\s*cp (/nix/store/\S+?)(?:/\S*)? \$out/", re.MULTILINE)


def graph(derivation):
    """All derivations that this one needs, by path."""
    command = ["nix", "--extra-experimental-features", "nix-command", "derivation", "show", "-r", derivation]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def environment(derivation):
    """A derivation's variables, as text."""
    env = derivation["env"]
    if "__json" in env:
        env = json.loads(env["__json"])
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in env.items()}


def references(derivation):
    """The store paths that the outputs refer to for certain, and those whose references they have."""
    env = environment(derivation)
    certain = [env.get(name, "") for name in CERTAIN]
    if derivation["name"].startswith("stdenv"):
        certain += [env.get(name, "") for name in STDENV]
    build = env.get("buildCommand", "")
    certain += LINK.findall(build)
    certain += [unit for units in UNITS.findall(build) for unit in units.split() if not unit.endswith("-disabled")]
    return STORE_PATH.findall(" ".join(certain)), COPY.findall(build)


def image(drvs, toplevel):
    """The store paths that are in the image for certain."""
    producer = {out["path"]: drv for drv in drvs for out in drvs[drv]["outputs"].values() if "path" in out}
    found, copied = set(), set()
    work = [(out["path"], False) for out in drvs[toplevel]["outputs"].values()]
    while work:
        path, is_copy = work.pop()
        seen = copied if is_copy else found
        if path in seen:
            continue
        seen.add(path)
        if path in producer:
            linked, copies = references(drvs[producer[path]])
            work += [(other, False) for other in linked] + [(other, True) for other in copies]
    return found


def missing(drvs, toplevel, there, known):
    """What is to be fetched for `toplevel`: names, by whose derivation needs them."""
    available = {}

    def inputs(drv):
        for other, outputs in drvs[drv]["inputDrvs"].items():
            for output in outputs["outputs"]:
                yield other, drvs[other]["outputs"][output].get("path")

    def is_there(drv, path):
        return path in there or is_buildable(drv)

    def is_buildable(drv):
        if drv not in available:
            fetched = any("hash" in out for out in drvs[drv]["outputs"].values())
            available[drv] = (
                not fetched
                # A source file is in the store of whoever evaluates the configuration.
                and all(is_there(*needed) for needed in inputs(drv))
            )
        return available[drv]

    report = {}

    def explain(drv):
        for other, path in inputs(drv):
            if is_there(other, path):
                continue
            if other in known and ("pname" in environment(drvs[other]) or "src" in environment(drvs[other])):
                report.setdefault(path[44:], set()).add(drvs[drv]["name"])
            elif any("hash" in out for out in drvs[other]["outputs"].values()):
                report.setdefault(path[44:], set()).add(drvs[drv]["name"])
            else:
                explain(other)

    if not is_buildable(toplevel):
        explain(toplevel)
    return report


def main():
    sys.setrecursionlimit(100_000)
    with open(sys.argv[1], encoding="utf-8") as file:
        changes = json.load(file)
    base = changes.pop("image")
    known = graph(base)
    there = image(known, base)
    failed = False
    for name, toplevel in changes.items():
        if toplevel == base:
            print(f"{name}: nothing changes, so this proves nothing")
            failed = True
            continue
        drvs = graph(toplevel)
        new = sum(1 for drv in drvs if drv not in known)
        report = missing(drvs, toplevel, there, known)
        print(f"{name}: {new} new derivations, {len(report)} outputs to fetch")
        for path, users in sorted(report.items()):
            print(f"  {path} for {', '.join(sorted(users))}")
        failed |= bool(report)
    sys.exit(failed)


if __name__ == "__main__":
    main()
