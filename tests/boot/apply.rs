//! `nixos-wsl apply`: the files of the root, replaced by rename and never absent (U§3 F7, F35, F36).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nixos_wsl::apply::{ApplyReport, apply};
use nixos_wsl::system::root::Root;
use tempfile::TempDir;

struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let fixture = Self(TempDir::new().unwrap());
        for (name, text) in [("init-1", "one"), ("init-2", "two"), ("sh", "shell")] {
            fixture.write(&format!("nix/store/{name}"), text);
        }
        fixture
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    fn apply(&self, plan: &str) -> Result<ApplyReport, String> {
        self.write("root.json", plan);
        apply(&Root::new(self.0.path()), Path::new("/root.json")).map_err(|error| error.to_string())
    }

    /// What an activation says of files that are not the system's.
    fn foreign(&self, plan: &str) -> Vec<String> {
        self.apply(plan).unwrap().foreign.iter().map(|path| path.display().to_string()).collect()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn init(source: &str) -> String {
    format!(
        r#"{{"version":1,"files":[{{"path":"/sbin/init","source":"/nix/store/{source}","mode":"0755"}}]}}"#
    )
}

fn tree(entries: &str) -> String {
    format!(
        r#"{{"version":1,"trees":[{{"path":"/bin","keep":["wslpath","wslinfo"],"entries":[{entries}]}}]}}"#
    )
}

const SH: &str = r#"{"name":"sh","source":"/nix/store/sh","mode":"0755"}"#;
const LS: &str = r#"{"name":"ls","target":"/nix/store/coreutils/bin/ls"}"#;

#[test]
fn files_links_and_trees_are_made_and_then_left_alone() {
    let fixture = Fixture::new();
    let plan = format!(
        r#"{{"version":1,"files":[{{"path":"/sbin/init","source":"/nix/store/init-1","mode":"0755"}}],
        "links":[{{"path":"/usr/lib/nixos-wsl/shells/alice/real","target":"/nix/store/fish"}}],
        "trees":[{{"path":"/bin","keep":[],"entries":[{SH},{LS}]}}]}}"#
    );
    fixture.apply(&plan).unwrap();
    assert_eq!(fs::read_to_string(fixture.path("sbin/init")).unwrap(), "one");
    assert_eq!(fs::metadata(fixture.path("sbin/init")).unwrap().permissions().mode() & 0o7777, 0o755);
    assert_eq!(
        fs::read_link(fixture.path("usr/lib/nixos-wsl/shells/alice/real")).unwrap(),
        Path::new("/nix/store/fish")
    );
    assert_eq!(fixture.names("bin"), ["ls", "sh"]);
    let inodes = || {
        ["sbin/init", "bin", "bin/sh", "usr/lib/nixos-wsl/shells/alice/real"]
            .map(|path| fixture.path(path).symlink_metadata().unwrap().ino())
    };
    let before = inodes();
    fixture.apply(&plan).unwrap();
    assert_eq!(inodes(), before);
    fixture.apply(&init("init-2")).unwrap();
    assert_eq!(fs::read_to_string(fixture.path("sbin/init")).unwrap(), "two");
}

#[test]
fn f35_removed_entries_go_and_wsl_s_own_stay() {
    let fixture = Fixture::new();
    fixture.apply(&tree(&format!("{SH},{LS}"))).unwrap();
    symlink("/init", fixture.path("bin/wslpath")).unwrap();
    fixture.write("bin/wslinfo", "file");
    fixture.apply(&tree(SH)).unwrap();
    assert_eq!(fixture.names("bin"), ["sh", "wslinfo", "wslpath"]);
    assert_eq!(fs::read_link(fixture.path("bin/wslpath")).unwrap(), Path::new("/init"));
}

