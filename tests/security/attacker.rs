//! What an ordinary user can do to a program they start: a caller's record, sealed, on each descriptor, and the variables
//! that programs of ours once obeyed. And setuid programs that are careless, but no more than many are.
#![cfg(feature = "sim")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::sim::{Ended, Sim, bundled};

/// The distribution.
pub const NAME: &str = "NixOS";
/// The login shell of the user that attacks.
pub const SHELL: &str = "/usr/lib/nixos-wsl/shells/nixos/bash";

/// Becomes its arguments, with everything that an attacker can hand over; the rest of the environment stays.
const ATTACKER: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const char record[] =
    "nixos-wsl caller 1\0" "22\0" "\0" "3\0" "/\0" "sh\0" "-c\0" "echo owned by $(id -u)\0" "PATH=/run/current-system/sw/bin";
static const char *names[] = {
    "NIXOS_WSL_RESUME", "NIXOS_WSL_OUTSIDE", "NIXOS_WSL_EXEC", "NIXOS_WSL_STRICT", "__NIXOS_WSL_PRINT_ENVIRONMENT",
};

int main(int argc, char **argv) {
    const char *word = argv[1];
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int file = memfd_create("nixos-wsl-caller", MFD_ALLOW_SEALING);
    if (argc < 3 || file < 0 || write(file, record, sizeof record) != sizeof record || fcntl(file, F_ADD_SEALS, seals))
        return 99;
    file = fcntl(file, F_DUPFD, 20);
    for (int number = 3; number < 10; number++)
        if (dup2(file, number) != number) return 99;
    close(file);
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], "__NIXOS_WSL_PRINT_ENVIRONMENT") || !strcmp(word, "print")) setenv(names[i], word, 1);
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 99;
}
"#;

/// Takes root's rights whole, as a program does that has not thought of the shell, and starts its argument.
const VICTIM: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2 || setresgid(0, 0, 0) || setresuid(0, 0, 0)) return 98;
    setenv("SECRET", "of the setuid program", 1);
    if (!strcmp(argv[1], "system")) {
        int status = system("exit 3");
        printf("status %d\n", status >> 8);
        return 0;
    }
    if (!strcmp(argv[1], "script")) execl("/opt/helper.sh", "helper.sh", NULL);
    if (!strcmp(argv[1], "mount")) execl("/bin/mount", "mount", "--version", NULL);
    if (!strcmp(argv[1], "login")) execl("/bin/login", "login", "--version", NULL);
    return 97;
}
"#;

/// A distribution of an image of the bundle, with these programs in `/opt`.
pub fn world(test: &str, image: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let imported = sim.import(NAME, &bundled(image));
    assert_eq!(imported.code, 0, "{imported:?}");
    let folder = sim.inside(NAME, "opt");
    std::fs::create_dir_all(&folder).expect("a folder");
    compile(ATTACKER, &folder.join("attacker"), 0o755);
    compile(VICTIM, &folder.join("victim"), 0o4755);
    let script = folder.join("helper.sh");
    std::fs::write(&script, "#!/bin/sh\necho helper of $(id -u)\nexit 5\n").expect("a script");
    std::fs::set_permissions(script, PermissionsExt::from_mode(0o755)).expect("its mode");
    Some(sim)
}

fn compile(text: &str, program: &Path, mode: u32) {
    let source = program.with_extension("c");
    std::fs::write(&source, text).expect("a source");
    let status = Command::new("cc").args(["-O1", "-static", "-o"]).arg(program).arg(&source).status();
    assert!(status.expect("cc").success());
    std::fs::set_permissions(program, PermissionsExt::from_mode(mode)).expect("its mode");
}

/// A line for bash of the store, past every program of ours.
fn run(sim: &Sim, user: &str, way: &[&str], line: &str) -> Ended {
    let line = format!("PATH=/nix/var/nix/profiles/system/sw/bin:/bin; {line}");
    let start = ["-d", NAME, "-u", user, "-e"];
    let bash = ["/nix/var/nix/profiles/system/sw/bin/bash", "--norc", "-c", &line];
    sim.run([&start[..], way, &bash].concat())
}

/// A line where WSL starts programs without a shell.
pub fn outside(sim: &Sim, user: &str, line: &str) -> Ended {
    run(sim, user, &[], line)
}

/// A line beside systemd, in both modes.
pub fn beside(sim: &Sim, image: &str, user: &str, line: &str) -> Ended {
    let way: &[&str] = if image.starts_with("namespace") { &["/bin/nixos-wsl", "exec"] } else { &[] };
    run(sim, user, way, line)
}

/// What the variables say: each has been obeyed somewhere.
pub const WORDS: [&str; 4] = ["foreground", "background", "outside", "print"];
/// The images whose systems are attacked: native and namespace mode.
pub const IMAGES: [&str; 2] = ["image.tar.gz", "namespace-image.tar.gz"];
