//! Good and broken archives of root file systems, each by the name of what is special about it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::member::{Member, archive, directory, file, hard_link, link, without_end};

/// A program's head, for x86-64 or, with 0xb7, for aarch64.
fn program(machine: u8) -> Vec<u8> {
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(16, 0);
    head.extend([2, 0, machine, 0, 1, 0, 0, 0]);
    head.resize(256, 0);
    head
}

const X86: u8 = 0x3e;
const ARM: u8 = 0xb7;

const DISTRIBUTION: &str = "[oobe]\ncommand=/usr/lib/wsl/oobe\ndefaultUid=1000\ndefaultName=NixOS\n\
    [shortcut]\nicon=/usr/share/wsl/icon.ico\n[windowsterminal]\nprofileTemplate=/usr/lib/wsl/terminal.json\n";
const WSL_CONF: &str = "[boot]\nsystemd=true\n[automount]\nldconfig=false\n";
const PASSWD: &str =
    "root:x:0:0:System administrator:/root:/bin/sh\nnobody:x:65534:65534::/var/empty:/bin/sh\n";

/// An archive with which nobody finds fault.
pub fn good() -> Vec<Member> {
    vec![
        directory("./"),
        directory("./bin/"),
        file("./bin/sh", 0o755, program(X86)),
        directory("./etc/"),
        file("./etc/os-release", 0o644, "ID=nixos\nVERSION_ID=\"25.11\"\n"),
        file("./etc/passwd", 0o644, PASSWD),
        file("./etc/shadow", 0o640, "root:!:1::::::\n"),
        file("./etc/wsl-distribution.conf", 0o644, DISTRIBUTION),
        file("./etc/wsl.conf", 0o644, WSL_CONF),
        directory("./sbin/"),
        file("./sbin/init", 0o755, program(X86)),
        directory("./usr/"),
        directory("./usr/lib/"),
        directory("./usr/lib/wsl/"),
        file("./usr/lib/wsl/oobe", 0o755, "#!/bin/sh\n"),
        file("./usr/lib/wsl/terminal.json", 0o640, "{\"profiles\":[]}"),
        directory("./usr/share/"),
        directory("./usr/share/wsl/"),
        file("./usr/share/wsl/icon.ico", 0o644, "icon"),
    ]
}

/// The good one, with `members` instead of those at the same path, or after all others.
fn with(members: impl IntoIterator<Item = Member>) -> Vec<Member> {
    let mut all = good();
    for member in members {
        let same = |other: &Member| other.path.trim_end_matches('/') == member.path.trim_end_matches('/');
        match all.iter().position(same) {
            Some(at) => all[at] = member,
            None => all.push(member),
        }
    }
    all
}

/// The good one, with `members` behind its own, whatever their path.
fn followed_by(members: impl IntoIterator<Item = Member>) -> Vec<Member> {
    good().into_iter().chain(members).collect()
}

/// The good one without `path`.
fn without(path: &str) -> Vec<Member> {
    good().into_iter().filter(|member| member.path.trim_end_matches('/') != path).collect()
}

fn distribution(text: impl AsRef<[u8]>) -> Vec<Member> {
    with([file("./etc/wsl-distribution.conf", 0o644, text)])
}

fn wsl_conf(text: impl AsRef<[u8]>) -> Vec<Member> {
    with([file("./etc/wsl.conf", 0o644, text)])
}

fn passwd(text: impl AsRef<[u8]>) -> Vec<Member> {
    with([file("./etc/passwd", 0o644, text)])
}

