//! The distribution's cgroups, by the layout of each version (W§5.4).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::thread::UnshareFlags;

use crate::sim::wire::version::Layout;
use crate::sim::wire::vm::Vm;
use crate::sys::simulator::unshare;
use crate::system::error::{Context, Failure};

/// Where the distribution's processes go. Each is the open `cgroup.procs` of a group: opened outside, because what is
/// moved out of a cgroup namespace, or into it, is moved by someone outside (`nsdelegate`).
pub struct Cgroups {
    /// WSL's own init stays here.
    top: File,
    /// systemd, if it has a group.
    systemd: Option<File>,
    /// Sessions, the boot command and launched processes, if they have a group.
    sessions: Option<File>,
    /// The root of the distribution's cgroup namespace.
    namespace: Option<File>,
    layout: Layout,
}

impl Cgroups {
    /// Makes the cgroups of a distribution, with whatever controllers there are; before its namespaces. `divided`: with
    /// one for systemd and one for everything else.
    ///
    /// # Errors
    ///
    /// A directory cannot be made.
    pub fn make(vm: &Vm, divided: bool) -> Result<Self, Failure> {
        let (top, layout) = (vm.top(), vm.version.layout());
        let mut cgroups = Self { top: procs(&top)?, systemd: None, sessions: None, namespace: None, layout };
        if layout == Layout::Hybrid || layout == Layout::Shared {
            return Ok(cgroups);
        }
        // By the machine's /proc: the number that the machine knows this process by.
        let number = fs::read_link("/proc/self").doing_at("read", "/proc/self")?;
        let user = top.join("wsl-user");
        let distribution = user.join(format!("distro-{}", number.display()));
        fs::create_dir_all(&distribution).doing_at("make", &distribution)?;
        enable_controllers(&top);
        enable_controllers(&user);
        let group = |name: &str| -> Result<File, Failure> {
            let path = distribution.join(name);
            fs::create_dir_all(&path).doing_at("make", &path)?;
            procs(&path)
        };
        if layout == Layout::Namespaced {
            cgroups.namespace = Some(procs(&distribution)?);
            cgroups.systemd = Some(procs(&distribution)?);
            cgroups.sessions = Some(group("non-systemd")?);
        } else if divided {
            enable_controllers(&distribution);
            cgroups.systemd = Some(group("systemd")?);
            cgroups.sessions = Some(group("non-systemd")?);
        } else {
            cgroups.sessions = Some(procs(&distribution)?);
        }
        Ok(cgroups)
    }

    /// Makes the distribution's cgroup namespace, if it has one; this process stays outside of its root.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn divide(&self) -> io::Result<()> {
        let Some(root) = &self.namespace else { return Ok(()) };
        move_to(root)?;
        unshare(UnshareFlags::NEWCGROUP)?;
        move_to(&self.top)
    }

    /// Moves this process to systemd's place.
    pub fn join_systemd(&self) {
        join(self.systemd.as_ref(), "systemd");
    }

    /// Moves this process to the place of sessions and launched processes.
    pub fn join_sessions(&self) {
        join(self.sessions.as_ref(), "non-systemd");
    }

    /// The same for the login session that WSL's init opens. A process outside of the namespace could not be taken into a
    /// session by the systemd in it; without one, it stays where WSL's init is.
    pub fn join_login(&self) {
        if self.layout == Layout::Namespaced {
            self.join_sessions();
        }
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }
}

fn procs(group: &Path) -> Result<File, Failure> {
    let path = group.join("cgroup.procs");
    File::options().write(true).open(&path).doing_at("open", &path)
}

/// As many as there are: none where a process is in the group.
fn enable_controllers(group: &Path) {
    let available = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    for controller in available.split_whitespace() {
        let _ = fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

fn move_to(mut group: &File) -> io::Result<()> {
    group.write_all(b"0")
}

fn join(group: Option<&File>, name: &str) {
    if let Some(Err(error)) = group.map(move_to) {
        wsl_error!("init", "cgroup {name}: {error}");
    }
}