#[test]
fn whatever_was_at_the_place_is_replaced() {
    for make in [
        |fixture: &Fixture| fs::create_dir_all(fixture.path("sbin/init/x")).unwrap(),
        |fixture: &Fixture| {
            fs::create_dir_all(fixture.path("sbin")).unwrap();
            symlink("/nowhere", fixture.path("sbin/init")).unwrap();
        },
        |fixture: &Fixture| fixture.write("sbin/init", "old"),
    ] {
        let fixture = Fixture::new();
        make(&fixture);
        fixture.apply(&init("init-1")).unwrap();
        assert_eq!(fs::read_to_string(fixture.path("sbin/init")).unwrap(), "one");
        assert_eq!(fixture.names("sbin"), ["init"]);
    }
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.path("usr/bin")).unwrap();
    symlink("usr/bin", fixture.path("bin")).unwrap();
    fixture.apply(&tree(SH)).unwrap();
    assert!(!fixture.path("bin").is_symlink());
    assert_eq!(fixture.names("bin"), ["sh"]);
}

/// What the user, Docker Desktop or a later WSL put there is theirs: no activation removes it, and one line names it.
#[test]
fn names_of_others_stay_and_are_named_once() {
    let fixture = Fixture::new();
    assert_eq!(fixture.foreign(&tree(&format!("{SH},{LS}"))), [""; 0]);
    fixture.write("bin/docker", "of Docker Desktop");
    fixture.write("bin/folder/file", "of the user");
    symlink("/init", fixture.path("bin/wslinfo")).unwrap();
    symlink("/nowhere", fixture.path("bin/code")).unwrap();
    let inode = fixture.path("bin/docker").metadata().unwrap().ino();
    // A boot names all of them, whether it changes something or not; ls was ours and goes.
    let all = ["/bin/code", "/bin/docker", "/bin/folder"];
    assert_eq!(fixture.foreign(&tree(SH)), all);
    assert_eq!(fixture.foreign(&tree(SH)), all);
    assert_eq!(fixture.names("bin"), ["code", "docker", "folder", "sh", "wslinfo"]);
    assert_eq!(fixture.path("bin/docker").metadata().unwrap().ino(), inode);
    assert_eq!(fs::read_to_string(fixture.path("bin/folder/file")).unwrap(), "of the user");
    let report = fixture.apply(&tree(SH)).unwrap();
    assert_eq!(report.lines(), ["/bin: not of this system and left as it is: code, docker, folder"]);
    // A switch names what is new.
    fixture.write("run/current-system", "");
    assert_eq!(fixture.foreign(&tree(&format!("{SH},{LS}"))), [""; 0]);
    fixture.write("bin/later", "");
    assert_eq!(fixture.foreign(&tree(SH)), ["/bin/later"]);
    assert_eq!(fixture.foreign(&tree(SH)), [""; 0]);
}

/// The first activation of a root that an image, an earlier version or NixOS-WSL made: there is no record, and the plans of
/// its generations say what was ours.
#[test]
fn without_a_record_the_generations_say_what_was_ours() {
    for record in [None, Some("damaged"), Some(r#"{"version":2,"trees":{}}"#)] {
        let fixture = Fixture::new();
        fixture.write("nix/store/system-1/nixos-wsl/root.json", &tree(&format!("{SH},{LS}")));
        fixture.write("nix/store/system-2/nixos-wsl/root.json", "not a plan");
        fs::create_dir_all(fixture.path("nix/var/nix/profiles")).unwrap();
        for number in 1..=3 {
            let link = fixture.path("nix/var/nix/profiles").join(format!("system-{number}-link"));
            symlink(format!("/nix/store/system-{number}"), link).unwrap();
        }
        symlink("/nix/store/coreutils/bin/ls", fixture.path("bin-ls")).unwrap();
        for name in ["ls", "sh", "stray"] {
            fixture.write(&format!("bin/{name}"), "old");
        }
        if let Some(record) = record {
            fixture.write("var/lib/nixos-wsl/applied.json", record);
        }
        assert_eq!(fixture.foreign(&tree(SH)), ["/bin/stray"], "{record:?}");
        assert_eq!(fixture.names("bin"), ["sh", "stray"]);
    }
}

/// A tree that is the system's alone, as that of the privileged program.
#[test]
fn an_exclusive_tree_has_nothing_but_the_plan() {
    let fixture = Fixture::new();
    for name in ["a", "b/c"] {
        fixture.write(&format!("usr/lib/x/{name}"), "");
    }
    let plan = r#"{"version":1,"trees":[{"path":"/usr/lib/x","exclusive":true,"entries":[{"name":"l","target":"/t"}]}]}"#;
    assert_eq!(fixture.foreign(plan), [""; 0]);
    assert_eq!(fixture.names("usr/lib/x"), ["l"]);
}

#[test]
fn files_that_another_user_could_write_are_replaced() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP files_that_another_user_could_write_are_replaced: not root");
        return;
    }
    let fixture = Fixture::new();
    let plan = tree(SH);
    fixture.apply(&plan).unwrap();
    std::os::unix::fs::chown(fixture.path("bin/sh"), Some(1000), Some(100)).unwrap();
    std::os::unix::fs::chown(fixture.path("bin"), Some(1000), Some(100)).unwrap();
    fs::set_permissions(fixture.path("bin"), fs::Permissions::from_mode(0o777)).unwrap();
    fixture.apply(&plan).unwrap();
    for path in ["bin", "bin/sh"] {
        let found = fixture.path(path).metadata().unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777), (0, 0o755), "{path}");
    }
}