/// What is in the archives as members.
#[allow(clippy::too_many_lines, reason = "a line or a few for each archive")]
fn roots() -> Vec<(&'static str, Vec<Member>)> {
    let long = "n".repeat(256);
    let deep = "d/".repeat(2100) + "end";
    let icon = |icon: &str| DISTRIBUTION.replace("/usr/share/wsl/icon.ico", icon);
    let unit = |folder: &str, unit: &str, target: &str| {
        let at = |path: &str| directory(&format!("./{folder}/{path}"));
        let wants = format!("./{folder}/multi-user.target.wants/{unit}");
        with([directory("./etc/systemd/"), at(""), at("multi-user.target.wants/"), link(&wants, target)])
    };
    vec![
        ("good", good()),
        ("good/names-without-dot", good().into_iter().map(plain).collect()),
        (
            "good/aarch64",
            with([file("./bin/sh", 0o755, program(ARM)), file("./sbin/init", 0o755, program(ARM))]),
        ),
        ("distribution/missing", without("./etc/wsl-distribution.conf")),
        ("distribution/mode", with([file("./etc/wsl-distribution.conf", 0o600, DISTRIBUTION).owned(1, 2)])),
        (
            "distribution/through-links",
            [
                with([link("./etc/wsl-distribution.conf", "static/conf"), link("./etc/static", "/nix/etc")]),
                vec![
                    directory("./nix/"),
                    directory("./nix/etc/"),
                    file("./nix/etc/conf", 0o644, DISTRIBUTION),
                ],
            ]
            .concat(),
        ),
        ("distribution/dangling", with([link("./etc/wsl-distribution.conf", "/nowhere")])),
        ("distribution/unknown-key", distribution(format!("{DISTRIBUTION}[Extra]\nkey=1\n"))),
        ("distribution/no-section", distribution("command=/usr/lib/wsl/oobe\n")),
        ("distribution/not-utf8", distribution(b"[oobe]\ncommand=\xff\n")),
        (
            "distribution/percent",
            distribution(format!("{DISTRIBUTION}# 100%\n[oobe2]\n").replace("NixOS", "50%")),
        ),
        ("distribution/bad-name", distribution(DISTRIBUTION.replace("NixOS", "Nix OS"))),
        (
            "distribution/quotes",
            distribution(DISTRIBUTION.replace("/usr/lib/wsl/oobe", "\"/usr/lib/wsl/oobe\"")),
        ),
        ("distribution/command-missing", distribution(DISTRIBUTION.replace("wsl/oobe", "wsl/none"))),
        (
            "distribution/command-with-arguments",
            distribution(DISTRIBUTION.replace("wsl/oobe", "wsl/oobe --now")),
        ),
        ("distribution/command-mode", with([file("./usr/lib/wsl/oobe", 0o644, "#!/bin/sh\n").owned(0, 5)])),
        (
            "distribution/command-elsewhere",
            distribution(DISTRIBUTION.replace("/usr/lib/wsl/oobe", "/bin/sh")),
        ),
        ("distribution/other-uid", distribution(DISTRIBUTION.replace("1000", "1001"))),
        ("distribution/uid-taken", passwd(format!("{PASSWD}alice:x:1000:100::/home/alice:/bin/sh\n"))),
        ("distribution/uid-no-number", distribution(DISTRIBUTION.replace("1000", "many"))),
        ("distribution/no-icon", distribution("[shortcut]\nenabled=false\n")),
        ("distribution/icon-missing", without("./usr/share/wsl/icon.ico")),
        ("distribution/icon-large", with([file("./usr/share/wsl/icon.ico", 0o644, vec![0; (1 << 20) + 1])])),
        ("distribution/icon-just-fits", with([file("./usr/share/wsl/icon.ico", 0o644, vec![0; 1 << 20])])),
        (
            "distribution/icon-link",
            with([
                link("./usr/share/wsl/icon.ico", "other.ico"),
                file("./usr/share/wsl/other.ico", 0o644, "icon"),
            ]),
        ),
        ("distribution/icon-dots", distribution(icon("/usr/share/wsl/../wsl/icon.ico"))),
        ("distribution/icon-elsewhere", distribution(icon("/etc/os-release"))),
        (
            "distribution/template-mode",
            with([file("./usr/lib/wsl/terminal.json", 0o644, "{\"profiles\":[]}")]),
        ),
        (
            "distribution/template-no-json",
            with([file("./usr/lib/wsl/terminal.json", 0o640, "{\"profiles\":{}}")]),
        ),
        ("wsl-conf/none", without("./etc/wsl.conf")),
        ("wsl-conf/mode", with([file("./etc/wsl.conf", 0o666, WSL_CONF)])),
        ("wsl-conf/unknown-key", wsl_conf(format!("{WSL_CONF}[boot2]\nx=1\n"))),
        ("wsl-conf/only-wsl-knows", wsl_conf("[boot]\nsystemd=true\ninitTimeout=20000\n")),
        ("wsl-conf/only-the-validator-knows", wsl_conf("[general]\nhostname=nixos\n")),
        ("wsl-conf/semicolon", wsl_conf("; set by hand\n[boot]\nsystemd=true\n")),
        ("wsl-conf/colon", wsl_conf("[boot]\nsystemd: true\n")),
        ("wsl-conf/twice", wsl_conf("[boot]\nsystemd=true\nsystemd=false\n")),
        ("wsl-conf/yes", wsl_conf("[boot]\nsystemd=yes\n")),
        ("wsl-conf/default-user", wsl_conf("[boot]\nsystemd=true\n[user]\ndefault=nobody\n")),
        ("wsl-conf/default-user-missing", wsl_conf("[user]\ndefault=alice\n")),
        (
            "wsl-conf/absolute-link",
            with([
                link("./etc/wsl.conf", "/nix/wsl.conf"),
                directory("./nix/"),
                file("./nix/wsl.conf", 0o644, WSL_CONF),
            ]),
        ),
        ("init/missing", without("./sbin/init")),
        ("init/script", with([file("./sbin/init", 0o755, "#!/bin/sh\n")])),
        ("init/other-machine", with([file("./sbin/init", 0o755, program(ARM))])),
        ("init/mode", with([file("./sbin/init", 0o644, program(X86))])),
        (
            "init/link",
            with([link("./sbin/init", "../usr/lib/init"), file("./usr/lib/init", 0o555, program(X86))]),
        ),
        ("passwd/missing", without("./etc/passwd")),
        ("passwd/mode", with([file("./etc/passwd", 0o600, PASSWD)])),
        ("passwd/blank-line", passwd(format!("{PASSWD}\n"))),
        ("passwd/six-fields", passwd(format!("{PASSWD}alice:x:7:7::/home\n"))),
        ("passwd/uid-no-number", passwd(format!("{PASSWD}alice:x:seven:7::/home/alice:/bin/sh\n"))),
        ("passwd/uid-twice", passwd(format!("{PASSWD}toor:x:0:0::/root:/bin/sh\n"))),
        ("passwd/no-root", passwd("alice:x:7:7::/home/alice:/bin/sh\n")),
        ("passwd/root-by-another-name", passwd("admin:x:0:0::/root:/bin/sh\n")),
        (
            "passwd/link",
            with([link("./etc/passwd", "passwd.real"), file("./etc/passwd.real", 0o644, PASSWD)]),
        ),
        ("shadow/missing", without("./etc/shadow")),
        ("shadow/mode", with([file("./etc/shadow", 0o644, "").owned(3, 42)])),
        ("shadow/any-group", with([file("./etc/shadow", 0, "").owned(0, 42)])),
        ("sh/missing", without("./bin/sh")),
        ("sh/script", with([file("./bin/sh", 0o755, "#!/nix/bash\n")])),
        ("sh/loop", with([link("./bin/sh", "bash"), link("./bin/bash", "sh")])),
        (
            "sh/merged-usr",
            [
                good().into_iter().filter(|member| !member.path.starts_with("./bin")).collect(),
                vec![
                    link("./bin", "usr/bin"),
                    directory("./usr/bin/"),
                    link("./usr/bin/sh", "bash"),
                    file("./usr/bin/bash", 0o755, program(X86)),
                ],
            ]
            .concat(),
        ),
        ("sh/bash-script", with([file("./bin/bash", 0o700, "#!/bin/sh\n")])),
        ("units/discouraged", unit("etc/systemd/system", "tmp.mount", "/usr/lib/systemd/system/tmp.mount")),
        ("units/fine", unit("etc/systemd/system", "sshd.service", "/usr/lib/systemd/system/sshd.service")),
        ("units/nowhere", unit("etc/systemd/system", "tmp.mount", "/dev/null")),
        (
            "units/masked",
            [
                unit("etc/systemd/system", "tmp.mount", "/usr/lib/systemd/system/tmp.mount"),
                vec![link("./etc/systemd/system/tmp.mount", "/dev/null")],
            ]
            .concat(),
        ),
        (
            "units/other-folder",
            [unit("usr/lib/systemd/system", "console-getty.service", "../console-getty.service"), vec![]]
                .concat(),
        ),
        (
            "attributes/selinux",
            with([file("./etc/os-release", 0o644, "ID=nixos\n").attribute("security.selinux", b"label\0")]),
        ),
        (
            "attributes/with-a-line-feed",
            with([file("./etc/os-release", 0o644, "ID=nixos\n").attribute("user.note", b"a\nb=c\n")]),
        ),
        (
            "attributes/no-name-space",
            with([file("./etc/os-release", 0o644, "ID=nixos\n").attribute("colour", b"red")]),
        ),
        ("names/not-ascii-in-pax", with([pax_named("./etc/os-release", "./etc/größe")])),
        ("names/not-ascii", with([file("./etc/größe", 0o644, "")])),
        ("names/leads-out", followed_by([file("./etc/../../evil", 0o644, "")])),
        ("names/absolute", followed_by([file("/etc/extra", 0o644, "")])),
        ("names/long", followed_by([file(&format!("./etc/{long}"), 0o644, "")])),
        ("names/deep", followed_by([file(&deep, 0o644, "")])),
        (
            "names/with-control-characters",
            followed_by([file("./etc/../\u{1b}[2J\nerror: all is well", 0o644, "")]),
        ),
        ("root/mode", with([Member { mode: 0o700, ..directory("./") }.owned(1000, 100)])),
        (
            "members/through-link",
            followed_by([link("./etc/static", "/nix/etc"), file("./etc/static/a", 0o644, "")]),
        ),
        ("members/through-file", followed_by([file("./etc/os-release/a", 0o644, "")])),
        ("members/link-becomes-directory", followed_by([link("./lib", "usr/lib"), directory("./lib/")])),
        ("members/link-over-full-directory", followed_by([link("./etc", "/nix/etc")])),
        ("members/link-over-empty-directory", followed_by([directory("./srv/"), link("./srv", "/mnt")])),
        ("members/twice", followed_by([file("./etc/os-release", 0o644, "ID=other\n")])),
        ("members/directory-twice", followed_by([directory("./etc/")])),
        ("members/hard-link", followed_by([hard_link("./etc/release", "etc/os-release")])),
        (
            "members/hard-link-too-early",
            followed_by([hard_link("./etc/a", "./etc/b"), file("./etc/b", 0o644, "")]),
        ),
        (
            "members/hard-link-through-link",
            followed_by([link("./conf", "etc"), hard_link("./a", "./conf/os-release")]),
        ),
        ("members/hard-link-leads-out", followed_by([hard_link("./a", "../../etc/passwd")])),
        ("members/hard-link-to-directory", followed_by([hard_link("./a", "./etc")])),
        ("members/no-parents", good().into_iter().filter(|member| !member.path.ends_with('/')).collect()),
        ("distribution-of-wsl/neither", vec![directory("./"), directory("./usr/")]),
        ("distribution-of-wsl/dangling-etc", vec![link("./etc", "/nowhere")]),
    ]
}

