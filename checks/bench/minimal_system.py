"""The least system with a WSL module, this project's or NixOS-WSL's: it enables WSL and has a user, and nothing else."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]

EXPRESSION = """
{ nixpkgs, module, more ? { } }:
(import (nixpkgs + "/nixos/lib/eval-config.nix") {
  system = "@SYSTEM@";
  modules = [
    module
    more
    {
      wsl.enable = true;
      wsl.defaultUser = "nixos";
      system.stateVersion = "25.11";
    }
  ];
}).config.system.build.toplevel
""".replace("@SYSTEM@", f"{os.uname().machine}-linux")


def modules(upstream):
    """The two modules, by whose they are; `upstream` is a tree of NixOS-WSL."""
    return {"upstream": upstream.resolve() / "modules", "ours": ROOT / "modules"}
