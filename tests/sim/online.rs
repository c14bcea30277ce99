//! `--install NAME`: the list that `nixos-wsl-image manifest` writes and the image come over HTTP (W§8.3).
//!
//! No distribution starts here, but unpacking restores owners: these tests need root.
#![cfg(all(feature = "sim", feature = "image"))]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::sim::{Ended, Sim, bundled, ended};

/// What a server answers with.
#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    /// The connection ends before the content does.
    Cut(Vec<u8>),
    Elsewhere(String),
}

/// A web server on this machine.
struct Server {
    url: String,
    files: Arc<Mutex<Vec<(String, Answer)>>>,
    /// Request lines and headers.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, files: Arc::default(), requests: Arc::default() };
        let (files, requests) = (Arc::clone(&server.files), Arc::clone(&server.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that refuses what it gets closes the connection.
                let _ = answer(&stream, &files, &requests);
            }
        });
        server
    }

    fn put(&self, name: &str, answer: Answer) {
        let mut files = self.files.lock().expect("the files");
        files.retain(|(known, _)| known != name);
        files.push((name.into(), answer));
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().expect("the requests"))
    }
}

fn answer(
    stream: &TcpStream,
    files: &Mutex<Vec<(String, Answer)>>,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        request.push(line);
    }
    let path = request.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    requests.lock().expect("the requests").push(request.join("\n"));
    let files = files.lock().expect("the files").clone();
    let found = files.iter().find(|(name, _)| path == format!("/{name}")).map(|(_, answer)| answer);
    let mut stream = stream;
    let mut send = |status: &str, header: &str, length: usize, content: &[u8]| {
        let head =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\n{header}Content-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(content))
    };
    match found {
        Some(Answer::Whole(content)) => send("200 OK", "", content.len(), content),
        Some(Answer::Cut(content)) => send("200 OK", "", content.len(), &content[..content.len() / 2]),
        Some(Answer::Elsewhere(url)) => send("302 Found", &format!("Location: {url}\r\n"), 0, b""),
        None => send("404 Not Found", "", 4, b"none"),
    }
}

/// An image of a distribution that calls itself so, for this machine or the other one.
fn image(folder: &Path, file: &str, name: &str, own_machine: bool) -> PathBuf {
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    if own_machine == cfg!(target_arch = "aarch64") {
        program[18] = 0xb7;
    }
    let conf = format!("[oobe]\ndefaultName={name}\n");
    let release = "ID=nixos\nVERSION_ID=26.05\nPRETTY_NAME=\"NixOS 26.05 (Test)\"\n";
    let path = folder.join(file);
    let gzip =
        flate2::write::GzEncoder::new(fs::File::create(&path).expect("a file"), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    let files: [(&str, &[u8]); 4] = [
        ("./bin/sh", &program),
        ("./etc/os-release", release.as_bytes()),
        ("./etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
        ("./etc/wsl-distribution.conf", conf.as_bytes()),
    ];
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, content).expect("a member");
    }
    archive.into_inner().expect("an archive").finish().expect("an image");
    path
}