#[test]
fn what_a_killed_run_left_is_cleared() {
    let fixture = Fixture::new();
    fixture.write(".bin.nixos-wsl-d0/half", "");
    fixture.write("sbin/.init.nixos-wsl-f0", "half");
    fixture.write("sbin/.no-longer-planned.nixos-wsl-f1", "half");
    fixture.write("bin/.sh.nixos-wsl-f0", "half");
    symlink("half", fixture.path("bin/.ls.nixos-wsl-l0")).unwrap();
    fixture.apply(&tree(SH)).unwrap();
    fixture.apply(&init("init-1")).unwrap();
    assert!(!fixture.path(".bin.nixos-wsl-d0").exists());
    assert_eq!(fixture.names("sbin"), ["init"]);
    assert_eq!(fixture.names("bin"), ["sh"]);
}

#[test]
fn every_fault_names_its_path() {
    let fixture = Fixture::new();
    for (plan, text) in [
        ("", "root.json"),
        ("{}", "root.json: missing field `version`"),
        (r#"{"version":2}"#, "root.json: version 2 is not 1"),
        (&init("missing"), "/nix/store/missing: No such file"),
        (
            r#"{"version":1,"files":[{"path":"sbin/init","source":"/x","mode":"0755"}]}"#,
            "sbin/init: not an absolute path",
        ),
        (
            r#"{"version":1,"files":[{"path":"/a/../b","source":"/x","mode":"0755"}]}"#,
            "/a/../b: not an absolute path",
        ),
        (r#"{"version":1,"files":[{"path":"/","source":"/x","mode":"0755"}]}"#, "/: not an absolute path"),
        (
            r#"{"version":1,"files":[{"path":"/x","source":"/nix/store/sh","mode":"rwx"}]}"#,
            "/x: the mode is not",
        ),
        (&tree(r#"{"name":"a/b","target":"x"}"#), "/bin/a/b: not a name"),
        (&tree(&format!("{LS},{LS}")), "/bin/ls: two entries of the plan have this path"),
        (
            r#"{"version":1,"links":[{"path":"/x","target":"a"},{"path":"//x/","target":"b"}]}"#,
            "/x/: two entries",
        ),
    ] {
        let error = fixture.apply(plan).unwrap_err();
        assert!(error.contains(text), "{plan}: {error}");
    }
}

/// A reader that never stops looking never finds a path absent.
#[test]
fn f7_no_path_is_ever_absent() {
    let fixture = Fixture::new();
    let both = |source: &str, entries: &str| {
        format!(
            r#"{{"version":1,"files":[{{"path":"/sbin/init","source":"/nix/store/{source}","mode":"0755"}}],
            "trees":[{{"path":"/bin","keep":["wslpath"],"entries":[{entries}]}}]}}"#
        )
    };
    fixture.apply(&both("init-1", SH)).unwrap();
    symlink("/init", fixture.path("bin/wslpath")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut looks = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let text = fs::read_to_string(fixture.path("sbin/init")).unwrap();
                assert!(text == "one" || text == "two", "{text:?}");
                assert_eq!(fs::read_to_string(fixture.path("bin/sh")).unwrap(), "shell");
                assert!(fixture.path("bin/wslpath").is_symlink());
                looks += 1;
            }
            looks
        });
        for _ in 0..50 {
            fixture.apply(&both("init-2", &format!("{SH},{LS}"))).unwrap();
            fixture.apply(&both("init-1", SH)).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(looks.join().unwrap() > 100);
    });
}

