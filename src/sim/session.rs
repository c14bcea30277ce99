//! One launched process: the relay that owns it, and the way from the relay's child to the program (W§6).

use std::ffi::{CStr, CString};
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Gid, Mode, Uid};
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use crate::sim::applets::to_linux;
use crate::sim::environment;
use crate::sim::protocol::{self, Launch, Reply};
use crate::sim::users::User;
use crate::sim::windows::{Configured, resolv_conf};
use crate::sys::simulator::{execve, fork};
use crate::sys::{default_sigchld, reset_signals};
use crate::wsl::distribution::Distribution;
use crate::wsl::settings::Settings;

/// wsl.exe takes this exit code for "no such user".
pub const NO_USER: i32 = 67;

/// All that a launch needs.
pub struct Session<'a> {
    /// The client's connection.
    pub client: BorrowedFd<'a>,
    /// What it asks for.
    pub launch: Launch,
    /// Its streams that are no terminals.
    pub streams: Vec<OwnedFd>,
    /// wsl.conf.
    pub settings: &'a Settings,
    /// The distribution as it was configured.
    pub configured: &'a Configured,
    /// The Windows PATH, translated.
    pub windows_path: &'a str,
    /// Where login sessions are asked for.
    pub init: UnixStream,
}

/// Makes the calling session leader's controlling terminal of a slave side.
///
/// # Errors
///
/// The system's.
pub fn take_terminal(slave: impl AsFd) -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(rustix::process::ioctl_tiocsctty(slave)?)
}

/// Puts descriptors at 0, 1 and 2.
///
/// # Errors
///
/// The system's.
pub fn standard_streams(
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    error: BorrowedFd<'_>,
) -> io::Result<()> {
    rustix::stdio::dup2_stdin(input)?;
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(error)?;
    Ok(())
}

/// A C string; cut at a NUL byte, as C would.
#[must_use]
pub fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

/// `NAME=value` strings.
pub fn strings<N: AsRef<[u8]>, V: AsRef<[u8]>>(variables: &[(N, V)]) -> Vec<CString> {
    variables.iter().map(|(name, value)| c_string(&[name.as_ref(), b"=", value.as_ref()].concat())).collect()
}

/// Runs as the relay.
pub fn relay(session: Session<'_>) -> ! {
    default_sigchld();
    let code = match run(session) {
        Ok(()) => 0,
        Err(error) => {
            wsl_error!("Relay", "{error}");
            1
        }
    };
    std::process::exit(code);
}

fn run(session: Session<'_>) -> io::Result<()> {
    rustix::process::umask(Mode::from_raw_mode(session.settings.filesystem_umask.unsigned_abs()));
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    resolv_conf(session.settings);
    let client = session.client;
    let Ok(uid) = resolve(&session) else {
        return protocol::send(client, &Reply::Exit(NO_USER), &[]);
    };
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::unlockpt(&master)?;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
    let (rows, columns) = session.launch.size;
    rustix::termios::tcsetwinsize(
        &slave,
        Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 },
    )?;
    let terminal = session.launch.terminal.contains(&true);
    if terminal {
        protocol::send(client, &Reply::Terminal, &[master.as_fd()])?;
    }
    let interop =
        session.settings.interop_enabled.then(|| format!("/run/WSL/{}_interop", std::process::id()));
    if let Some(path) = &interop {
        drop(UnixListener::bind(path)?);
        fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    }
    let Some(child) = fork()? else {
        drop(master);
        become_program(session, uid, &slave, interop.as_deref());
    };
    let client = client.try_clone_to_owned()?;
    drop((slave, session));
    let code = wait(child, &client, &master, terminal)?;
    if let Some(path) = interop {
        let _ = fs::remove_file(path);
    }
    match code {
        Some(code) => protocol::send(&client, &Reply::Exit(code), &[]),
        None => Ok(()),
    }
}

/// Waits for the child: its exit code. `None` if the client is gone, whose terminal hangs up with the relay.
fn wait(child: Pid, client: &OwnedFd, master: &OwnedFd, terminal: bool) -> io::Result<Option<i32>> {
    let pidfd = rustix::process::pidfd_open(child, PidfdFlags::empty())?;
    let mut drain = !terminal;
    loop {
        let mut events = vec![PollFd::new(&pidfd, PollFlags::IN), PollFd::new(client, PollFlags::RDHUP)];
        if drain {
            events.push(PollFd::new(master, PollFlags::IN));
        }
        protocol::retry(|| poll(&mut events, None))?;
        if !events[0].revents().is_empty() {
            let status = protocol::retry(|| rustix::process::waitpid(Some(child), WaitOptions::empty()))?;
            return Ok(status.map(|(_, status)| exit_code(status)));
        }
        if !events[1].revents().is_empty() {
            return Ok(None);
        }
        // Nobody sees this terminal, but a process that writes to it must not get stuck.
        if drain && !events[2].revents().is_empty() {
            let count = rustix::io::read(master, &mut [0; 4096]).unwrap_or(0);
            drain = count > 0;
        }
    }
}

/// WSL's exit code: the raw status where a signal ended the process.
fn exit_code(status: WaitStatus) -> i32 {
    status.exit_status().unwrap_or_else(|| status.as_raw())
}

/// There is no user of that name.
struct NoUser;

