//! `wsl.startMenuLaunchers`: what root copies for everyone to read comes from the store or from the user's own files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

#[cfg(feature = "sim")]
use crate::support::sim::Sim;
use crate::{directory, names, write};

/// An ordinary user of any Linux system, who owns nothing.
const NOBODY: (&str, u32) = ("nobody", 65534);

fn update(user: &str, sources: &[PathBuf], target: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl"));
    command.args(["start-menu", "--user", user]).args(sources).arg(target);
    command.output().expect("nixos-wsl")
}

/// What the program prints; it must succeed.
fn updated(user: &str, sources: &[PathBuf], target: &Path) -> String {
    let output = update(user, sources, target);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The name of who runs the tests.
fn own_name() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8(output.stdout).expect("a name").trim().to_owned()
}

#[test]
fn the_start_menu_has_entries_and_the_icons_they_name() {
    let top = directory();
    let (user, system, target) =
        (top.path().join("user"), top.path().join("system"), top.path().join("usr/share"));
    write(user.join("applications/editor.desktop"), "[Desktop Entry]\nName=Mine\nIcon=editor\n");
    write(system.join("applications/editor.desktop"), "[Desktop Entry]\nName=Theirs\n");
    write(system.join("applications/kde/viewer.desktop"), "[Desktop Entry]\nIcon=viewer.png\n");
    write(system.join("applications/mimeinfo.cache"), "");
    write(system.join("icons/hicolor/48x48/apps/editor.png"), "png");
    write(system.join("icons/hicolor/scalable/apps/viewer.svg"), "svg");
    write(system.join("icons/hicolor/48x48/apps/unused.png"), "png");
    symlink("/nowhere", system.join("applications/dangling.desktop")).expect("a link");
    symlink(".", system.join("icons/hicolor/loop")).expect("a link");
    symlink(system.join("icons/hicolor/48x48/apps/editor.png"), system.join("icons/editor.png"))
        .expect("a link");
    write(target.join("applications/removed.desktop"), "of a program that is gone");
    write(target.join("doc/kept"), "");

    let text = updated(&own_name(), &[user, system, top.path().join("missing")], &target);
    assert!(text.contains(": 2 entries, "), "{text}");
    assert_eq!(names(target.join("applications")), ["editor.desktop", "kde"]);
    assert!(fs::read_to_string(target.join("applications/editor.desktop")).expect("text").contains("Mine"));
    assert_eq!(names(target.join("icons/hicolor/48x48/apps")), ["editor.png"]);
    assert_eq!(names(target.join("icons/hicolor/scalable/apps")), ["viewer.svg"]);
    assert!(!target.join("icons/editor.png").is_symlink(), "a link is followed, not copied");
    assert_eq!(names(&target), ["applications", "doc", "icons"]);
}

#[test]
fn without_entries_the_start_menu_is_empty() {
    let top = directory();
    write(top.path().join("applications/removed.desktop"), "");
    write(top.path().join("icons/removed.png"), "");
    let text = updated(&own_name(), &[top.path().join("missing")], top.path());
    assert!(text.contains(": 0 entries, 0 icons"), "{text}");
    assert_eq!(names(top.path()), Vec::<String>::new());
}

#[test]
fn a_user_that_is_not_there_is_named() {
    let top = directory();
    let output = update("not-here", &[top.path().to_owned()], top.path());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("/etc/passwd: no user with name not-here"), "{text}");
}

/// A profile of an ordinary user's, beside files that are not that user's, and a target of root's.
struct Profile {
    top: TempDir,
    share: PathBuf,
    target: PathBuf,
}

impl Profile {
    /// Nothing, and the reason printed, where the tests do not run as root.
    fn new(test: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("SKIP {test}: a file of root's needs root");
            return None;
        }
        let top = directory();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let share = top.path().join("share");
        write(share.join("applications/own.desktop"), "[Desktop Entry]\nName=Own\nIcon=own\n");
        write(share.join("icons/own.png"), "png");
        let profile = Self { target: top.path().join("usr/share"), share, top };
        profile.give_away();
        Some(profile)
    }

    /// Everything in the profile becomes the user's.
    fn give_away(&self) {
        let mut stack = vec![self.share.clone()];
        while let Some(path) = stack.pop() {
            std::os::unix::fs::lchown(&path, Some(NOBODY.1), Some(NOBODY.1)).expect("an owner");
            if path.is_dir() && !path.is_symlink() {
                stack.extend(
                    fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()),
                );
            }
        }
    }

    fn file_of_root(&self, name: &str, mode: u32) -> PathBuf {
        let file = self.top.path().join(name);
        write(&file, "[Desktop Entry]\nName=Secret\n");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        file
    }

    fn link(&self, target: &Path, name: &str) {
        symlink(target, self.share.join(name)).expect("a link");
    }

    fn updated(&self) -> String {
        updated(NOBODY.0, std::slice::from_ref(&self.share), &self.target)
    }
}

