//! From the relay's child to the user's program: streams, user, environment, directory, `execve` (W§6).

use std::ffi::CString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::fs::{Gid, Uid};
use rustix::process::WaitOptions;

use crate::sim::guest::environment;
use crate::sim::guest::exec::{c_string, search, standard_streams, take_terminal};
use crate::sim::guest::users::User;
use crate::sim::guest::windows::LaunchState;
use crate::sim::guest::wslpath::Translation;
use crate::sim::wire::error::reason;
use crate::sim::wire::protocol::{self, CreateProcess, Reply};
use crate::sys::reset_signals;
use crate::sys::simulator::{execve, fork};
use crate::wsl::distribution::Distribution;
use crate::wsl::settings::WslSettings;

/// A client's request for a process, with all that WSL's init adds to it.
pub struct ProcessRequest<'a> {
    /// The client's connection.
    pub client: BorrowedFd<'a>,
    /// The process it asks for.
    pub process: CreateProcess,
    /// Its streams that are no terminals.
    pub streams: Vec<OwnedFd>,
    /// wsl.conf.
    pub settings: &'a WslSettings,
    /// The distribution as it was configured.
    pub configured: &'a LaunchState,
    /// The Windows PATH, translated.
    pub windows_path: &'a str,
    /// Where login sessions are asked for.
    pub init: UnixStream,
}

/// Becomes the program. Messages go to the user's standard error.
pub fn become_program(request: ProcessRequest<'_>, uid: u32, slave: &OwnedFd, interop: Option<&str>) -> ! {
    let code = match prepare(request, uid, slave, interop) {
        Ok(code) => code,
        Err(error) => {
            wsl_error!("Relay", "CreateProcessCommon: {error}");
            1
        }
    };
    std::process::exit(code);
}

fn prepare(request: ProcessRequest<'_>, uid: u32, slave: &OwnedFd, interop: Option<&str>) -> io::Result<i32> {
    let ProcessRequest { client, mut process, streams, settings, configured, windows_path, init } = request;
    take_terminal(slave)?;
    {
        let mut streams = streams.iter();
        let mut pick = |terminal: bool| if terminal { Some(slave) } else { streams.next() };
        let [Some(input), Some(output), Some(error)] = process.terminal.map(&mut pick) else {
            return Err(io::Error::other("a stream is missing"));
        };
        standard_streams(input.as_fd(), output.as_fd(), error.as_fd())?;
    }
    drop(streams);
    if let Some(translated) = translate(&process.directory) {
        process.directory = translated;
    } else {
        if settings.automount_enabled {
            eprintln!("wsl: Failed to translate '{}'", process.directory);
        }
        process.directory.clear();
    }
    for warning in &configured.warnings {
        eprintln!("wsl: {warning}");
    }
    reset_signals();
    let mut environment = environment::assemble(settings, configured, &process, windows_path, interop);
    // passwd is read again after the first-run command, which may have made the user.
    let mut user = passwd_entry(uid, &mut environment);
    if process.oobe {
        let conf = fs::read("/etc/wsl-distribution.conf").unwrap_or_default();
        let (conf, _) = Distribution::parse(&conf);
        let success = match conf.oobe_command.as_deref() {
            Some(line) if !line.is_empty() => first_run(line, &mut environment)?,
            _ => true,
        };
        protocol::send(client, &Reply::Oobe { success, default_uid: conf.oobe_default_uid }, &[])?;
        if !success {
            return Ok(1);
        }
        let uid = conf.oobe_default_uid.map_or(uid, i32::cast_unsigned);
        user = passwd_entry(uid, &mut environment);
    }
    if settings.boot_systemd && !process.system {
        if !request_session(&init, &user) {
            eprintln!(
                "wsl: Failed to start the systemd user session for '{}'. See journalctl for more details.",
                user.name
            );
        }
        environment.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path=/run/user/{}/bus", user.uid));
        environment.set("XDG_RUNTIME_DIR", format!("/run/user/{}", user.uid));
    }
    let _ = rustix::fs::fchown(slave, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(5)));
    become_user(&user)?;
    let directory = directory(&process.directory, &user);
    if let Err(error) = rustix::process::chdir(directory.as_str()) {
        wsl_error!("Relay", "CreateProcessCommon:811: chdir({directory}) failed {}", error.raw_os_error());
    }
    let (file, arguments) = program(&process, &user);
    let error = search(&file, &arguments, &environment.strings());
    let file = String::from_utf8_lossy(&file).into_owned();
    wsl_error!("Relay", "CreateProcessCommon:819: execvpe({file}) failed: {}", reason(&error));
    Ok(1)
}

