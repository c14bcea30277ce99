//! What is printed on a command line that is not understood, and on `--help`.

use crate::sim::wire::error::Error;

/// An option that wsl.exe does not have.
#[must_use]
pub fn unknown(argument: &str) -> Error {
    Error::Plain(format!(
        "Invalid command line argument: {argument}\n\
         Please use 'wsl.exe --help' to get a list of supported arguments."
    ))
}

/// A command line of the wrong shape.
#[must_use]
pub fn usage() -> Error {
    Error::Plain(USAGE.into())
}

/// `--help`
pub const USAGE: &str = "\
wsl-sim starts a WSL distribution on Linux, with the command line of wsl.exe.

Usage: wsl-sim [Options...] [CommandLine]
  ~ | --cd DIR                 working directory
  -d, --distribution NAME      distribution (else the default one)
  -u, --user USER              user (else the default one)
  --system                     the system distribution: a shell alone, and the distribution in /mnt/wslg/distro
  --shell-type TYPE            standard, login or none
  -e, --exec                   run the command line without a shell
  --                           the rest is the command line

Managing distributions:
  --import NAME DIR FILE [--vhd] [--version 2]
  --import-in-place NAME FILE
  --install [NAME | --from-file FILE] [--name NAME] [--location DIR] [--no-launch]
  --export NAME FILE [--vhd | --format tar|tar.gz|tar.xz|vhd]
  --manage NAME --set-default-user USER | --move DIR | --resize SIZE | --set-sparse true|false [--allow-unsafe]
  --mount DISK [--vhd] [--bare] [--partition N] [--name NAME] [--type TYPE] [--options OPTIONS]
  --unmount [DISK]
  -l, --list [--all | --running] [-q | -v]
  -s, --set-default NAME       -t, --terminate NAME
  --unregister NAME            --shutdown
  --status, --version, --help

The environment sets what Windows would:
  WSL_SIM_HOME                 registry (else $XDG_STATE_HOME/wsl-sim or ~/.local/state/wsl-sim)
  WSL_SIM_INIT                 static program for /init (else wsl-sim itself, if it is static)
  WSL_SIM_WSLG                 present (the default), headless or absent
  WSL_SIM_DRIVES               letters of the Windows drives (default: c)
  WSL_SIM_HOSTNAME, WSL_SIM_TIMEZONE, WSL_SIM_WINDOWS_PATH
  WSL_SIM_DISTRIBUTION_LIST_URL, WSL_SIM_DISTRIBUTION_LIST_URL_APPEND
                               what --install NAME looks in, as those values of the registry of Windows (http:, file:)
  WSL_SIM_SAFE_MODE            1: .wslconfig's safe mode
  WSL_SIM_STORE_HASH           what of /nix/store is compared before and after a start: full reads all of it, none nothing
  WSL_SIM_VERSION              WSL's version, which decides on the layout of cgroups (default: the newest)
  WSL_SIM_HOME/.wslconfig      [simulator] version, [wsl2] vmIdleTimeout, networkingMode, safeMode,
                               [general] instanceIdleTimeout
  WSL_SIM_LINE                 the command line as Windows gives it, one line without the program, instead of arguments;
                               messages are in UTF-16 then, unless WSL_UTF8 is 1
  WSL_SIM_TIME_FACTOR          1 to 1000: every time limit is so many times WSL's, for slow machines (default: 1)";