#[test]
fn what_is_not_the_users_is_not_published() {
    let Some(profile) = Profile::new("what_is_not_the_users_is_not_published") else { return };
    let secret = profile.file_of_root("secret", 0o600);
    profile.link(&secret, "applications/secret.desktop");
    profile.link(&profile.file_of_root("readable", 0o644), "applications/readable.desktop");
    // The user's groups are not the user.
    let shared = profile.file_of_root("shared", 0o640);
    chown(&shared, Some(0), Some(NOBODY.1)).expect("an owner");
    profile.link(&shared, "applications/shared.desktop");
    fs::hard_link(&secret, profile.share.join("applications/hard.desktop")).expect("a hard link");
    profile.link(&secret, "icons/own.svg");
    profile.link(profile.top.path(), "applications/up");
    profile.link(Path::new("/dev/zero"), "applications/zero.desktop");
    profile.link(Path::new("/proc/self/environ"), "applications/environ.desktop");
    profile.updated();
    let found = Command::new("grep").args(["-rl", "Secret"]).arg(&profile.target).output().expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    // Through whatever links, the user's own.
    assert_eq!(names(profile.target.join("applications")), ["own.desktop"]);
    assert_eq!(names(profile.target.join("icons")), ["own.png"]);
}

#[test]
fn nothing_of_a_users_is_waited_for_or_copied_without_end() {
    let Some(profile) = Profile::new("nothing_of_a_users_is_waited_for_or_copied_without_end") else {
        return;
    };
    let fifo = profile.share.join("applications/fifo.desktop");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let large = fs::File::create(profile.share.join("applications/large.desktop")).expect("a file");
    large.set_len(1 << 40).expect("a sparse file");
    for loops in ["a", "b", "c", "d"] {
        profile.link(Path::new("."), &format!("icons/{loops}"));
    }
    let mut deep = profile.share.join("applications");
    for _ in 0..40 {
        deep.push("d");
    }
    write(deep.join("deep.desktop"), "[Desktop Entry]\n");
    profile.give_away();
    profile.updated();
    assert_eq!(names(profile.target.join("applications")), ["own.desktop"]);
}

#[test]
fn a_link_that_is_swapped_while_it_is_copied_publishes_nothing() {
    let Some(profile) = Profile::new("a_link_that_is_swapped_while_it_is_copied_publishes_nothing") else {
        return;
    };
    let secret = profile.file_of_root("secret", 0o600);
    let own = profile.share.join("applications/own.desktop");
    let turning = profile.share.join("applications/turning.desktop");
    let folder = profile.share.join("applications");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let published = std::thread::scope(|scope| {
        scope.spawn(|| {
            let beside = folder.join("beside");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for target in [&own, &secret] {
                    symlink(target, &beside).expect("a link");
                    fs::rename(&beside, &turning).expect("swapped");
                }
            }
        });
        let published = (0..100).find_map(|_| {
            profile.updated();
            let text = fs::read_to_string(profile.target.join("applications/turning.desktop")).ok()?;
            text.contains("Secret").then_some(text)
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        published
    });
    assert_eq!(published, None);
}

#[cfg(feature = "sim")]
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_profile_of_links_to_shadow_is_not_published() {
    let Some(sim) = Sim::with_image("a_profile_of_links_to_shadow_is_not_published") else { return };
    let user = |line: &str| {
        let path = "PATH=/run/current-system/sw/bin:$PATH; ";
        sim.ok(["-d", "NixOS", "-u", "nixos", "-e", "/bin/sh", "-c", &format!("{path}{line}")])
    };
    sim.sh("NixOS", "true");
    // A store path with a desktop file, as a profile leads to.
    sim.sh(
        "NixOS",
        "mount -o remount,rw,bind /nix/store 2>/dev/null; mkdir -p /nix/store/program/share/applications && echo '[Desktop Entry]' >/nix/store/program/share/applications/program.desktop",
    );
    user(
        "mkdir -p ~/.nix-profile/share/applications; cd ~/.nix-profile/share/applications; ln -s /etc/shadow x.desktop; ln -s /nix/store/program/share/applications/program.desktop program.desktop; echo '[Desktop Entry]' >own.desktop",
    );
    sim.sh("NixOS", "nixos-wsl start-menu --user nixos /home/nixos/.nix-profile/share /run/current-system/sw/share /usr/share");
    assert_eq!(user("ls /usr/share/applications"), "own.desktop\nprogram.desktop");
    assert_eq!(user("grep -rl '^root:' /usr/share || true"), "");
}
