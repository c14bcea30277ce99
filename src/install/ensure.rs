//! One process installs, the others wait for it: whoever comes first, and again after that one was killed.

use std::time::{Duration, Instant};

use super::error::{InstallError, Result};
use super::screen::Screen;
use super::state::{InstallState, Journal};
use super::{switch, unpack};
use crate::system::installer::{ARCHIVE, Manifest};

/// How often a waiting process looks.
const PERIOD: Duration = Duration::from_millis(100);
/// How often an installing one tells how far it is.
const PUBLISH: Duration = Duration::from_millis(100);
/// What must be left for the first boot, in bytes.
const RESERVE: u64 = 64 << 20;
/// What the first shell says.
const ONCE: &str = "installing NixOS; this happens once";
const MEGABYTE: u64 = 1_000_000;

/// Whether the calling process may install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// If nobody else does.
    Once,
    /// It only waits.
    Never,
}

/// Comes back when the system is installed.
///
/// # Errors
/// The message for the user: the installation failed, here or in another process.
pub fn ensure(state: &InstallState, screen: &mut Screen, attempt: Attempt) -> Result<(), String> {
    let mut idle = Instant::now();
    let mut announced = false;
    loop {
        if state.installed() {
            // The last that was published may have come and gone between two looks.
            if let Some((_, total)) = state.progress().filter(|_| announced) {
                screen.progress(total, total);
            }
            screen.clear();
            return Ok(());
        }
        if state.stopping() {
            screen.clear();
            return Err(with_distribution_name(&InstallError::Stopped.explain()));
        }
        if attempt == Attempt::Once {
            let lock = state.lock().map_err(|error| with_distribution_name(&error.explain()))?;
            // Another process may have finished while this one waited for the lock.
            if lock.is_some() && !state.installed() {
                state.set_failure(None);
                let result = install(state, screen);
                screen.clear();
                return result.map_err(|error| {
                    let text = error.explain();
                    if !matches!(error, InstallError::Stopped) {
                        state.set_failure(Some(&text));
                    }
                    with_distribution_name(&text)
                });
            }
        } else if let Some(failure) = state.failure() {
            screen.clear();
            return Err(with_distribution_name(&failure));
        }
        if let Some((done, total)) = state.progress() {
            idle = Instant::now();
            if !announced {
                screen.line(ONCE);
                announced = true;
            }
            screen.progress(done, total);
        } else if attempt == Attempt::Never
            && !state.starts_systemd()
            && idle.elapsed() > Duration::from_secs(5)
        {
            screen.clear();
            return Err(with_distribution_name(
                "NixOS is not installed, and only root can install it.\nNothing was changed.\nwsl -d {name} -u root",
            ));
        }
        std::thread::sleep(PERIOD);
    }
}

/// Puts the distribution's name into a message.
#[must_use]
pub fn with_distribution_name(text: &str) -> String {
    let name = std::env::var("WSL_DISTRO_NAME").unwrap_or_else(|_| "NixOS".to_owned());
    text.replace("{name}", &name)
}

fn install(state: &InstallState, screen: &mut Screen) -> Result<()> {
    let manifest = state.manifest()?;
    if state.journal() != Journal::Switching || !switch::is_ready(state, &manifest) {
        let free = check_space(state, &manifest)?;
        state.set_journal(Journal::Unpacking { free })?;
        screen.line(ONCE);
        let mut published: Option<Instant> = None;
        unpack::unpack(state.root(), &state.path(ARCHIVE), &manifest, &mut |done| {
            if published.is_none_or(|last| last.elapsed() > PUBLISH) {
                published = Some(Instant::now());
                state.publish(done, manifest.unpacked);
                screen.progress(done, manifest.unpacked);
                if state.stopping() {
                    return Err(InstallError::Stopped);
                }
            }
            Ok(())
        })?;
        screen.progress(manifest.unpacked, manifest.unpacked);
        switch::flush(state)?;
        state.set_journal(Journal::Switching)?;
    }
    switch::switch(state, &manifest)
}

/// Looks whether the rest fits, before the first write: how many bytes were free then.
fn check_space(state: &InstallState, manifest: &Manifest) -> Result<u64> {
    let found = rustix::fs::statvfs(state.root()).map_err(|error| InstallError::at("", error))?;
    if found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err(InstallError::ReadOnly);
    }
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    // What an earlier attempt has written is not needed again.
    let before = match state.journal() {
        Journal::Unpacking { free: before } => before.max(free),
        Journal::New | Journal::Switching => free,
    };
    let rest = manifest.disk.saturating_sub(before - free);
    let needed = rest.saturating_add(RESERVE);
    if free < needed {
        return Err(InstallError::Space { needed: needed.div_ceil(MEGABYTE), free: free / MEGABYTE });
    }
    Ok(before)
}
