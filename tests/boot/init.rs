//! `/sbin/init`: each step of it, good and failing (U§3 F7-F10, F26-F28).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;

use crate::support::world::{ACTIVATE, SYSTEMD, World, stdout};

#[test]
fn the_profile_s_generation_boots() {
    needs_world!("the_profile_s_generation_boots");
    let world = World::with_generations(3);
    let running = world.boot();
    assert_eq!(running.generation(), 3);
    assert!(running.kmsg().contains("generation 3: activating /nix/store/system-3"), "{}", running.kmsg());
    assert_eq!(
        fs::read_link(running.path("/run/booted-system")).unwrap().to_str(),
        Some("/nix/store/system-3")
    );
    assert!(!running.path("/run/nixos-wsl/notice").exists());
}

#[test]
fn f9_activation_and_systemd_start_with_default_signals_and_umask() {
    needs_world!("f9_activation_and_systemd_start_with_default_signals_and_umask");
    let world = World::with_generations(1);
    let activate =
        format!("{ACTIVATE}grep -E '^(Sig[BI]|Umask)' /proc/$$/status\nsh -c 'exit 3'; echo child $?\n");
    world.generation(1, &activate, SYSTEMD);
    let running = world.boot();
    let log = world.read("var/log/nixos-wsl-boot.log");
    for text in [&log, &running.read("/run/systemd-started")] {
        assert!(text.contains("Umask:\t0022"), "{text}");
        assert!(text.contains("SigBlk:\t0000000000000000"), "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        let ignored = u64::from_str_radix(line, 16).unwrap();
        // busybox ignores QUIT (3) itself, and the C library its own 32 and 33 in what it spawns.
        assert_eq!(ignored & !0x1_8000_0004, 0, "{text}");
    }
    assert!(log.contains("child 3"), "{log}");
}

#[test]
fn f10_systemd_gets_the_three_variables_and_activation_a_path() {
    needs_world!("f10_systemd_gets_the_three_variables_and_activation_a_path");
    let world = World::with_generations(1);
    world.generation(1, &format!("{ACTIVATE}env\n"), SYSTEMD);
    let running = world.boot();
    let started = running.read("/run/systemd-started");
    let variables: Vec<&str> = started.lines().filter(|line| line.contains('=')).collect();
    assert_eq!(variables, ["container=wsl", "container_host_id=windows", "container_host_version_id=2.9"]);
    let log = world.read("var/log/nixos-wsl-boot.log");
    assert!(log.contains("PATH=/nix/store/system-1/sw/bin:"), "{log}");
    assert!(log.contains("LANG=C.UTF-8") && log.contains("container=wsl"), "{log}");
}

#[test]
fn argv_goes_to_systemd_verbatim() {
    needs_world!("argv_goes_to_systemd_verbatim");
    let mut world = World::with_generations(1);
    // bash in systemd's place tells its argv[0], which a script cannot.
    fs::copy("/bin/bash-static", world.path("nix/store/system-1/systemd/lib/systemd/systemd")).unwrap();
    world.arguments = vec![
        "-c".into(),
        "'/nix/store/tools/bin/cat /proc/$$/cmdline >/run/systemd-started; /nix/store/tools/bin/sleep 100'"
            .into(),
        "'a  b'".into(),
    ];
    let mut running = world.boot();
    let expected = "/sbin/init\0-c\0/nix/store/tools/bin/cat";
    // The file is there before its content.
    assert!(running.wait_until(|running| running.read("/run/systemd-started").ends_with("\0a  b\0")));
    let found = running.read("/run/systemd-started");
    assert!(found.starts_with(expected), "{found:?}");
}

#[test]
fn f8_a_missing_kmsg_changes_nothing() {
    needs_world!("f8_a_missing_kmsg_changes_nothing");
    let mut world = World::with_generations(1);
    world.no_kmsg = true;
    assert_eq!(world.boot().generation(), 1);
}

type Break = fn(&World);

/// Each way in which the newest generation can be broken: the next older one boots and the reason is told.
#[test]
fn f8_a_broken_generation_gives_way_to_the_one_before() {
    needs_world!("f8_a_broken_generation_gives_way_to_the_one_before");
    let cases: [(&str, Break, &str); 12] = [
        (
            "activate missing",
            |w| fs::remove_file(w.path("nix/store/system-2/activate")).unwrap(),
            "system-2/activate: No such file",
        ),
        (
            "activate not executable",
            |w| {
                w.write("nix/store/system-2/activate.x", "");
                fs::rename(w.path("nix/store/system-2/activate.x"), w.path("nix/store/system-2/activate"))
                    .unwrap();
            },
            "system-2/activate: Permission denied",
        ),
        (
            "activate a folder",
            |w| {
                fs::remove_file(w.path("nix/store/system-2/activate")).unwrap();
                fs::create_dir(w.path("nix/store/system-2/activate")).unwrap();
            },
            "system-2/activate: Permission denied",
        ),
        (
            "interpreter missing",
            |w| {
                w.script("nix/store/system-2/activate", "");
                w.write("nix/store/system-2/activate", "#!/nix/store/gone\n");
            },
            "system-2/activate: No such file",
        ),
        ("exits 1", |w| w.generation(2, "exit 1", SYSTEMD), "activate: exit status 1"),
        ("killed", |w| w.generation(2, "kill -9 $$", SYSTEMD), "activate: killed by signal 9"),
        (
            "hangs",
            |w| {
                w.generation(2, "sleep 1000", SYSTEMD);
                w.write("nix/store/system-2/nixos-wsl/session.json", r#"{"activationTimeout":1}"#);
            },
            "still running after 1 s, killed",
        ),
        (
            "prints for ever",
            |w| {
                w.generation(2, "yes", SYSTEMD);
                w.write("nix/store/system-2/nixos-wsl/session.json", r#"{"activationTimeout":1}"#);
            },
            "still running after 1 s, killed",
        ),
        (
            "systemd missing",
            |w| fs::remove_file(w.path("nix/store/system-2/systemd/lib/systemd/systemd")).unwrap(),
            "systemd/lib/systemd/systemd: No such file",
        ),
        (
            "systemd no program",
            |w| {
                w.script("nix/store/system-2/systemd/lib/systemd/systemd", "");
                w.write("nix/store/system-2/systemd/lib/systemd/systemd", "text");
            },
            "Exec format error",
        ),
        (
            "deleted",
            |w| fs::remove_dir_all(w.path("nix/store/system-2")).unwrap(),
            "system-2/activate: No such file",
        ),
        (
            "profile empty",
            |w| {
                fs::remove_file(w.path("nix/var/nix/profiles/system")).unwrap();
                fs::remove_dir_all(w.path("nix/store/system-2")).unwrap();
            },
            "/nix/var/nix/profiles/system: No such file",
        ),
    ];
    for (name, damage, reason) in cases {
        let world = World::with_generations(2);
        damage(&world);
        let running = world.boot();
        assert_eq!(running.generation(), 1, "{name}");
        let notice = running.read("/run/nixos-wsl/notice");
        assert!(notice.contains("this is generation 1") && notice.contains(reason), "{name}: {notice}");
        assert!(world.read("var/log/nixos-wsl-boot.log").contains(reason), "{name}");
        assert!(running.kmsg().contains(reason), "{name}");
    }
}

#[test]
fn a_failure_after_the_system_is_current_is_no_reason_to_go_back() {
    needs_world!("a_failure_after_the_system_is_current_is_no_reason_to_go_back");
    let world = World::with_generations(2);
    world.generation(2, &format!("{ACTIVATE}exit 4\n"), SYSTEMD);
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    assert!(running.kmsg().contains("exit status 4; booting it all the same"));
}

#[test]
fn when_nothing_boots_a_login_still_works_and_says_why() {
    needs_world!("when_nothing_boots_a_login_still_works_and_says_why");
    let world = World::with_generations(2);
    world.generation(1, "exit 7", SYSTEMD);
    world.generation(2, "exit 8", SYSTEMD);
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    let notice = running.read("/run/nixos-wsl/notice");
    assert!(notice.contains("generation 2: activate: exit status 8"), "{notice}");
    assert!(notice.contains("generation 1: activate: exit status 7"), "{notice}");
    let output = running.shell("echo a shell; nixos-wsl generations");
    assert!(stdout(&output).starts_with("a shell\n"), "{output:?}");
    assert!(stdout(&output).contains("exit status 8"), "{output:?}");
}

#[test]
fn an_empty_profiles_folder_gives_a_rescue() {
    needs_world!("an_empty_profiles_folder_gives_a_rescue");
    let world = World::new();
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    assert!(running.read("/run/nixos-wsl/notice").contains("/nix/var/nix/profiles"));
}

#[test]
fn f26_shared_memory_works_in_every_layout() {
    needs_world!("f26_shared_memory_works_in_every_layout");
    let layouts = [
        ("mount", ""),
        ("link", "umount $R/dev/shm; rmdir $R/dev/shm; ln -s /run/shm $R/dev/shm"),
        (
            "dangling link",
            "umount $R/dev/shm; rmdir $R/dev/shm; ln -s /nowhere $R/dev/shm; umount $R/run/shm",
        ),
        ("folder", "umount $R/dev/shm"),
        ("missing", "umount $R/dev/shm; rmdir $R/dev/shm"),
        ("file", "umount $R/dev/shm; rmdir $R/dev/shm; touch $R/dev/shm"),
    ];
    for (name, prepare) in layouts {
        let mut world = World::with_generations(1);
        world.prepare = prepare.into();
        let running = world.boot();
        let shell = running.shell("grep ' /dev/shm ' /proc/self/mountinfo; echo x >/dev/shm/x; echo write $?; stat -c %a%F /dev/shm/.");
        let text = stdout(&shell);
        assert!(
            text.contains(" - tmpfs ") && text.contains("write 0") && text.contains("directory"),
            "{name}: {text}"
        );
        assert!(!running.kmsg().contains("/dev/shm:"), "{name}: {}", running.kmsg());
    }
}

#[test]
fn f27_the_root_is_shared() {
    needs_world!("f27_the_root_is_shared");
    let world = World::with_generations(1);
    let running = world.boot();
    let text = stdout(&running.shell("grep -E '^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / ' /proc/self/mountinfo"));
    assert!(text.contains("shared:"), "{text}");
}

#[test]
fn f28_the_store_is_read_only_and_a_refusal_is_a_warning() {
    needs_world!("f28_the_store_is_read_only_and_a_refusal_is_a_warning");
    let world = World::with_generations(1);
    let running = world.boot();
    let output = running.shell("touch /nix/store/x 2>&1; echo $?");
    assert!(stdout(&output).contains("Read-only file system"), "{output:?}");
    drop(running);

    let world = World::new();
    fs::remove_dir_all(world.path("nix")).unwrap();
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    assert!(running.kmsg().contains("/nix/store: stays writable: No such file"), "{}", running.kmsg());
}

#[test]
fn f22_no_step_sets_the_host_name() {
    needs_world!("f22_no_step_sets_the_host_name");
    let mut world = World::with_generations(1);
    world.prepare = "echo from-wsl >/proc/sys/kernel/hostname".into();
    let running = world.boot();
    assert_eq!(stdout(&running.shell("cat /proc/sys/kernel/hostname")), "from-wsl\n");
}

#[test]
fn a_read_only_root_boots() {
    needs_world!("a_read_only_root_boots");
    let mut world = World::with_generations(2);
    world.prepare = "mount -o remount,bind,ro $R".into();
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    let kmsg = running.kmsg();
    assert!(kmsg.contains("attempts are not counted: /var/lib/nixos-wsl"), "{kmsg}");
    assert!(kmsg.contains("no log file: /var/log/nixos-wsl-boot.log: Read-only"), "{kmsg}");
    assert_eq!(stdout(&running.shell("echo shell")), "shell\n");
}

#[test]
fn a_full_disk_boots() {
    needs_world!("a_full_disk_boots");
    let mut world = World::with_generations(2);
    world.prepare = "for d in var/lib/nixos-wsl var/log; do mount -t tmpfs -o size=4k full $R/$d; /bin/busybox yes >$R/$d/fill 2>/dev/null || true; done".into();
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    assert!(running.kmsg().contains("No space left on device"), "{}", running.kmsg());
    assert_eq!(stdout(&running.shell("echo shell")), "shell\n");
}
