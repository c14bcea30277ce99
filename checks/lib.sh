# shellcheck shell=bash
# What the scripts in this directory share: installing what is missing, Nix on a machine that has nothing else of it.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/nixos-wsl

# need COMMAND[:PACKAGE]… installs the Debian packages of the commands that are missing.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${missing[*]}" >&2
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  {
    "${root[@]}" apt-get update -q
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  } >&2
}

# Nix alone: no sandbox, because the stand-in's builders use the machine's programs; no build users, no binary cache.
export NIX_CONFIG="${NIX_CONFIG-}
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
"