#[test]
fn a_name_is_kept_only_while_a_path_exists() {
    let fixture = Fixture::new();
    let plan = r#"{"version":1,"trees":[{"path":"/bin","exclusive":true,"keep":["helper"],"keepWhile":"/run/used","entries":[]}]}"#;
    fixture.write("bin/helper", "old");
    fixture.write("bin/other", "old");
    fixture.write("run/used", "");
    fixture.apply(plan).unwrap();
    assert_eq!(fixture.names("bin"), ["helper"]);
    fixture.apply(plan).unwrap();
    assert_eq!(fixture.names("bin"), ["helper"]);
    fs::remove_file(fixture.path("run/used")).unwrap();
    fixture.apply(plan).unwrap();
    assert_eq!(fixture.names("bin"), [""; 0]);
}

/// A plan with one declared user and the wrapper for everybody else.
fn shells(wrappers: &[(&str, &str)]) -> String {
    let wrapper = |(path, shell): &(&str, &str)| {
        format!(r#"{{"path":"{SHELLS}/{path}","shell":"/nix/store/{shell}"}}"#)
    };
    let wrappers: Vec<String> = wrappers.iter().map(wrapper).collect();
    format!(
        r#"{{"version":1,"shells":{{"path":"{SHELLS}","source":"/nix/store/sh","default":"/nix/store/bash",
        "wrappers":[{}]}}}}"#,
        wrappers.join(",")
    )
}

const SHELLS: &str = "/usr/lib/nixos-wsl/shells";

impl Fixture {
    /// A system with bash and zsh, and these shells in `/etc/passwd`.
    fn with_shells(shells: &[&str]) -> Self {
        let fixture = Self::new();
        fixture.write("nix/store/bash", "");
        fixture.write("nix/store/zsh", "");
        fixture.passwd(shells);
        fixture
    }

    fn passwd(&self, shells: &[&str]) {
        let lines = shells.iter().enumerate().map(|(id, shell)| format!("u{id}:x:{id}:100::/:{shell}\n"));
        self.write("etc/passwd", &lines.collect::<String>());
    }

