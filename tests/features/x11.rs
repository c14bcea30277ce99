//! The sockets of WSLg are mounted at a name in `/tmp`, where anybody may have put something else.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::{directory, write};

/// Mounts in a mount namespace of its own, then runs a line of shell there.
fn mount(source: &Path, target: &Path, line: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_nixos-wsl");
    let script = format!("{program} mount-x11 {} {}; echo $?; {line}", source.display(), target.display());
    Command::new("unshare").args(["--mount", "--", "sh", "-c", &script]).output().expect("unshare")
}

#[test]
fn the_sockets_are_mounted_at_a_folder_and_at_nothing_else() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP the_sockets_are_mounted_at_a_folder_and_at_nothing_else: mounts need root");
        return;
    }
    let top = directory();
    let (source, target, elsewhere) =
        (top.path().join("wslg"), top.path().join("tmp/x11"), top.path().join("etc"));
    write(source.join("X0"), "");
    write(elsewhere.join("passwd"), "");
    std::fs::create_dir(top.path().join("tmp")).expect("a folder");
    let look =
        format!("ls {}; touch {}/new 2>/dev/null || echo read-only", target.display(), target.display());
    for made in ["by the program", "before"] {
        let output = mount(&source, &target, &look);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0\nX0\nread-only\n", "{made}: {output:?}");
    }
    std::fs::remove_dir(&target).expect("an empty folder");
    symlink(&elsewhere, &target).expect("a link");
    let output = mount(&source, &target, &format!("ls {}", elsewhere.display()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\npasswd\n", "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("tmp/x11: Not a directory"), "{output:?}");
}
