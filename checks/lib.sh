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

# One step at a time: apt-get fails beside another one.
change_packages() {
  mkdir -p "$cache"
  (flock 9 && as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2) 9>"$cache/packages.lock"
}

update_packages() { change_packages update; }

install_packages() { change_packages install -y --no-install-recommends "$@"; }

# use_rust has this shell's cargo build static programs (checks/rust).
use_rust() {
  local variables
  variables=$("$(dirname "${BASH_SOURCE[0]}")/rust") || return
  # shellcheck source=/dev/null
  source "$variables"
  # What is built is looked for in target/, whatever somebody's shell has set.
  unset CARGO_TARGET_DIR
}

# rust_target TARGET gives that cargo another target: Debian's compiler a standard library of its own, rustup's its own.
rust_target() {
  local lib
  lib=$(rustc --print target-libdir --target "$1")
  if [ -d "$lib" ]; then
    return
  elif [[ $lib = "$cache"/* ]]; then
    RUSTC=$(command -v rustc) "$(dirname "${BASH_SOURCE[0]}")/rust-std" "$1" "$lib"
  else
    rustup target add "$1" >&2
  fi
}

# use_arm_rust has it build static programs for aarch64 instead.
use_arm_rust() {
  local target=aarch64-unknown-linux-musl lib headers
  need aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
  rust_target "$target"
  lib=$(rustc --print target-libdir --target "$target")
  export CARGO_BUILD_TARGET=$target CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=aarch64-linux-gnu-gcc
  # Debian's compiler has them beside the target; rustup's has none.
  headers=$lib/self-contained/include
  if [ ! -d "$headers" ]; then
    headers=$cache/musl-arm64/usr/include/aarch64-linux-musl
    [ -d "$headers" ] || (mkdir -p "$cache/musl-arm64" && cd "$cache/musl-arm64" && unpack_packages arm64 musl-dev)
  fi
  headers="-nostdinc -isystem $headers -isystem $(aarch64-linux-gnu-gcc -print-file-name=include)"
  export CC_aarch64_unknown_linux_musl=aarch64-linux-gnu-gcc CFLAGS_aarch64_unknown_linux_musl="$headers -U_FORTIFY_SOURCE"
}

# candidate PACKAGE prints the version that Debian would install.
candidate() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'; }

# unpack_packages ARCHITECTURE[@SUITE] PACKAGE… unpacks Debian's packages here; of another architecture than this machine's, or
# of another release, which it does not get to know.
unpack_packages() {
  local architecture=${1%@*} suite=${1#*@} apt=(apt-get -q) file
  [ "$suite" != "$1" ] || suite=
  shift
  if [ -n "$suite" ] || [ "$architecture" != "$(dpkg --print-architecture)" ]; then
    mkdir -p apt/{state/lists,cache/archives}/partial
    : >apt/status
    apt+=(-o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture" -o "Dir::State=$PWD/apt/state"
      -o "Dir::Cache=$PWD/apt/cache" -o "Dir::State::status=$PWD/apt/status" -o APT::Sandbox::User=root)
    if [ -n "$suite" ]; then
      echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >apt/sources
      # As for the stand-in: the list of an old release may be past its date.
      apt+=(-o "Dir::Etc::sourcelist=$PWD/apt/sources" -o Dir::Etc::sourceparts=- -o Acquire::Check-Valid-Until=false)
    fi
    "${apt[@]}" update >&2
  fi
  "${apt[@]}" download "${@/%/:$architecture}" >&2
  for file in ./*.deb; do dpkg-deb --extract "$file" .; done
}

# npm_package NAME@VERSION prints the folder with a package of npm's, which is fetched into the cache if it is missing.
npm_package() {
  local directory=$cache/npm-${1/@/-} work
  if [ ! -d "$directory" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d "$directory.XXXXXX")
    if ! npm install --silent --no-save --prefix "$work" "$1" >&2; then
      rm -rf "$work"
      return 1
    fi
    mv "$work" "$directory"
  fi
  echo "$directory/node_modules/${1%@*}"
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
