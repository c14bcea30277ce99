//! Which of WSL's variables a process has, by how it was started: the table of docs/environment.md, cell by cell (W§6.3).
#![cfg(feature = "sim")]

use std::fs;
use std::path::Path;

use crate::support::sim::{Sim, bundled, ended};
use crate::support::terminal::Terminal;

const NAME: &str = "NixOS";
const USER: &str = "bob";
/// The columns.
const VARIABLES: [&str; 7] = [
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "WSLENV",
    "WSL2_GUI_APPS_ENABLED",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "PULSE_SERVER",
];

/// How a row is reached: a script of root's, of the user's, one typed to a shell on a terminal, or the user's where sudo
/// keeps what the page says.
enum How {
    User(&'static str),
    Kept(&'static str),
    Root(&'static str),
    Terminal(&'static str),
}

/// The rows: as they stand in the table, and the way. `PROBE` writes the answer, `ASKED` are the settings of a service that
/// asks.
const WAYS: [(&str, How); 11] = [
    ("`wsl`", How::User("PROBE")),
    ("`sudo`", How::User("sudo -n PROBE")),
    ("`sudo` that keeps them", How::Kept("sudo -n PROBE")),
    ("`sudo -i`", How::User("sudo -n -i PROBE")),
    ("`su -`", How::Root("su - bob -c PROBE")),
    (
        "`ssh`",
        How::Root("ssh -i /root/key -o StrictHostKeyChecking=no -o LogLevel=ERROR bob@127.0.0.1 PROBE"),
    ),
    ("`machinectl shell`", How::Terminal("machinectl shell bob@.host")),
    ("a service of the user's systemd", How::User("systemd-run --user --quiet --wait --collect PROBE")),
    (
        "a service of the user's systemd that asks for it",
        How::User("systemd-run --user --quiet --wait --collect ASKED PROBE"),
    ),
    ("a service of the system", How::Root("systemd-run --quiet --wait --collect --uid=bob PROBE")),
    (
        "a service of the system that asks for it",
        How::Root("systemd-run --quiet --wait --collect --uid=bob ASKED PROBE"),
    ),
];

/// The settings of docs/environment.md for a service that is to have them.
fn asked(docs: &str) -> Vec<String> {
    let lines = docs.lines().map(str::trim).filter(|line| !line.starts_with('|'));
    let pairs = lines.filter_map(|line| line.strip_suffix("\";")?.split_once(" = \""));
    let pairs = pairs.filter(|(name, _)| VARIABLES.contains(name));
    pairs.map(|(name, value)| format!("{name}={value}")).collect()
}

/// The line of docs/environment.md for sudo's settings.
fn kept(docs: &str) -> &str {
    let line = docs.split('`').find(|code| code.starts_with("Defaults env_keep"));
    line.expect("what sudo keeps")
}

/// The names of the table's rows and columns.
fn table(docs: &str) -> (Vec<&str>, Vec<&str>) {
    let mut lines = docs.lines().filter_map(|line| line.strip_prefix("| "));
    let columns = lines.next().expect("a head").split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
    let columns = columns.filter(|name| !name.is_empty()).collect();
    (lines.map(|line| line.split(" |").next().unwrap_or_default()).collect(), columns)
}

/// A row of the table, as `yes` and `–`.
fn row(docs: &str, way: &str) -> Vec<bool> {
    let start = format!("| {way} |");
    let line = docs.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row {way}"));
    let cells = line.trim_matches('|').split('|').skip(1).map(str::trim);
    let has = |cell: &str| match cell {
        "yes" => true,
        "–" => false,
        other => panic!("{way}: {other}"),
    };
    cells.map(has).collect()
}

fn every_cell(name: &str, mode: &str, image: &str) {
    let Some(sim) = Sim::for_starts(name) else { return };
    let imported = sim.import(NAME, &bundled(image));
    assert_eq!(imported.code, 0, "{imported:?}");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/environment.md");
    let docs = fs::read_to_string(docs).expect("the page");
    let asked = asked(&docs);
    let ways = WAYS.iter().map(|(way, _)| *way).collect();
    assert_eq!(table(&docs), (ways, VARIABLES.to_vec()), "the page's table is the test's");
    let file = |path: &str, text: &str| fs::write(sim.inside(NAME, path), text).expect("a file");
    file(
        "/probe",
        &format!(
            "#!/bin/sh\nfor name in {}; do printenv $name >/dev/null && echo $name; done >/home/{USER}/out; true\n",
            VARIABLES.join(" ")
        ),
    );
    file(
        "/set-up",
        "chmod 755 /probe; systemctl is-system-running --wait; ssh-keygen -q -t ed25519 -N '' -f /root/key && \
         mkdir -p /etc/ssh/authorized_keys.d && cp /root/key.pub /etc/ssh/authorized_keys.d/bob",
    );
    sim.ok(["-d", NAME, "-u", "root", "--", "bash", "/set-up"]);
    // Where each of the settings leads there is a socket.
    for pair in &asked {
        let (name, value) = pair.split_once('=').expect("a pair");
        let socket = value.strip_prefix("unix:").unwrap_or(value);
        let socket = if name == "DISPLAY" { "/tmp/.X11-unix/X0" } else { socket };
        file("/set-up", &format!("test -S $(readlink -f {socket}) && echo there"));
        assert_eq!(sim.ok(["-d", NAME, "-u", "root", "--", "bash", "/set-up"]), "there", "{pair}");
    }

    let settings = asked.iter().map(|pair| format!("--setenv={pair}")).collect::<Vec<_>>().join(" ");
    let mut faults = Vec::new();
    for (way, how) in &WAYS {
        let out = sim.inside(NAME, &format!("home/{USER}/out"));
        let _ = fs::remove_file(&out);
        let filled = |line: &str| line.replace("PROBE", "/probe").replace("ASKED", &settings);
        let script = |user: &str, line: &str| {
            file("/way", &filled(line));
            let ended = ended(&mut sim.command(["-d", NAME, "-u", user, "--", "bash", "/way"]));
            assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{way}: {ended:?}");
        };
        match how {
            How::User(line) => script(USER, line),
            How::Kept(line) => {
                let settings = kept(&docs);
                script("root", &format!("cp -p /etc/sudoers /sudoers && echo '{settings}' >>/etc/sudoers"));
                script(USER, line);
                script("root", "mv /sudoers /etc/sudoers");
            }
            How::Root(line) => script("root", line),
            How::Terminal(line) => {
                let words: Vec<&str> =
                    ["-d", NAME, "-u", "root", "--"].into_iter().chain(line.split(' ')).collect();
                let mut terminal = Terminal::open(&sim, &words, 200);
                terminal.expect("$ ");
                terminal.type_in("/probe; exit\r");
                terminal.end();
            }
        }
        let found = fs::read_to_string(&out).unwrap_or_else(|error| panic!("{way}: {error}"));
        let found: Vec<bool> = VARIABLES.iter().map(|name| found.lines().any(|line| line == *name)).collect();
        println!("{mode}: {way}: {found:?}");
        let expected = row(&docs, way);
        if found != expected {
            faults.push(format!("{way}: {found:?}, and not {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{mode}, of {VARIABLES:?}:\n{}", faults.join("\n"));

    // A proxy that Windows hands over is the shells', and sudo's where wsl.proxy.fromWindows has it keep it.
    let proxy = |line: &str| {
        file("/way", line);
        let mut command = sim.command(["-d", NAME, "-u", USER, "--", "bash", "/way"]);
        command.env("WSLENV", "HTTPS_PROXY/u:NO_PROXY/u").env("HTTPS_PROXY", "http://proxy:3128");
        ended(&mut command).out
    };
    assert_eq!(proxy("printenv HTTPS_PROXY; sudo -n printenv HTTPS_PROXY"), "http://proxy:3128\n");
    let keep = "Defaults env_keep += \"http_proxy HTTP_PROXY https_proxy HTTPS_PROXY no_proxy NO_PROXY\"";
    file("/way", &format!("echo '{keep}' >>/etc/sudoers"));
    sim.ok(["-d", NAME, "-u", "root", "--", "bash", "/way"]);
    assert_eq!(
        proxy("sudo -n printenv HTTPS_PROXY; sudo -n -i printenv HTTPS_PROXY"),
        "http://proxy:3128\n".repeat(2)
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn each_way_in_has_the_variables_of_the_table() {
    let test = "each_way_in_has_the_variables_of_the_table";
    every_cell(test, "native", "every-way-image.tar.gz");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn each_way_in_has_the_variables_of_the_table_where_the_first_shell_starts_systemd() {
    let test = "each_way_in_has_the_variables_of_the_table_where_the_first_shell_starts_systemd";
    every_cell(test, "namespace", "every-way-namespace-image.tar.gz");
}
