//! PID 1 when no generation boots: it stays, so that logins work and say why.

use std::time::Duration;

use super::log::Log;

/// What every login prints first, if it exists.
pub const NOTICE: &str = "/run/nixos-wsl/notice";

/// Writes down what was tried, then lives for the sake of the other processes in the namespace.
pub fn stay(failures: &[String], log: &mut Log) -> ! {
    let mut text = String::from("No generation of this system could be started:\n");
    if failures.is_empty() {
        text.push_str("  /nix/var/nix/profiles has no generation at all\n");
    }
    for failure in failures {
        text.extend(["  ", failure, "\n"]);
    }
    text.push_str(
        "This is a rescue shell. `nixos-wsl generations` lists what there is, `nixos-wsl boot N` chooses;\n\
         then `wsl --terminate` and start again. The whole log is /var/log/nixos-wsl-boot.log.\n",
    );
    log.error(format_args!("no generation could be started; staying for a rescue shell"));
    if let Err(error) = write_notice(&text) {
        log.error(format_args!("{NOTICE}: {error}"));
    }
    crate::sys::ignore_sigchld();
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Leaves `text` for every login.
///
/// # Errors
/// Those of writing the file.
pub fn write_notice(text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all("/run/nixos-wsl")?;
    std::fs::write(NOTICE, text)
}
