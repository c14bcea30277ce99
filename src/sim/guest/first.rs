//! PID 1 of a distribution, until it becomes the distribution's own init (W§4.2, W§5.1).

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Access, OFlags};
use rustix::mount::{MountFlags, mount_bind, mount_remount};
use rustix::process::PidfdFlags;
use rustix::system::RebootCommand;

use crate::sim::guest::cgroup::Cgroups;
use crate::sim::guest::init::Init;
use crate::sim::guest::kernel::SharedMounts;
use crate::sim::guest::overlay;
use crate::sim::guest::report::StartReport;
use crate::sim::guest::store::Snapshot;
use crate::sim::guest::systemd::Systemd;
use crate::sim::guest::world::{self, Entered};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::protocol;
use crate::sim::wire::start::FirstProcess;
use crate::sim::wire::version::WslVersion;
use crate::sys::reset_signals;
use crate::sys::simulator::{execve, fork, ignore_signals};
use crate::system::error::{Context, Failure};
use crate::wsl::settings::{CgroupVersion, WslSettings};

/// Runs as PID 1; returns only if the distribution cannot be started.
#[must_use]
pub fn run(first: FirstProcess<'_>) -> Error {
    match boot(first) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn boot(first: FirstProcess<'_>) -> Result<Infallible> {
    let FirstProcess { start, outside, vm, vm_init, nsdelegate, kmsg, listener } = first;
    let mut report = StartReport::open(&start.folder)?;
    world::bind_to_supervisor(vm, &kmsg)?;
    let store = Snapshot::take(&start.root, start.store);
    let cgroups = Cgroups::make(vm, outside.boot_systemd)?;
    let shared = SharedMounts::open(vm, vm_init)?;
    let Entered { writable, missing } = world::enter(start, vm, vm_init, &cgroups, &shared, &kmsg)?;
    let own_kernel = shared.sys.is_some();
    let unguarded = shared.unguarded.clone();
    let shared = shared.into_wsl();
    drop(kmsg);
    standard_streams().doing_at("open", "/dev/kmsg")?;
    // What the caller of wsl-sim ignores is his business.
    reset_signals();
    ignore_signals();
    let (mut settings, diagnostics) = WslSettings::parse(&fs::read("/etc/wsl.conf").unwrap_or_default());
    if (settings.boot_systemd, settings.general_gui_applications)
        != (outside.boot_systemd, outside.general_gui_applications)
    {
        report.add("wsl.conf reads differently from outside the distribution (is it an absolute link?): WSL makes no cgroups for systemd and misses guiApplications");
    }
    if diagnostics.iter().any(|diagnostic| diagnostic.problem.ends_file()) {
        report.add("a malformed line ended wsl.conf: WSL has not read what follows it");
    }
    if settings.boot_systemd && rustix::fs::access("/sbin/init", Access::EXEC_OK).is_err() {
        wsl_error!("init", "access(/sbin/init) failed 2 - boot.systemd disabled");
        report.add("systemd is off: /sbin/init leads to no program");
        settings.boot_systemd = false;
    }
    if settings.automount_cgroups == CgroupVersion::V1 {
        report.add(
            "automount.cgroups = v1 has no effect: as on a kernel with cgroup_no_v1=all, cgroup2 is mounted",
        );
    }
    if !nsdelegate {
        wsl_error!("wsl-sim", "no nsdelegate: this machine's cgroup2 is mounted without it");
    }
    if !own_kernel {
        wsl_error!(
            "wsl-sim",
            "no FUSE: /sys shows nothing, and /proc/sys is this machine's own and read-only"
        );
    }
    if let Some(reason) = unguarded {
        wsl_error!("wsl-sim", "no BPF, so that another /proc has this machine's settings: {reason}");
    }
    for path in missing {
        wsl_error!("wsl-sim", "no {path}: this machine lets nobody make a device, and has none to show");
    }
    if start.safe_mode {
        safe_mode(&mut settings);
    }
    fs::create_dir_all(&settings.automount_root).doing_at("make", &settings.automount_root)?;
    let read_only = (!writable).then(|| overlay::WARNING.to_owned());
    let shown = read_only.into_iter().chain(diagnostics.iter().map(ToString::to_string)).collect();
    if !settings.boot_systemd {
        Init::new(start, settings, cgroups, store, report, shown, Systemd::off(start.time_factor))
            .serve(&listener, shared);
    }
    let (trigger, triggered) = UnixStream::pair().doing("make a socket pair")?;
    if fork().doing("fork WSL's init")?.is_none() {
        drop(triggered);
        watch_parent()?;
        let systemd = Systemd::new(trigger, settings.boot_init_timeout, start.time_factor);
        Init::new(start, settings, cgroups, store, report, shown, systemd).serve(&listener, shared);
    }
    drop((trigger, listener, shared));
    become_systemd(triggered, &settings, &cgroups, vm.version)
}

/// PID 1's part: waits for the first session and becomes the distribution's init.
fn become_systemd(
    mut triggered: UnixStream,
    settings: &WslSettings,
    cgroups: &Cgroups,
    version: WslVersion,
) -> Result<Infallible> {
    let mut byte = [0];
    if triggered.read(&mut byte).doing("wait for the first session")? == 0 {
        return Err(Error::Missing("WSL's init died before the first session".into()));
    }
    if settings.boot_protect_binfmt
        && version.locks_binfmt()
        && let Err(error) = lock_binfmt_status()
    {
        wsl_error!("init", "LockBinfmtStatusReadOnly: {error}");
    }
    if let Err(error) = generators(settings.general_gui_applications != Some(false) && gui(settings)) {
        wsl_error!("init", "CreateWslSystemdUnits: {error}");
    }
    cgroups.join_systemd();
    let version = format!("container_host_version_id={version}");
    let environment = ["container=wsl", "container_host_id=windows", &version]
        .map(|variable| CString::new(variable).unwrap_or_default());
    let error = execve(c"/sbin/init", &[c"/sbin/init".to_owned()], &environment);
    wsl_error!("init", "execvpe(/sbin/init) failed {error}");
    Err(Failure::new("execute", "/sbin/init", error).into())
}

/// The GUI support is on only if its mount is there.
fn gui(settings: &WslSettings) -> bool {
    Path::new(&format!("{}wslg/runtime-dir", settings.automount_root)).exists()
}

fn standard_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // No controlling terminal out of the stand-in for the log.
    let log = rustix::fs::open(
        "/dev/kmsg",
        OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&log)?;
    Ok(())
}

