//! PID 1 when no generation boots: it stays, so that logins work and say why.

use std::time::Duration;

use crate::system::log::Log;
use crate::system::notice;

/// Leaves the reasons for every login and ends: in namespace mode the shells outside go on without it.
pub fn give_up(failures: &[String], log: &mut Log) -> ! {
    explain(failures, log);
    std::process::exit(1)
}

/// Leaves the reasons for every login, then lives for the sake of the other processes in the namespace.
pub fn run(failures: &[String], log: &mut Log) -> ! {
    explain(failures, log);
    crate::sys::ignore_sigchld();
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn explain(failures: &[String], log: &mut Log) {
    log.error(format_args!("no generation could be started; what is left is a rescue shell"));
    if let Err(error) = notice::write(notice::NOTICE, &notice::rescue(failures)) {
        log.error(format_args!("{error}"));
    }
}
