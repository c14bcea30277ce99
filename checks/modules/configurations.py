#!/usr/bin/env python3
"""Evaluates the configurations in checks/modules/configurations, each to its system and its image, several in a process.

Usage: configurations.py NIXPKGS [--only NAME]... [INPUT=PATH]...

NIXPKGS is the flake reference of the nixpkgs to evaluate with. With INPUT=PATH, trees of the real flakes take the place of
the repository's small ones: `home-manager=/tmp/home-manager`, or `nixos-wsl=/tmp/NixOS-WSL` for upstream's module in the
place of this project's. Then each is evaluated twice, and the table has a column for each; what a configuration has to
have of warnings is asked of ours alone. Fails if ours fails for one.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# What six configurations take stays below 3 GB: what one has evaluated is free when the next begins.
BATCH = 6
# A collector that starts with a large heap runs seldom: half the processor's time.
ENVIRONMENT = os.environ | {"GC_INITIAL_HEAP_SIZE": "1536M"}


def nix(nixpkgs, attribute, function):
    """The value of a function of one of the flake's outputs, or the error."""
    # Only the names of the derivations are asked for, not their files in the store, which take as long again on a busy disk.
    command = ["nix", "eval", "--read-only", "--option", "eval-cache", "false", "--quiet", "--json", "--impure"]
    command += ["--no-write-lock-file"]
    command += ["--override-input", "nixpkgs", nixpkgs, f".#{attribute}", "--apply", function]
    result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return (json.loads(result.stdout), None) if result.returncode == 0 else (None, result.stderr)


def reason(error):
    """The last sentences of an error, without the places."""
    lines = error.rsplit("error:", 1)[-1].strip().splitlines()
    listed = [line.strip() for line in lines if line.startswith("  - ")]
    return " ".join(listed or lines[:1])


def evaluate(names, ask):
    """Yields each name with what is wrong with it, or None."""
    while names:
        _, error = ask(names)
        if error is None:
            yield from ((name, None) for name in names)
            return
        found = re.search(r"while evaluating the configuration (\S+)", error)
        if not found:
            sys.exit(error)
        failed = names.index(found[1])
        yield from ((name, None) for name in names[:failed])
        yield found[1], reason(error)
        names = names[failed + 1 :]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nixpkgs")
    parser.add_argument("inputs", nargs="*", metavar="INPUT=PATH", type=lambda text: text.split("=", 1))
    parser.add_argument("--only", action="append", metavar="NAME")
    arguments = parser.parse_intermixed_args()
    configurations = f"legacyPackages.{os.uname().machine}-linux.configurations"

    names = arguments.only
    if names is None:
        names, error = nix(arguments.nixpkgs, configurations, "all: all.names")
        if error:
            sys.exit(error)
    batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
    paths = " ".join(f"{name} = {json.dumps(os.path.realpath(path))};" for name, path in arguments.inputs)

    decides = ["all.decide"] + ([f"all.decideWith (all.real {{ {paths} }})"] if paths else [])

    def columns(batch):
        def ask(decide):
            return lambda some: nix(
                arguments.nixpkgs, configurations, f"all: map ({decide}) [ {' '.join(json.dumps(name) for name in some)} ]"
            )

        return [dict(evaluate(batch, ask(decide))) for decide in decides]

    failed = [[] for _ in decides]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch, results in zip(batches, pool.map(columns, batches)):
            for name in batch:
                print(f"{name:32}" + "".join(f"{'FAIL' if result[name] else 'pass':8}" for result in results).rstrip())
                for result, names_failed in zip(results, failed):
                    if result[name]:
                        print(f"    {result[name]}")
                        names_failed.append(name)
            sys.stdout.flush()
    print(f"{len(names)} configurations, failed: {', '.join(str(len(names_failed)) for names_failed in failed)}")
    sys.exit(f"failed: {' '.join(failed[0])}" if failed[0] else 0)


if __name__ == "__main__":
    main()