fn safe_mode(settings: &mut WslSettings) {
    for switch in [
        &mut settings.automount_enabled,
        &mut settings.automount_ldconfig,
        &mut settings.automount_mount_fstab,
        &mut settings.boot_systemd,
        &mut settings.network_generate_hosts,
        &mut settings.network_generate_resolv_conf,
        &mut settings.file_server_enabled,
        &mut settings.gpu_append_lib_path,
        &mut settings.gpu_enabled,
        &mut settings.interop_append_windows_path,
        &mut settings.interop_enabled,
        &mut settings.time_use_windows_timezone,
    ] {
        *switch = false;
    }
    settings.boot_command = None;
}

fn lock_binfmt_status() -> Result<(), Failure> {
    let (lock, status) = ("/run/wsl/binfmt-status-lock", "/proc/sys/fs/binfmt_misc/status");
    fs::create_dir_all("/run/wsl").doing_at("make", "/run/wsl")?;
    fs::write(lock, "enabled\n").doing_at("write", lock)?;
    mount_bind(lock, status).doing_at("bind", status)?;
    mount_remount(status, MountFlags::BIND | MountFlags::RDONLY, "").doing_at("protect", status)
}

fn generators(gui: bool) -> Result<(), Failure> {
    let mut all = vec![("/run/systemd/system-generators", "wsl-generator")];
    if gui {
        all.push(("/run/systemd/user-generators", "wsl-user-generator"));
    }
    for (folder, name) in all {
        fs::create_dir_all(folder).doing_at("make", folder)?;
        symlink("/init", format!("{folder}/{name}")).doing_at("link", name)?;
    }
    Ok(())
}

/// A process that ends the distribution when WSL's init dies.
fn watch_parent() -> Result<(), Failure> {
    let parent = rustix::process::getpid();
    let pidfd = rustix::process::pidfd_open(parent, PidfdFlags::empty()).doing("watch WSL's init")?;
    if fork().doing("fork the watcher")?.is_none() {
        let _ = protocol::retry(|| poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None));
        let _ = rustix::system::reboot(RebootCommand::PowerOff);
        std::process::exit(1);
    }
    Ok(())
}