fn manifest(url: &str, images: &[&Path]) -> Ended {
    ended(Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image")).args(["manifest", "--url", url]).args(images))
}

/// A simulator whose lists are at these addresses, with a folder for downloads of its own.
struct Windows {
    sim: Sim,
    temporary: PathBuf,
    list: String,
    appended: Option<String>,
}

impl Windows {
    fn new(list: String) -> Self {
        Self::of(Sim::new(), list)
    }

    fn of(sim: Sim, list: String) -> Self {
        let temporary = sim.directory.path().join("temporary");
        fs::create_dir(&temporary).expect("a folder");
        Self { sim, temporary, list, appended: None }
    }

    fn install(&self, words: &[&str]) -> Ended {
        let mut command = self.sim.command([&["--install", "--no-launch"][..], words].concat());
        command.env("TMPDIR", &self.temporary).env("http_proxy", "http://127.0.0.1:9");
        command.env("WSL_SIM_DISTRIBUTION_LIST_URL", &self.list);
        command.env("WSL_SIM_DISTRIBUTION_LIST_URL_APPEND", self.appended.as_deref().unwrap_or_default());
        ended(&mut command)
    }

    fn installed(&self) -> String {
        self.sim.run(["--list", "--quiet"]).out
    }

    /// Nothing is installed, and nothing of the download is left.
    fn refused(&self, words: &[&str], message: &str) {
        let ended = self.install(words);
        assert_eq!(ended.code, 255, "{ended:?}");
        assert!(ended.out.contains(message), "{message}: {ended:?}");
        assert_eq!(self.installed(), "");
        assert_eq!(fs::read_dir(&self.temporary).expect("the folder").count(), 0, "{words:?}");
    }
}

#[test]
fn a_manifest_has_names_hashes_and_both_machines_and_no_other_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let (own, other) =
        if cfg!(target_arch = "aarch64") { ("Arm64Url", "Amd64Url") } else { ("Amd64Url", "Arm64Url") };
    let first = image(folder.path(), "a.wsl", "NixOS", true);
    let second = image(folder.path(), "b.wsl", "NixOS", false);
    let third = image(folder.path(), "c.wsl", "Analyst", true);
    let written = manifest("https://example.com/wsl/", &[&first, &second, &third]);
    assert_eq!(written.code, 0, "{written:?}");
    let hash = |path: &Path| {
        let ended = ended(Command::new("sha256sum").arg(path));
        ended.out.split(' ').next().expect("a hash").to_owned()
    };
    let archive = |path: &Path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        json!({ "Url": format!("https://example.com/wsl/{name}"), "Sha256": hash(path) })
    };
    let friendly = "NixOS 26.05 (Test)";
    let list: Value = serde_json::from_str(&written.out).expect("JSON");
    assert_eq!(
        list,
        json!({
            "ModernDistributions": {
                "NixOS": [{
                    "Name": "NixOS", "FriendlyName": friendly, "Default": true,
                    own: archive(&first), other: archive(&second),
                }],
                "Analyst": [{
                    "Name": "Analyst", "FriendlyName": friendly, "Default": true, own: archive(&third),
                }],
            },
            "Default": "NixOS",
        })
    );
    let size = fs::metadata(&first).expect("the image").len();
    assert!(written.err.contains(&format!("a.wsl, {size} bytes, sha256 {}", hash(&first))), "{written:?}");
    assert!(written.out.find("\"NixOS\": [") < written.out.find("\"Analyst\": ["), "in the order given");

    fs::write(folder.path().join("zeros.wsl"), [0; 2048]).expect("a file");
    for (url, images, message) in [
        ("https://h", &[&*first, &*first][..], "a.wsl: is NixOS for"),
        ("h/wsl", &[&*first], "h/wsl: an address begins with"),
        ("https://h/a b", &[&*first], "an address begins with"),
        ("https://h", &[&*folder.path().join("none.wsl")], "cannot read"),
        (
            "https://h",
            &[&*folder.path().join("zeros.wsl")],
            "is not compressed, and a list offers gzip or xz",
        ),
        (
            "https://h",
            &[&*image(folder.path(), "bad.wsl", "Legacy", true)],
            "gives no oobe.defaultName that WSL takes",
        ),
        (
            "https://h",
            &[&*image(folder.path(), "a b.wsl", "N", true)],
            "its name becomes a part of an address",
        ),
    ] {
        let ended = manifest(url, images);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(ended.err.contains(message), "{message}: {ended:?}");
    }
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn manifest_and_image_come_over_http() {
    let server = Server::start();
    let windows = Windows::new(format!("{}/manifest.json", server.url));
    let folder = windows.sim.directory.path();
    let own = image(folder, "nixos.wsl", "NixOS", true);
    let other = image(folder, "other.wsl", "NixOS", false);
    let list = manifest(&server.url, &[&own, &other]);
    server.put("list.json", Answer::Whole(list.out.clone().into_bytes()));
    server.put("manifest.json", Answer::Elsewhere(format!("{}/list.json", server.url)));
    server.put("nixos.wsl", Answer::Whole(fs::read(&own).expect("the image")));
    // What an earlier download of somebody's has left is neither taken nor touched.
    let earlier = windows.temporary.join("NixOS.wsl");
    fs::write(&earlier, "the first half").expect("a file");

    for words in
        [&["nixos"][..], &["-d", "NIXOS", "--name", "Second"], &["--web-download", "--name", "Third"]]
    {
        let ended = windows.install(words);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(
            ended.out.starts_with("Downloading: NixOS 26.05 (Test)\nInstalling: NixOS 26.05 (Test)\n"),
            "{ended:?}"
        );
        let requests = server.requests();
        assert_eq!(requests.len(), 3, "{requests:?}");
        assert!(requests[2].starts_with("GET /nixos.wsl HTTP/1.1"), "{requests:?}");
        assert!(!requests[2].to_lowercase().contains("\nrange:"), "{requests:?}");
    }
    assert_eq!(windows.installed(), "NixOS\nSecond\nThird\n");
    assert_eq!(windows.sim.registration("Second")["RunOOBE"], true);
    assert_eq!(fs::read_to_string(&earlier).expect("the file"), "the first half");
    assert_eq!(fs::read_dir(&windows.temporary).expect("the folder").count(), 1, "only the earlier one");

    // A name that is taken is found out before the download.
    let ended = windows.install(&["NixOS"]);
    assert!(ended.out.ends_with("Error code: Wsl/InstallDistro/ERROR_ALREADY_EXISTS\n"), "{ended:?}");
    assert_eq!(server.requests().len(), 2, "the list, twice for its new address");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn what_is_wrong_or_cut_off_is_refused() {
    let server = Server::start();
    let mut windows = Windows::new(format!("{}/manifest.json", server.url));
    let folder = windows.sim.directory.path().to_owned();
    let own = image(&folder, "nixos.wsl", "NixOS", true);
    let bytes = fs::read(&own).expect("the image");
    let list = manifest(&server.url, &[&own]).out;
    let put = |list: &str| server.put("manifest.json", Answer::Whole(list.as_bytes().to_vec()));

    windows.refused(&["NixOS"], "Failed to fetch the distribution list from");
    put("<html>");
    windows.refused(&["NixOS"], "Error code: Wsl/InstallDistro/WSL_E_INVALID_JSON\n");
    server.put("manifest.json", Answer::Cut(list.clone().into_bytes()));
    windows.refused(&["NixOS"], "Failed to fetch the distribution list from");
    put("{\"ModernDistributions\": {\"NixOS\": [{\"Name\": 5}]}}");
    windows.refused(&["NixOS"], "Failed to fetch the distribution list from");
    put("{}");
    windows.refused(&[], "No default distribution has been configured");
    put(&list);
    windows.refused(&["Debian"], "Invalid distribution name: 'Debian'.");
    windows.refused(&["NixOS"], "Error code: Wsl/InstallDistro/HTTP_E_STATUS_NOT_FOUND\n");
    server.put("nixos.wsl", Answer::Cut(bytes.clone()));
    windows.refused(&["NixOS"], "Error code: Wsl/InstallDistro/WININET_E_CONNECTION_ABORTED\n");
    let mut changed = bytes.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    server.put("nixos.wsl", Answer::Whole(changed));
    windows.refused(&["NixOS"], "Error code: Wsl/InstallDistro/VerifyChecksum/TRUST_E_BAD_DIGEST\n");
    server.put("nixos.wsl", Answer::Whole(bytes.clone()));
    let with = |key: &str, value: &str| {
        let mut changed: Value = serde_json::from_str(&list).expect("JSON");
        let version = &mut changed["ModernDistributions"]["NixOS"][0];
        let machine = if cfg!(target_arch = "aarch64") { "Arm64Url" } else { "Amd64Url" };
        if key == "Name" {
            version["Name"] = value.into();
        } else {
            version[machine][key] = value.into();
        }
        changed.to_string()
    };
    put(&with("Sha256", ""));
    windows.refused(&["NixOS"], "The distribution hash doesn't match. Expected: , actual hash: ");
    put(&with("Sha256", "0x1g"));
    windows.refused(&["NixOS"], "Invalid hex string: 0x1g");
    put(&with("Url", "https://127.0.0.1:1/nixos.wsl"));
    windows.refused(&["NixOS"], "http:// and file:// only");
    put(&with("Url", "http://127.0.0.1:9/nixos.wsl"));
    windows.refused(&["NixOS"], "Error code: Wsl/InstallDistro/WININET_E_CANNOT_CONNECT\n");
    put(&with("Name", "../../NixOS"));
    windows.refused(&["NixOS"], "Invalid distribution name: \"../../NixOS\".");
    let foreign = image(&folder, "foreign.wsl", "NixOS", false);
    put(&manifest(&server.url, &[&foreign]).out);
    windows.refused(&["NixOS"], "Invalid distribution name: 'NixOS'.");

    // An organisation's own list comes before the other; a file is left where it is.
    put(&with("Sha256", "00"));
    let appended = folder.join("own.json");
    fs::write(&appended, manifest(&format!("file://{}", folder.display()), &[&own]).out).expect("a list");
    windows.appended = Some(format!("file://{}", appended.display()));
    let ended = windows.install(&[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.err.contains("The distribution \"NixOS\" is provided by an override manifest."),
        "{ended:?}"
    );
    assert_eq!((windows.installed().as_str(), own.exists()), ("NixOS\n", true));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_folder_of_a_flake_on_a_web_server_is_installed_by_its_name() {
    let test = "a_folder_of_a_flake_on_a_web_server_is_installed_by_its_name";
    let Some(sim) = Sim::for_starts(test) else { return };
    let server = Server::start();
    let windows = Windows::of(sim, format!("{}/manifest.json", server.url));
    // nix/manifest.nix has made it, for an address of the web.
    let folder = bundled("manifest");
    let list = fs::read_to_string(folder.join("manifest.json")).expect("the list");
    let image = format!("NixOS-{}.wsl", std::env::consts::ARCH);
    let url = format!("https://images.example/{image}");
    assert!(list.contains(&format!("\"{url}\"")), "{list}");
    let content = fs::read(folder.join(&image)).expect("the image");
    server.put("manifest.json", Answer::Whole(list.replace("https://images.example", &server.url).into()));
    server.put(&image, Answer::Whole(content));
    let ended = windows.install(&["NixOS"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(windows.sim.ok(["-d", "NixOS", "--", "id", "-un"]), "nixos");
}
