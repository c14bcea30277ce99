//! The environment of a launched process, in WSL's order: later settings win (W§6.3).

use std::ffi::CString;
use std::fs;

use crate::sim::guest::exec::strings;
use crate::sim::guest::windows::LaunchState;
use crate::sim::wire::protocol::CreateProcess;
use crate::wsl::settings::WslSettings;

/// Variables in the order in which they were first set.
#[derive(Clone, Debug, Default)]
pub struct Environment(Vec<(Vec<u8>, Vec<u8>)>);

impl Environment {
    /// Sets a variable.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (name, value) = (name.as_ref(), value.as_ref());
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name.into(), value.into())),
        }
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name.as_bytes()).map(|(_, value)| &value[..])
    }

    /// For execve.
    #[must_use]
    pub fn strings(&self) -> Vec<CString> {
        strings(&self.0)
    }
}

/// Everything but the user's own variables.
#[must_use]
pub fn assemble(
    settings: &WslSettings,
    configured: &LaunchState,
    process: &CreateProcess,
    windows_path: &str,
    interop: Option<&str>,
) -> Environment {
    let mut environment = Environment::default();
    environment.set("HOSTTYPE", std::env::consts::ARCH);
    environment.set("LANG", "en_US.UTF-8");
    environment.set(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games",
    );
    environment.set("TERM", "xterm-256color");
    for (name, value) in &configured.environment {
        if !["NAME", "WSL_DISTRO_NAME"].contains(&name.as_str()) {
            environment.set(name, value);
        }
    }
    environment.set("WSLENV", "");
    for (name, value) in &process.wslenv {
        environment.set(name, value);
    }
    let mut path = environment.get("PATH").unwrap_or_default().to_vec();
    if settings.gpu_enabled && settings.gpu_append_lib_path {
        path.extend(b":/usr/lib/wsl/lib");
    }
    if settings.interop_enabled && settings.interop_append_windows_path && !windows_path.is_empty() {
        path.push(b':');
        path.extend(windows_path.bytes());
    }
    environment.set("PATH", path);
    if let Some(path) = interop {
        environment.set("WSL_INTEROP", path);
    }
    for (name, value) in &configured.environment {
        if ["NAME", "WSL_DISTRO_NAME"].contains(&name.as_str()) {
            environment.set(name, value);
        }
    }
    if let Some(language) = language() {
        environment.set("LANG", language);
    }
    environment
}

/// The last `LANG=` of the first locale file that there is.
fn language() -> Option<Vec<u8>> {
    let file = ["/etc/default/locale", "/etc/locale.conf"].iter().find_map(|path| fs::read(path).ok())?;
    let text = String::from_utf8_lossy(&file).into_owned();
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let value = lines.filter_map(|line| line.split_once("LANG=")).map(|(_, value)| value).next_back()?;
    Some(unquote(value.trim()))
}

/// Resolves a shell's quotes and backslashes.
fn unquote(value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut quote = None;
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'\\', None | Some(b'"')) => out.extend(bytes.next()),
            (b'\'' | b'"', None) => quote = Some(byte),
            _ if quote == Some(byte) => quote = None,
            _ => out.push(byte),
        }
    }
    out
}
