# shellcheck shell=bash
# What the scripts in this directory share: installing what is missing, Nix on a machine that has nothing else of it.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/nixos-wsl
export PATH="$PATH:$cache/tools/bin"

# need COMMAND[:PACKAGE]… installs the Debian packages of the commands that are missing.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${missing[*]}" >&2
  update_packages && install_packages "${missing[@]}"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

update_packages() { as_root apt-get update -q >&2; }

install_packages() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

# use_rust has this shell's cargo build static programs (checks/rust).
use_rust() {
  local variables
  variables=$("$(dirname "${BASH_SOURCE[0]}")/rust") || return
  # shellcheck source=/dev/null
  source "$variables"
}

# crate COMMAND PACKAGE… installs a program of crates.io into the cache, if it is missing. It is not optimised: what it
# does takes less than that would.
crate() {
  local command=$1
  shift
  ! command -v "$command" >/dev/null || return 0
  (
    use_rust && unset CARGO_BUILD_TARGET
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$cache/tools" "$@"
  )
}

# Nix alone: no sandbox, because the stand-in's builders use the machine's programs; no build users, no binary cache.
export NIX_CONFIG="${NIX_CONFIG-}
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
"
