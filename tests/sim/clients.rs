//! Docker Desktop, Rancher Desktop and Podman Desktop as they use a distribution: the same calls, with programs of ours in the
//! place of those that they bring. docs/clients.md says where each was read.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::support::sim::{Ended, Sim, ended, namespace, with_input};

const NAME: &str = "NixOS";

fn as_user<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["-d", NAME, "-e"], words].concat()
}

fn as_root<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["-d", NAME, "-u", "root", "-e"], words].concat()
}

/// Runs a line with `sh -c`, as the desktops do, for the user; gives what it prints.
fn sh(sim: &Sim, line: &str) -> String {
    sim.ok(as_user(&["/bin/sh", "-c", line]))
}

/// A folder of the running distribution, from outside, with what is mounted in it.
fn seen(sim: &Sim, path: &str) -> PathBuf {
    format!("/proc/{}/root{path}", sim.first(NAME)).into()
}

fn program(sim: &Sim, path: &str, text: &str) {
    let path = seen(sim, path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, text).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
}

/// `/bin` as `wsl.docker-desktop.enable` has it: the stand-in knows no options, so the names are the module's own.
fn docker_desktop_bin(sim: &Sim) {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules/docker-desktop.nix");
    let module = fs::read_to_string(module).expect("the module");
    let lists = module.split("genAttrs [").skip(1).filter_map(|rest| rest.split(']').next());
    let names: Vec<&str> = lists.flat_map(|list| list.split('"').skip(1).step_by(2)).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        sim.outside(NAME, &format!("ln -sfn $(readlink -f $(command -v {name})) /bin/{name}"));
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn docker_desktop() {
    let Some(sim) = Sim::with_image("docker_desktop") else { return };
    docker_desktop_bin(&sim);
    // Its own programs are in the folder that all distributions share.
    let root = "/mnt/wsl/docker-desktop";
    let distributed = format!("{root}/docker-desktop-user-distro");
    program(
        &sim,
        &distributed,
        "#!/bin/sh\nset -e\n[ \"$1 $2 $3\" = \"proxy --distro-name NixOS\" ]\n\
         grep -q ^docker: /etc/group || groupadd docker\nusermod -aG docker nixos\n\
         mkdir -p /run/docker-desktop && echo \"$5 $6\" >/run/docker-desktop/proxied\n",
    );

    // Up to 4.44: the user's files by a shell.
    assert_eq!(sim.ok(as_user(&["sh", "-c", "mkdir -p ~/.docker/run"])), "");
    let absent = sim.run(as_user(&["sh", "-c", "cat ~/.docker/config.json"]));
    assert_eq!(absent.code, 1, "{absent:?}");
    let config = "{\"credsStore\":\"desktop.exe\"}";
    let written = with_input(
        &mut sim.command(as_user(&["sh", "-c", "cat - > ~/.docker/config.json"])),
        config.as_bytes(),
    );
    assert_eq!((written.code, written.err.as_str()), (0, ""), "{written:?}");
    assert_eq!(sim.ok(as_user(&["sh", "-c", "cat ~/.docker/config.json"])), config);
    // From 4.45 on: programs without a shell, and without a PATH of NixOS's.
    assert_eq!(sim.ok(as_user(&["whoami"])), "nixos");
    // From 4.80 on: its program is put into the distribution, and runs there.
    sim.ok(as_root(&["mkdir", "-p", "/run/docker-desktop"]));
    let own = "/run/docker-desktop/docker-desktop-user-distro";
    let temporary = format!("{own}.1.tmp");
    sim.ok(as_root(&["install", "-m", "0755", &distributed, &temporary]));
    sim.ok(as_root(&["mv", &temporary, own]));
    let resources = "C:\\Program Files\\Docker\\Docker\\resources";
    sim.ok(as_root(&[own, "proxy", "--distro-name", NAME, "--docker-desktop-root", root, resources]));
    assert_eq!(sim.outside(NAME, "cat /run/docker-desktop/proxied"), format!("{root} {resources}"));
    assert!(sh(&sim, "id -Gn").split(' ').any(|group| group == "docker"));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn rancher_desktop() {
    let Some(sim) = Sim::with_image("rancher_desktop") else { return };
    // It lists by its own pattern: a mark, the name, a word for the state, the version.
    let list = sim.ok(["--list", "--verbose"]);
    let row: Vec<&str> = list.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!((row[0], row[1], row[3], row.len()), ("*", NAME, "2", 4), "{list}");

    let translated = |path: &str| sim.ok(as_user(&["/bin/wslpath", "-a", "-u", path]));
    let resources = "C:\\Program Files\\Rancher Desktop\\resources\\resources\\linux";
    let helper = translated(&format!("{resources}\\wsl-helper"));
    assert_eq!(helper, "/mnt/c/Program Files/Rancher Desktop/resources/resources/linux/wsl-helper");
    program(
        &sim,
        &helper,
        "#!/bin/sh\ncase \"$*\" in\n\
         'kubeconfig --show') [ -L ~/.kube/config ] && echo true || echo false ;;\n\
         'kubeconfig --enable=true') mkdir -p ~/.kube && ln -s \"$KUBECONFIG\" ~/.kube/config ;;\n\
         'docker-proxy serve') id -u >/run/proxied ;;\n*) exit 9 ;;\nesac\n",
    );
    let with_kubeconfig = |words: &[&str]| -> Ended {
        let mut command = sim.command(as_user(&[&[helper.as_str()], words].concat()));
        command.env("WSLENV", "undefined:KUBECONFIG/up").env("KUBECONFIG", "/mnt/c/Users/me/.kube/config");
        ended(&mut command)
    };
    assert_eq!(with_kubeconfig(&["kubeconfig", "--show"]).out, "false\n");
    assert_eq!(with_kubeconfig(&["kubeconfig", "--enable=true"]).code, 0);
    assert_eq!(with_kubeconfig(&["kubeconfig", "--show"]).out, "true\n");
    assert_eq!(sh(&sim, "readlink ~/.kube/config"), "/mnt/c/Users/me/.kube/config");

    // Docker's plugins, by a shell of `/bin/sh` that finds the system's programs.
    let plugin = translated(&format!("{resources}\\bin\\docker-compose"));
    program(&sim, &plugin, "#!/bin/sh\necho composed\n");
    let own = "$HOME/.docker/cli-plugins/docker-compose";
    sh(&sim, "mkdir -p \"$HOME/.docker/cli-plugins\"");
    let link = format!("if [ ! -e \"{own}\" -a ! -L \"{own}\" ] ; then ln -s \"{plugin}\" \"{own}\" ; fi");
    sh(&sim, &link);
    sh(&sim, &link);
    assert_eq!(sh(&sim, own), "composed");
    assert_eq!(sh(&sim, &format!("readlink -f \"{own}\"")), plugin);
    sh(&sim, &format!("rm \"{own}\""));
    // The socket's other end is root's process.
    let root = ["--distribution", NAME, "--user", "root", "--exec", &helper, "docker-proxy", "serve"];
    sim.ok(root);
    assert_eq!(sim.outside(NAME, "cat /run/proxied"), "0");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn podman_desktop() {
    let Some(sim) = Sim::with_image("podman_desktop") else { return };
    // It asks wsl.exe, starts a distribution of its own, and leaves sockets in the shared folder: the root's is group 10's.
    let version = sim.ok(["--version"]);
    let lines: Vec<&str> = version.lines().collect();
    assert!(lines[0].starts_with("WSL version: ") && lines[1].starts_with("Kernel version: "), "{version}");
    sim.ok(["-d", NAME, "-e", "/bin/wslinfo", "--wsl-version"]);
    let socket = "/mnt/wsl/podman-sockets/podman-machine-default/podman-root.sock";
    let place = seen(&sim, socket);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    let listener = UnixListener::bind(&place).expect("a socket");
    chown(&place, Some(0), Some(10)).expect("a socket");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o660)).expect("a socket");

    let reach = format!("test -S {socket} -a -w {socket} && echo open || echo closed");
    assert_eq!(sh(&sim, &reach), "closed");
    // As docs/clients.md declares it.
    sim.outside(NAME, "groupadd --gid 10 podman-machine && usermod -aG podman-machine nixos");
    assert_eq!(sh(&sim, &reach), "open");
    if !namespace() {
        assert_eq!(sim.sh(NAME, &format!("su - nixos -c '{reach}'")), "open", "beside systemd too");
    }
    drop(listener);
}
