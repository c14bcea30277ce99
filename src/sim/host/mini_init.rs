//! The first process of a virtual machine: it makes what all distributions share, and waits for the end of them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::thread::UnshareFlags;

use crate::sim::host::kernel::files::KernelFileSystem;
use crate::sim::host::kernel::show::show;
use crate::sim::host::registry::replace;
use crate::sim::host::{cgroup, vm};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::Identity;
use crate::sim::wire::version::WslVersion;
use crate::sim::wire::vm::{OF_NAMESPACES, Vm};
use crate::sim::wire::wslconfig::WslConfig;
use crate::sys::settings::keep_settings;
use crate::sys::simulator::{loopback_up, unshare};
use crate::system::error::{Context, Failure};

/// Runs as the first process of the virtual machine of a registry, until the last distribution has ended. Standard input
/// is the machine's lock, which goes back once the machine is whole; standard output goes to whoever waits for that.
///
/// # Errors
///
/// It cannot be started, or something of it not be removed.
pub fn run(home: &Path, version: &str) -> Result<()> {
    let version = WslVersion::parse(version)
        .ok_or_else(|| Error::Missing(format!("{version:?} is no version of WSL")))?;
    rustix::process::setsid().doing("start a session")?;
    let way_back = way_back()?;
    let own = Identity::own();
    let cgroup = cgroup::hierarchy()?.join(format!("wsl-sim-{}-{}", own.pid, own.start));
    let config = WslConfig::read(home)?;
    let uuid = "/proc/sys/kernel/random/uuid";
    let vm = Vm {
        init: own,
        cgroup,
        shared: vm::shared(home),
        version,
        id: fs::read_to_string(uuid).doing_at("read", uuid)?.trim_end().into(),
        idle_timeout: config.vm_idle_timeout,
        networking_mode: config.networking_mode,
    };
    let json = serde_json::to_vec(&vm).map_err(io::Error::from).doing("encode the record")?;
    replace(&home.join(Vm::RECORD), &json)?;
    if let Err(error) = make(&vm) {
        let _ = (&way_back).write_all(b"0");
        let _ = unmount(&vm.shared, UnmountFlags::DETACH);
        let _ = vm::end(home, cgroup::KILL_LIMIT);
        return Err(error);
    }
    let null = File::open("/dev/null").doing_at("open", "/dev/null")?;
    rustix::stdio::dup2_stdin(&null).doing("release the lock")?;
    // Whoever started it may have been killed: then nobody runs a distribution, and it ends below.
    let _ = writeln!(io::stdout(), "{}", vm::READY);
    rustix::stdio::dup2_stdout(&null).doing("close the pipe")?;
    let _users = vm::wait_until_idle(home, vm.idle_timeout)?;
    let _lock = vm::lock(home)?;
    // Nobody can leave the group that is removed but by this.
    (&way_back).write_all(b"0").doing("leave the virtual machine's cgroup")?;
    // What is mounted on the folder here keeps nobody else from deleting it.
    let _ = unmount(&vm.shared, UnmountFlags::DETACH);
    Ok(vm::end(home, cgroup::KILL_LIMIT)?)
}

/// The file that moves its writer to the group in which this process was started.
fn way_back() -> Result<File> {
    let text = fs::read_to_string("/proc/self/cgroup").doing_at("read", "/proc/self/cgroup")?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let path = cgroup::hierarchy()?.join(path.trim_start_matches('/')).join("cgroup.procs");
    let file = File::options().write(true).open(&path);
    file.map_err(|error| Error::privilege(&format!("open {}", path.display()), &error))
}

fn make(vm: &Vm) -> Result<()> {
    let top = vm.top();
    fs::create_dir_all(&top)
        .map_err(|error| Error::privilege(&format!("make {}", vm.cgroup.display()), &error))?;
    let procs = top.join("cgroup.procs");
    fs::write(&procs, "0").doing_at("write", &procs)?;
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWCGROUP)
        .map_err(|error| Error::privilege("make namespaces", &error))?;
    loopback_up().doing("switch on the loopback interface")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .doing_at("make private", "/")?;
    mount_empty(&vm.shared)?;
    if let Err(error) = guard(vm) {
        fs::write(vm.unguarded(), error.to_string()).doing_at("write", vm.unguarded())?;
    }
    let places = [vm.wsl(), vm.sys(), vm.proc_sys()];
    for place in &places {
        fs::create_dir(place).doing_at("make", place)?;
    }
    // What is mounted below it in one distribution is there in all of them (W§4.4, step 3).
    mount_empty(&places[0])?;
    mount_change(&places[0], MountPropagationFlags::SHARED).doing_at("share", &places[0])?;
    for (shown, place) in [(KernelFileSystem::Sys, &places[1]), (KernelFileSystem::ProcSys, &places[2])] {
        if !show(shown, place).doing_at("show the kernel's settings at", place)? {
            // What a distribution has without FUSE is made with its other mounts.
            fs::remove_dir(place).doing_at("delete", place)?;
        }
    }
    Ok(())
}

/// Whichever `/proc` is mounted inside, of this machine's settings those of namespaces of its own alone can be changed.
fn guard(vm: &Vm) -> Result<(), Failure> {
    let own: Vec<_> = OF_NAMESPACES.into_iter().chain(["net/"]).map(str::as_bytes).collect();
    let group = File::open(&vm.cgroup).doing_at("open", &vm.cgroup)?;
    keep_settings(&group, &own).doing("keep the kernel's settings")
}

fn mount_empty(path: &Path) -> Result<(), Failure> {
    mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755")
        .doing_at("mount tmpfs on", path)
}
