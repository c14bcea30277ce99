//! The system distribution (`wsl --system`): a root of its own, in which the user's lies at `/mnt/wslg/distro`, read-only.
//!
//! WSL's has the programs of Azure Linux. The simulator's has a shell alone, which runs programs by their path.

use std::fs;
use std::io;

use rustix::fs::CWD;
use rustix::mount::{MountFlags, OpenTreeFlags, mount_bind_recursive, mount_move, mount_remount, open_tree};

use crate::sim::guest::mounts::{attach, bind, mount_tree, place};
use crate::system::error::{Context, Failure};
use crate::system::mounts;

/// Where the new root is until it is the root: on the distribution's own `/run`, which the session does not see again.
const ROOT: &str = "/run";
/// Where WSL shows the user's distribution.
const DISTRIBUTION: &str = "/mnt/wslg/distro";
/// Who a session is without `--user`.
pub const DEFAULT_UID: u32 = 1000;
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nwslg:x:1000:1000::/home/wslg:/bin/bash\n";
const GROUP: &str = "root:x:0:\nwslg:x:1000:\n";

/// Brings the calling process there, with a mount namespace of its own; the distribution notices nothing.
///
/// # Errors
///
/// The system's.
pub fn enter() -> Result<(), Failure> {
    mounts::own()?;
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let distribution = open_tree(CWD, "/", flags).doing_at("take along", "/")?;
    let init = open_tree(CWD, "/init", OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC);
    let init = init.doing_at("take along", "/init")?;
    attach("tmpfs", ROOT, MountFlags::NOSUID, "mode=0755")?;
    for directory in ["bin", "etc", "home/wslg", "root", "tmp"] {
        let path = format!("{ROOT}/{directory}");
        fs::create_dir_all(&path).doing_at("make", &path)?;
    }
    for (name, text) in [("passwd", PASSWD), ("group", GROUP)] {
        let path = format!("{ROOT}/etc/{name}");
        fs::write(&path, text).doing_at("write", &path)?;
    }
    for name in ["sh", "bash"] {
        let path = format!("{ROOT}/bin/{name}");
        fs::write(&path, "").doing_at("make", &path)?;
    }
    mount_tree(&init, &format!("{ROOT}/bin/sh")).doing_at("mount", "/bin/sh")?;
    bind(&format!("{ROOT}/bin/sh"), &format!("{ROOT}/bin/bash"), false)?;
    for name in ["dev", "proc", "sys"] {
        let path = format!("{ROOT}/{name}");
        fs::create_dir(&path).doing_at("make", &path)?;
        mount_bind_recursive(format!("/{name}"), &path).doing_at("bind", &path)?;
    }
    let path = format!("{ROOT}{DISTRIBUTION}");
    place(&distribution, &path)?;
    mount_remount(&path, MountFlags::BIND | MountFlags::RDONLY, "").doing_at("protect", &path)?;
    change_root().doing_at("enter", ROOT)
}

/// As `switch_root(8)`.
fn change_root() -> io::Result<()> {
    rustix::process::chdir(ROOT)?;
    mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    Ok(rustix::process::chdir("/")?)
}