    /// What a wrapper runs; its file must be the program.
    fn shell(&self, wrapper: &str) -> String {
        let file = self.path(&format!("usr/lib/nixos-wsl/shells/{wrapper}"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "shell", "{wrapper}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o755, "{wrapper}");
        let target = fs::read_link(file.with_file_name("real")).unwrap();
        target.strip_prefix("/nix/store").unwrap().to_str().unwrap().into()
    }
}

const EVERYBODY: (&str, &str) = ("@bash/bash", "bash");

#[test]
fn whoever_s_line_names_a_wrapper_has_it() {
    let named = format!("{SHELLS}/carol/zsh");
    let fixture = Fixture::with_shells(&["/bin/sh", &named]);
    // A line whose numbers nobody can read is one all the same.
    let passwd = fs::read_to_string(fixture.path("etc/passwd")).unwrap();
    fixture.write("etc/passwd", &format!("{passwd}dave:x:::::{SHELLS}/dave/fish\n\nbroken\n"));
    let plan = shells(&[("bob/zsh", "zsh"), EVERYBODY]);
    fixture.apply(&plan).unwrap();
    assert_eq!(fixture.names("usr/lib/nixos-wsl/shells"), ["@bash", "bob", "carol", "dave"]);
    assert_eq!(fixture.shell("bob/zsh"), "zsh");
    assert_eq!(fixture.shell("@bash/bash"), "bash");
    // One that only the line names runs a shell of its name, or else the default one.
    assert_eq!(fixture.shell("carol/zsh"), "zsh");
    assert_eq!(fixture.shell("dave/fish"), "bash");
}

#[test]
fn a_wrapper_that_only_etc_passwd_names_is_brought_up_to_date() {
    let named = format!("{SHELLS}/carol/zsh");
    let fixture = Fixture::with_shells(&[&named]);
    fixture.apply(&shells(&[("carol/zsh", "zsh"), EVERYBODY])).unwrap();
    // Carol is no longer declared; her line stays (users.mutableUsers).
    fixture.write("usr/lib/nixos-wsl/shells/carol/zsh", "the program of an older generation");
    fixture.apply(&shells(&[EVERYBODY])).unwrap();
    assert_eq!(fixture.shell("carol/zsh"), "zsh", "what she had, as long as it is there");
    fs::remove_file(fixture.path("nix/store/zsh")).unwrap();
    fixture.apply(&shells(&[EVERYBODY])).unwrap();
    assert_eq!(fixture.shell("carol/zsh"), "bash");
    // A shell that appears only when the system is active is no lost one.
    let real = fixture.path("usr/lib/nixos-wsl/shells/carol/real");
    fs::remove_file(&real).unwrap();
    symlink("/run/current-system/sw/bin/zsh", &real).unwrap();
    fixture.apply(&shells(&[EVERYBODY])).unwrap();
    assert_eq!(fs::read_link(&real).unwrap(), Path::new("/run/current-system/sw/bin/zsh"));
}

/// The users' own script comes after `apply`: until then the old line counts.
#[test]
fn a_changed_shell_keeps_its_old_wrapper_until_no_line_names_it() {
    let old = format!("{SHELLS}/bob/bash");
    let fixture = Fixture::with_shells(&[&old]);
    fixture.apply(&shells(&[("bob/bash", "bash"), EVERYBODY])).unwrap();
    let plan = shells(&[("bob/zsh", "zsh"), EVERYBODY]);
    fixture.apply(&plan).unwrap();
    assert_eq!(fixture.names("usr/lib/nixos-wsl/shells/bob"), ["bash", "real", "zsh"]);
    assert_eq!(fixture.shell("bob/bash"), "zsh", "the line is old, the shell is the new one");
    fixture.passwd(&[&format!("{SHELLS}/bob/zsh")]);
    fixture.apply(&plan).unwrap();
    assert_eq!(fixture.names("usr/lib/nixos-wsl/shells/bob"), ["real", "zsh"]);
}

#[test]
fn f35_wrappers_that_nobody_has_go() {
    let fixture = Fixture::with_shells(&[]);
    fixture.apply(&shells(&[("bob/bash", "bash"), EVERYBODY])).unwrap();
    fixture.write("usr/lib/nixos-wsl/shells/bob/.nixos-wsl-new-bash", "half");
    fixture.apply(&shells(&[EVERYBODY])).unwrap();
    assert_eq!(fixture.names("usr/lib/nixos-wsl/shells"), ["@bash"]);
    // Without the list of users nobody is known to be gone.
    fixture.apply(&shells(&[("bob/bash", "bash"), EVERYBODY])).unwrap();
    for take_away in [
        |fixture: &Fixture| fs::remove_file(fixture.path("etc/passwd")).unwrap(),
        |fixture: &Fixture| fs::create_dir(fixture.path("etc/passwd")).unwrap(),
    ] {
        take_away(&fixture);
        let applied = fixture.apply(&shells(&[EVERYBODY]));
        assert_eq!(fixture.names("usr/lib/nixos-wsl/shells"), ["@bash", "bob"]);
        if let Err(reason) = applied {
            assert!(reason.contains("/etc/passwd: "), "{reason}");
        }
    }
}

/// What `/etc/passwd` says is data: nothing outside the folder is written or removed.
#[test]
fn a_line_leads_nowhere_else() {
    let lines =
        ["/../../x/y", "/a/../../y", "/a", "/a/b/c", "/a/real", "/"].map(|end| format!("{SHELLS}{end}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let fixture = Fixture::with_shells(&lines);
    fixture.apply(&shells(&[EVERYBODY])).unwrap();
    assert_eq!(fixture.names("usr/lib/nixos-wsl/shells"), ["@bash"]);
    assert_eq!(fixture.names("usr/lib/nixos-wsl"), ["shells"]);
    assert_eq!(fixture.names("usr/lib"), ["nixos-wsl"]);
}