/// A Windows directory's place; a Linux one stays as it is.
fn translate(directory: &str) -> Option<String> {
    if directory.is_empty() || directory.starts_with(['/', '~']) {
        return Some(directory.into());
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let path = Translation::new(&mounts, String::new()).linux(&directory.replace('/', "\\"))?;
    Some(path.trim_end_matches('/').into())
}

/// The working directory: none given means the home directory.
fn directory(given: &str, user: &User) -> String {
    match given.strip_prefix('~') {
        Some(rest) => format!("{}{rest}", user.home),
        None if given.is_empty() => user.home.clone(),
        None => given.into(),
    }
}

/// The user's line in passwd, or what WSL puts in its place; its variables go into the environment.
fn passwd_entry(uid: u32, environment: &mut environment::Environment) -> User {
    let user = User::by_uid(uid).unwrap_or_else(|| {
        wsl_error!("Relay", "operator():552: getpwuid({uid}) failed 0");
        User::fallback()
    });
    environment.set("HOME", &user.home);
    environment.set("USER", &user.name);
    environment.set("LOGNAME", &user.name);
    environment.set("SHELL", &user.shell);
    user
}

fn first_run(line: &str, environment: &mut environment::Environment) -> io::Result<bool> {
    let Some(child) = fork()? else {
        passwd_entry(0, environment);
        let arguments = [c"sh".to_owned(), c"-c".to_owned(), c_string(line.as_bytes())];
        let error = execve(c"/bin/sh", &arguments, &environment.strings());
        wsl_error!("OOBE", "execle() failed, {error}");
        std::process::exit(1);
    };
    let status = protocol::retry(|| rustix::process::waitpid(Some(child), WaitOptions::empty()))?;
    let success = status.is_some_and(|(_, status)| status.exit_status() == Some(0));
    if !success {
        eprintln!("OOBE command \"{line}\" failed, exiting");
    }
    Ok(success)
}

fn request_session(mut init: &UnixStream, user: &User) -> bool {
    let mut good = [0];
    protocol::send(init, &(user.uid, &user.name), &[]).is_ok()
        && init.read_exact(&mut good).is_ok()
        && good == [1]
}

fn become_user(user: &User) -> io::Result<()> {
    let groups: Vec<_> = user.groups().into_iter().map(Gid::from_raw).collect();
    rustix::thread::set_thread_groups(&groups)?;
    let (gid, uid) = (Gid::from_raw(user.gid), Uid::from_raw(user.uid));
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Which file is executed, and with what arguments (W§6.2).
fn program(process: &CreateProcess, user: &User) -> (Vec<u8>, Vec<CString>) {
    if let [file, ..] = &process.exec[..] {
        return (file.clone(), process.exec.iter().map(|argument| c_string(argument)).collect());
    }
    let shell = if user.shell.is_empty() { "/bin/sh" } else { user.shell.as_str() };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    let first = if process.login { format!("-{name}") } else { shell.to_owned() };
    let mut arguments = vec![c_string(first.as_bytes())];
    if let Some(line) = &process.line {
        arguments.extend([c"-c".to_owned(), c_string(line)]);
    }
    (shell.into(), arguments)
}
