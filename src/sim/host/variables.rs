//! The variables of the environment that stand for the Windows machine (`wsl-sim --help`).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::sim::host::vhd;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::Registration;
use crate::sim::wire::start::{Start, StoreComparison, Wslg};
use crate::sim::wire::time::{TIME_FACTOR, TimeFactor};
use crate::sim::wire::version::{VERSION, WslVersion};
use crate::sim::wire::wslconfig::WslConfig;
use crate::system::error::Context;

/// A start of a distribution on the Windows machine that the environment describes (see `--help`).
///
/// # Errors
///
/// A variable has no valid value, or there is no static program for `/init`.
pub fn start(home: &Path, folder: &Path, registration: &Registration) -> Result<Start> {
    let variable = |name: &str| std::env::var(name).ok();
    let wslg = match variable("WSL_SIM_WSLG").as_deref() {
        None | Some("present") => Wslg::Present,
        Some("headless") => Wslg::Headless,
        Some("absent") => Wslg::Absent,
        Some(other) => {
            return Err(Error::Missing(format!(
                "WSL_SIM_WSLG is present, headless or absent, not {other:?}"
            )));
        }
    };
    let store = match variable("WSL_SIM_STORE_HASH").as_deref() {
        None => StoreComparison::Metadata,
        Some("none") => StoreComparison::Nothing,
        Some("full") => StoreComparison::Contents,
        Some(other) => {
            return Err(Error::Missing(format!("WSL_SIM_STORE_HASH is none or full, not {other:?}")));
        }
    };
    let config = WslConfig::read(home)?;
    let machine = rustix::system::uname();
    Ok(Start {
        home: home.into(),
        folder: folder.into(),
        root: vhd::root(folder, registration),
        vhd: registration.vhd_file_name.is_some().then(|| registration.disk()),
        name: registration.distribution_name.clone(),
        default_uid: registration.default_uid,
        init: static_init()?,
        hostname: variable("WSL_SIM_HOSTNAME")
            .unwrap_or_else(|| machine.nodename().to_string_lossy().into_owned()),
        timezone: variable("WSL_SIM_TIMEZONE").unwrap_or_else(|| "Etc/UTC".into()),
        drives: variable("WSL_SIM_DRIVES").unwrap_or_else(|| "c".into()),
        windows_path: variable("WSL_SIM_WINDOWS_PATH")
            .unwrap_or_else(|| "/mnt/c/Windows/system32:/mnt/c/Windows".into()),
        wslg,
        safe_mode: config.safe_mode || variable("WSL_SIM_SAFE_MODE").as_deref() == Some("1"),
        store,
        time_factor: time_factor()?,
        idle_timeout: config.instance_idle_timeout,
        version: version(home)?,
    })
}

/// Which WSL it is: the variable says so, else the registry's `.wslconfig`.
///
/// # Errors
///
/// What they say is no version.
pub fn version(home: &Path) -> Result<WslVersion> {
    let Some(text) = std::env::var_os(VERSION).filter(|text| !text.is_empty()) else {
        return Ok(WslConfig::read(home)?.version.unwrap_or(WslVersion::NEWEST));
    };
    let text = text.to_string_lossy();
    WslVersion::parse(&text)
        .ok_or_else(|| Error::Missing(format!("{VERSION} is a version of WSL such as 2.9.4, not {text:?}")))
}

/// By how much time limits are stretched.
///
/// # Errors
///
/// The variable is no factor.
pub fn time_factor() -> Result<TimeFactor> {
    let text = std::env::var_os(TIME_FACTOR);
    let text = text.as_deref().map(OsStr::to_string_lossy);
    TimeFactor::parse(text.as_deref()).ok_or_else(|| {
        Error::Missing(format!(
            "{TIME_FACTOR} is a whole number from 1 to 1000, not {:?}",
            text.unwrap_or_default()
        ))
    })
}

fn static_init() -> Result<PathBuf> {
    let own = std::env::current_exe().doing("find wsl-sim itself")?;
    let requested = std::env::var_os("WSL_SIM_INIT").map(PathBuf::from);
    let path = requested.unwrap_or(own);
    if is_static(&path).doing_at("read", &path)? {
        return Ok(path);
    }
    Err(Error::Missing(format!(
        "{} is linked dynamically and cannot be /init in a distribution.\n\
         Build a static one with checks/tools, or name one in WSL_SIM_INIT.",
        path.display(),
    )))
}

/// Whether an ELF file asks for no interpreter.
fn is_static(path: &Path) -> io::Result<bool> {
    let mut head = vec![0; 4096];
    let count = File::open(path)?.read(&mut head)?;
    head.truncate(count);
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = head.get(at..at + size)?;
        bytes.iter().rev().try_fold(0_usize, |value, &byte| value.checked_mul(256)?.checked_add(byte.into()))
    };
    let headers = || -> Option<bool> {
        let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let types = (0..count).map(|index| number(table + index * size, 4));
        types.collect::<Option<Vec<_>>>().map(|types| !types.contains(&3))
    };
    Ok(head.starts_with(b"\x7fELF\x02\x01") && headers().unwrap_or(false))
}