/// Whose process it is, before the first-run command (W§7).
fn resolve(session: &Session<'_>) -> Result<u32, NoUser> {
    if let Some(name) = &session.launch.user {
        return User::named(name).map(|user| user.uid).ok_or(NoUser);
    }
    let configured = session.settings.user_default.as_deref().and_then(User::named);
    let user = configured.or_else(|| User::with_uid(session.launch.default_uid));
    Ok(user.map_or(0, |user| user.uid))
}

/// From the relay's child to the program. Messages go to the user's standard error.
fn become_program(session: Session<'_>, uid: u32, slave: &OwnedFd, interop: Option<&str>) -> ! {
    let code = match prepare(session, uid, slave, interop) {
        Ok(code) => code,
        Err(error) => {
            wsl_error!("Relay", "CreateProcessCommon: {error}");
            1
        }
    };
    std::process::exit(code);
}

fn prepare(session: Session<'_>, uid: u32, slave: &OwnedFd, interop: Option<&str>) -> io::Result<i32> {
    let Session { client, launch, streams, settings, configured, windows_path, init } = session;
    take_terminal(slave)?;
    {
        let mut streams = streams.iter();
        let mut pick = |terminal: bool| if terminal { Some(slave) } else { streams.next() };
        let [Some(input), Some(output), Some(error)] = launch.terminal.map(&mut pick) else {
            return Err(io::Error::other("a stream is missing"));
        };
        standard_streams(input.as_fd(), output.as_fd(), error.as_fd())?;
    }
    drop(streams);
    let mut launch = launch;
    if let Some(translated) = translate(&launch.directory, settings, configured.drives) {
        launch.directory = translated;
    } else {
        if settings.automount_enabled {
            eprintln!("wsl: Failed to translate '{}'", launch.directory);
        }
        launch.directory.clear();
    }
    for warning in &configured.warnings {
        eprintln!("wsl: {warning}");
    }
    reset_signals();
    let mut environment = environment::assemble(settings, configured, &launch, windows_path, interop);
    // passwd is read again after the first-run command, which may have made the user.
    let mut user = entry(uid, &mut environment);
    if launch.oobe {
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
        user = entry(uid, &mut environment);
    }
    if settings.boot_systemd {
        if !ask_for_session(&init, &user) {
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
    let directory = directory(&launch.directory, &user);
    if let Err(error) = rustix::process::chdir(directory.as_str()) {
        wsl_error!("Relay", "CreateProcessCommon:811: chdir({directory}) failed {}", error.raw_os_error());
    }
    let (file, arguments) = program(&launch, &user);
    let error = search(&file, &arguments, &environment.strings());
    let file = String::from_utf8_lossy(&file).into_owned();
    wsl_error!("Relay", "CreateProcessCommon:819: execvpe({file}) failed: {}", describe(&error));
    Ok(1)
}

/// A Windows directory's place; a Linux one stays as it is.
fn translate(directory: &str, settings: &Settings, drives: bool) -> Option<String> {
    if directory.is_empty() || directory.starts_with(['/', '~']) {
        return Some(directory.into());
    }
    to_linux(directory, &settings.automount_root).filter(|_| drives)
}

/// The working directory: none given means the home directory.
fn directory(given: &str, user: &User) -> String {
    match given.strip_prefix('~') {
        Some(rest) => format!("{}{rest}", user.home),
        None if given.is_empty() => user.home.clone(),
        None => given.into(),
    }
}

/// The C library's text, without the number that Rust adds.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The user's line in passwd, or what WSL puts in its place; its variables go into the environment.
fn entry(uid: u32, environment: &mut environment::Environment) -> User {
    let user = User::with_uid(uid).unwrap_or_else(|| {
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
        entry(0, environment);
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

fn ask_for_session(mut init: &UnixStream, user: &User) -> bool {
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
fn program(launch: &Launch, user: &User) -> (Vec<u8>, Vec<CString>) {
    if let [file, ..] = &launch.exec[..] {
        return (file.clone(), launch.exec.iter().map(|argument| c_string(argument)).collect());
    }
    let shell = if user.shell.is_empty() { "/bin/sh" } else { user.shell.as_str() };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    let first = if launch.login { format!("-{name}") } else { shell.to_owned() };
    let mut arguments = vec![c_string(first.as_bytes())];
    if let Some(line) = &launch.line {
        arguments.extend([c"-c".to_owned(), c_string(line)]);
    }
    (shell.into(), arguments)
}

/// `execvpe` as musl has it, in init's environment, where there is no PATH.
fn search(file: &[u8], arguments: &[CString], environment: &[CString]) -> io::Error {
    if file.is_empty() {
        return io::Error::from_raw_os_error(libc::ENOENT);
    }
    if file.contains(&b'/') {
        return execve(&c_string(file), arguments, environment);
    }
    let mut denied = false;
    for folder in ["/usr/local/bin", "/bin", "/usr/bin"] {
        let path = c_string(&[folder.as_bytes(), b"/", file].concat());
        let error = execve(
            CStr::from_bytes_with_nul(path.as_bytes_with_nul()).unwrap_or(c""),
            arguments,
            environment,
        );
        match error.raw_os_error() {
            Some(libc::EACCES) => denied = true,
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            _ => return error,
        }
    }
    io::Error::from_raw_os_error(if denied { libc::EACCES } else { libc::ENOENT })
}
