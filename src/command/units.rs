//! The commands that systemd's units run: each does one feature's work and says in one line what came of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::new_user::Refusal;
use super::output::print;
use super::{CommandError, Outcome, default_user, new_user};
use crate::boot::{counting, next};
use crate::features::certificates::{self, AbsentFolders, TrustRequest, WindowsRoots};
use crate::features::drivers::{self, Drivers};
use crate::features::proxy;
use crate::features::usbip::{self, Device, UsbipPaths};
use crate::features::windows::Interop;
use crate::features::{start_menu, store};
use crate::namespace::privileges::UserIds;
use crate::namespace::state::{Event, NamespaceState};
use crate::system::accounts;
use crate::system::message;
use crate::system::root::Root;

/// `boot-complete`, of nixos-wsl-boot-complete.service, nixos-wsl-boot-stop.service and nixos-wsl-boot-emergency.service.
///
/// # Errors
/// The record of boots cannot be written, or what WSL reads before the next start.
pub fn boot_complete(stopping: bool, emergency: bool) -> Outcome {
    let root = Root::default();
    record_boot(&root, stopping, emergency)?;
    // Whether this system is passed over next time may have changed.
    next::prepare(&root)?;
    Ok(())
}

fn record_boot(root: &Root, stopping: bool, emergency: bool) -> Outcome {
    if emergency {
        return Ok(counting::emergency(root)?);
    }
    // A unit is stopped for other reasons too, as by `systemctl isolate`.
    if stopping && !counting::shuts_down() {
        return Ok(());
    }
    NamespaceState::report(if stopping { Event::Stopping } else { Event::Resumed });
    if stopping {
        return Ok(counting::stopping(root)?);
    }
    if let Some(error) = counting::complete(root)? {
        eprintln!("nixos-wsl: when this system completed its start is not noted: {error}");
    }
    Ok(())
}

/// `link-drivers`, of nixos-wsl-graphics.service.
///
/// # Errors
/// The folder cannot be made.
pub fn link_drivers(drivers: &Drivers<'_>, farm: &Path) -> Outcome {
    let linked = drivers::link(drivers, farm)?;
    print(format_args!("{}: {} of NixOS, {} of Windows", farm.display(), linked.nixos, linked.windows))
}

/// `start-menu`, of nixos-wsl-start-menu.service: the entries of the user with the name `user`; the last of `folders` is the
/// one to copy to.
///
/// # Errors
/// There is no such user, or the entries cannot be copied.
pub fn start_menu(user: &str, mut folders: Vec<PathBuf>) -> Outcome {
    let user = accounts::entry_named(&Root::default(), user).map_err(CommandError::Refused)?;
    let target = folders.pop().unwrap_or_default();
    let copied = start_menu::update(UserIds::of(&user), &folders, &target)?;
    print(format_args!("{}: {} entries, {} icons", target.display(), copied.entries, copied.icons))
}

/// `usbip-attach`, of usbip-auto-attach@.service; comes back only with an error.
///
/// # Errors
/// There is no controller, no address of Windows, or no tool.
pub fn usbip_attach(device: &Device<'_>) -> Outcome {
    let busid = device.busid;
    // A message that nobody takes is no reason to give the device up.
    usbip::keep_attached(device, &UsbipPaths::default(), |state| {
        let _ = match state {
            usbip::DeviceState::Attached | usbip::DeviceState::Attaching => {
                print(format_args!("{busid} is attached"))
            }
            usbip::DeviceState::Refused(why) => print(format_args!("{busid} waits: {why}")),
        };
    })?;
    Ok(())
}

/// `clean-store`, of nixos-wsl-clean-store.service.
///
/// # Errors
/// The store cannot be read, or a tree not removed.
pub fn clean_store(folder: &Path) -> Outcome {
    match store::remove_abandoned_copies(folder)? {
        0 => Ok(()),
        number => {
            print(format_args!("{}: removed what {number} interrupted copies had left", folder.display()))
        }
    }
}

/// `trust-certificates`, of an activation and of nixos-wsl-certificates.service: the bundle has the system's own ones,
/// `base`, those of the folders, and where `windows` is set those that Windows trusts. The unit sets `ask`: what the system
/// does not have itself is asked for, and not remembered.
///
/// # Errors
/// The bundle cannot be written. With `ask`, also when something could not be taken: a file that is no certificate, or what
/// Windows has not said; the rest is trusted, and what Windows said last still is. An activation goes on without it.
pub fn trust_certificates(base: &Path, folders: &[PathBuf], windows: bool, ask: bool) -> Outcome {
    let root = Root::default();
    let drives = new_user::settings(&root).automount_root;
    let windows = match (windows, ask) {
        (false, _) => WindowsRoots::No,
        (true, false) => WindowsRoots::Remembered,
        (true, true) => WindowsRoots::Asked(interop(&root, &drives)?),
    };
    let absent = if ask { AbsentFolders::Empty } else { AbsentFolders::Remembered };
    let trust = TrustRequest { base, folders, windows, absent };
    let trusted = certificates::update(&trust, Path::new(certificates::FOLDER), SystemTime::now())?;
    for reason in &trusted.left_out {
        message::print_error(format_args!("nixos-wsl: {reason}"));
    }
    if ask || trusted.added > 0 {
        print(format_args!("{} certificates beside the system's own are trusted", trusted.added))?;
    }
    if ask && !trusted.left_out.is_empty() {
        return Err(CommandError::Refused("not everything could be taken".into()));
    }
    Ok(())
}

/// `windows-proxy`, of nixos-wsl-proxy.service. Where the proxy is another one, the unit `restart` begins anew, if it runs.
///
/// # Errors
/// Windows does not answer, the file for services cannot be written, or the unit not be restarted.
pub fn windows_proxy(restart: Option<&str>) -> Outcome {
    let root = Root::default();
    let drives = new_user::settings(&root).automount_root;
    let (proxy, changed) = proxy::update(interop(&root, &drives)?, Path::new(proxy::FILE))?;
    print(format_args!("Windows' proxy: {proxy}{}", if changed { "" } else { ", as before" }))?;
    if let Some(unit) = restart.filter(|_| changed) {
        let systemctl = new_user::find_program("systemctl").map_err(refused)?;
        let words = ["--no-block", "try-restart", unit].map(OsStr::new);
        new_user::run_program(&systemctl, &words).map_err(refused)?;
    }
    Ok(())
}

/// Windows' programs, for a service of root's.
fn interop<'a>(root: &Root, drives: &'a Path) -> Result<Interop<'a>, CommandError> {
    Ok(Interop { drives, user: default_user::rights(root).map_err(CommandError::Refused)? })
}

fn refused(refusal: Refusal) -> CommandError {
    CommandError::Refused(refusal.text)
}

/// `prepare-start`, in the place of a boot loader's installer, and at the end of an activation.
///
/// # Errors
/// A file that WSL reads before the next start cannot be written.
pub fn prepare_start() -> Outcome {
    next::prepare(&Root::default())?;
    Ok(())
}