/// A member whose name is in a pax header.
fn pax_named(path: &str, real: &str) -> Member {
    let mut member = file(path, 0o644, "");
    member.records.push(("path".into(), real.as_bytes().to_vec()));
    member
}

/// A member without `./` before its name.
fn plain(mut member: Member) -> Member {
    member.path = member.path.trim_start_matches("./").to_owned();
    if member.path.is_empty() {
        member.path = ".".into();
    }
    member
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes as a program of the machine compresses them.
fn compressed(program: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program:?}");
    output.stdout
}

/// The archives as files; each by its name.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut files: Vec<_> =
        roots().into_iter().map(|(name, members)| (name, gzip(&archive(&members)))).collect();
    let tar = archive(&good());
    let whole = gzip(&tar);
    let (first, second) = tar.split_at(tar.len() / 2);
    let mut damaged = tar.clone();
    damaged[1024 + 3] ^= 1;
    let mut wrong_sum = whole.clone();
    let sum = wrong_sum.len() - 6;
    wrong_sum[sum] ^= 1;
    files.extend([
        ("file/plain", tar.clone()),
        ("file/xz", compressed(&["xz", "--stdout"], &tar)),
        (
            "file/xz-streams",
            [compressed(&["xz", "--stdout"], first), compressed(&["xz", "--stdout"], second)].concat(),
        ),
        ("file/zstd", compressed(&["zstd", "--quiet", "--stdout"], &tar)),
        ("file/gzip-members", [gzip(first), gzip(second)].concat()),
        ("file/gzip-and-something", [&whole[..], b"something"].concat()),
        ("file/gzip-cut-off", whole[..whole.len() / 2].to_vec()),
        ("file/gzip-sum", wrong_sum),
        ("file/gzip-cut-off-in-its-sum", whole[..whole.len() - 6].to_vec()),
        ("file/xz-cut-off", compressed(&["xz", "--stdout"], &tar)[..400].to_vec()),
        ("file/bzip2", b"BZh91AY&SY".to_vec()),
        ("file/vhdx", b"vhdxfile\0\0\0\0\0\0\0\0".to_vec()),
        ("file/empty", Vec::new()),
        ("file/zeros", vec![0; 10_240]),
        ("file/text", b"This is not an archive.\n".repeat(100)),
        ("archive/damaged-header", gzip(&damaged)),
        ("archive/cut-off-in-a-member", gzip(&tar[..tar.len() - 2000])),
        ("archive/no-end", gzip(&without_end(&good()))),
        ("archive/another-behind", gzip(&[tar.clone(), tar.clone()].concat())),
    ]);
    files
}

/// Writes the archives into a folder, each under its name with `-` for `/`.
pub fn write(folder: &Path) {
    for (name, bytes) in files() {
        std::fs::write(folder.join(name.replace('/', "-")), bytes).unwrap();
    }
}
