//! Keeps a USB device of Windows attached, by the kernel's `usbip` tool.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

/// How often to look whether the device is still there; a person who plugs it in waits no longer.
const INTERVAL: Duration = Duration::from_secs(2);
/// The state of a port in use, in `status` of the virtual host controller.
const IN_USE: &str = "006";

/// Where the kernel and `usbip` keep what they know; other places in tests.
#[derive(Debug)]
pub struct UsbipPaths {
    /// `usbip`'s record of each attached port: a file `portN` with `HOST PORT BUSID`.
    pub records: PathBuf,
    /// The virtual host controllers, `vhci_hcd.0` and others.
    pub controllers: PathBuf,
    /// The kernel's routing table.
    pub routes: PathBuf,
}

impl Default for UsbipPaths {
    fn default() -> Self {
        Self {
            records: "/var/run/vhci_hcd".into(),
            controllers: "/sys/devices/platform".into(),
            routes: "/proc/net/route".into(),
        }
    }
}

/// Why a device cannot be attached at all.
#[derive(Debug, thiserror::Error)]
pub enum UsbipError {
    /// The kernel's module is missing.
    #[error("no virtual USB controller in {}: the kernel module vhci-hcd is not loaded", .0.display())]
    NoController(PathBuf),
    /// Windows cannot be found.
    #[error("{} has no default route: set wsl.usbip.host to the address of Windows", .0.display())]
    NoRoute(PathBuf),
    /// `usbip` cannot be run.
    #[error("{}: {source}", path.display())]
    Tool {
        /// The tool.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What to attach, from where.
#[derive(Debug)]
pub struct Device<'a> {
    /// The bus id on Windows, such as `4-1`.
    pub busid: &'a str,
    /// The address of Windows; `None` for the default route's gateway.
    pub host: Option<&'a str>,
    /// The tool.
    pub usbip: &'a Path,
}

/// The outcome of one look at the device.
#[derive(Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// It was attached already.
    Attached,
    /// It is now.
    Attaching,
    /// It could not be attached; `usbip`'s words. Usually it is not plugged in, or not shared.
    Refused(String),
}

/// Attaches the device if it is not.
///
/// # Errors
/// When there is no controller, no address or no tool; a device that is not there is no error.
pub fn attach(device: &Device<'_>, places: &UsbipPaths) -> Result<DeviceState, UsbipError> {
    if !has_controller(&places.controllers) {
        return Err(UsbipError::NoController(places.controllers.clone()));
    }
    if is_attached(device.busid, places) {
        return Ok(DeviceState::Attached);
    }
    let host = match device.host {
        Some(host) => host.to_owned(),
        None => default_gateway(&places.routes)
            .ok_or_else(|| UsbipError::NoRoute(places.routes.clone()))?
            .to_string(),
    };
    let Output { status, stderr, .. } = Command::new(device.usbip)
        .args(["attach", "--remote", &host, "--busid", device.busid])
        .output()
        .map_err(|source| UsbipError::Tool { path: device.usbip.to_owned(), source })?;
    if status.success() {
        return Ok(DeviceState::Attaching);
    }
    Ok(DeviceState::Refused(String::from_utf8_lossy(&stderr).trim().to_owned()))
}

/// Keeps the device attached for ever, and calls `report` at every change.
///
/// # Errors
/// As [`attach`].
pub fn keep_attached(
    device: &Device<'_>,
    places: &UsbipPaths,
    mut report: impl FnMut(&DeviceState),
) -> Result<std::convert::Infallible, UsbipError> {
    let mut last = None;
    loop {
        let state = attach(device, places)?;
        if last.as_ref() != Some(&state)
            && !(state == DeviceState::Attached && last == Some(DeviceState::Attaching))
        {
            report(&state);
        }
        last = Some(state);
        thread::sleep(INTERVAL);
    }
}

fn controllers(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).ok();
    entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"vhci_hcd"))
        .map(|entry| entry.path())
}

fn has_controller(directory: &Path) -> bool {
    controllers(directory).next().is_some()
}

/// Whether a port that `usbip` recorded for the device is in use: the record stays when the device is pulled out.
fn is_attached(busid: &str, places: &UsbipPaths) -> bool {
    let Ok(records) = fs::read_dir(&places.records) else { return false };
    let ports: Vec<u32> = records
        .flatten()
        .filter(|entry| {
            fs::read_to_string(entry.path())
                .is_ok_and(|text| text.split_ascii_whitespace().nth(2) == Some(busid))
        })
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("port")?.parse().ok())
        .collect();
    controllers(&places.controllers)
        .filter_map(|controller| fs::read_dir(controller).ok())
        .flatten()
        .flatten()
        // `status`, `status.1` and so on.
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"status"))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .any(|text| ports.iter().any(|port| is_in_use(&text, *port)))
}

/// Lines are `hub port sta spd dev sockfd local_busid`, after a heading.
fn is_in_use(status: &str, port: u32) -> bool {
    status.lines().any(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        columns.next().and_then(|number| number.parse().ok()) == Some(port) && columns.next() == Some(IN_USE)
    })
}

/// The gateway of the default route in the kernel's table: hexadecimal, least significant byte first.
fn default_gateway(routes: &Path) -> Option<Ipv4Addr> {
    fs::read_to_string(routes).ok()?.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let (destination, gateway) = (columns.next()?, columns.next()?);
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        (destination == "00000000" && gateway != 0).then(|| Ipv4Addr::from(gateway.swap_bytes()))
    })
}
