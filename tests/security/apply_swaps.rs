//! An activation while an ordinary user swaps whatever they can for links to a file of root's: the names that a replacement
//! uses on the way, the replaced file itself. In a folder of the user's own, which no plan of ours names, because in root's
//! folders nobody else has a say.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nixos_wsl::apply::apply;
use nixos_wsl::system::root::Root;

const PLAN: &str = r#"{"version":1,
    "files":[{"path":"/home/alice/file","source":"/nix/store/text","mode":"4755"}],
    "links":[{"path":"/home/alice/link","target":"/nix/store/text"}],
    "trees":[{"path":"/home/alice/tree","entries":[{"name":"file","source":"/nix/store/text","mode":"4755"}]}]}"#;

/// Symbolic and hard links to the victim under every temporary name, and everything renamed in a circle.
const SWAPS: &str = r"
trap 'exit 0' TERM
touch started
while :; do
  for name in file link tree; do
    for kind in f l d; do
      for slot in 0 1 2 3; do
        temporary=.$name.nixos-wsl-$kind$slot
        ln -sf ../../etc/victim $temporary
        ln -f ../../etc/victim $temporary
        mv -T $temporary $name
        ln -s ../../etc $temporary
        mv -T tree $temporary
        rm -rf $temporary
      done
    done
  done
done 2>/dev/null";

#[test]
fn links_that_a_user_swaps_in_lead_nowhere() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP links_that_a_user_swaps_in_lead_nowhere: not root");
        return;
    }
    let root = tempfile::tempdir().expect("a root");
    let path = |path: &str| root.path().join(path);
    fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
    for folder in ["nix/store", "etc", "home/alice"] {
        fs::create_dir_all(path(folder)).expect("a folder");
    }
    for (file, text) in [("nix/store/text", "of the system"), ("etc/victim", "of root"), ("root.json", PLAN)]
    {
        fs::write(path(file), text).expect("a file");
    }
    fs::set_permissions(path("etc/victim"), PermissionsExt::from_mode(0o600)).expect("its mode");
    chown(path("home/alice"), Some(1000), Some(100)).expect("the user's folder");
    let mut user = Command::new("bash")
        .args(["--norc", "-c", SWAPS])
        .current_dir(path("home/alice"))
        .uid(1000)
        .gid(100)
        .stdin(Stdio::null())
        .spawn()
        .expect("the user");
    while !path("home/alice/started").exists() {
        assert!(user.try_wait().expect("the user").is_none(), "the attack ended before it began");
        std::thread::yield_now();
    }
    let mut done = 0;
    for _ in 0..300 {
        // The user may spoil what is theirs, but no more than that.
        done += u32::from(apply(&Root::new(root.path()), Path::new("/root.json")).is_ok());
        let victim = path("etc/victim").symlink_metadata().expect("the victim");
        assert_eq!((victim.mode(), victim.uid(), victim.len()), (0o100_600, 0, 7));
        assert_eq!(fs::read_to_string(path("etc/victim")).expect("the victim"), "of root");
        assert_eq!(fs::read_dir(path("etc")).expect("the folder").count(), 1);
    }
    println!("{done} of 300 activations came to their end beside the attack");
    user.kill().expect("the end of the attack");
    user.wait().expect("the end of the attack");
    // Alone again, what is there is right, whatever was left in its place.
    let _ = fs::remove_dir_all(path("home/alice/tree"));
    symlink("../../etc", path("home/alice/tree")).expect("a link");
    apply(&Root::new(root.path()), Path::new("/root.json")).expect("an activation");
    for file in ["home/alice/file", "home/alice/tree/file"] {
        assert_eq!(fs::read_to_string(path(file)).expect("a file"), "of the system");
    }
    assert!(!path("home/alice/tree").is_symlink());
    assert_eq!(fs::read_dir(path("etc")).expect("the folder").count(), 1);
}
