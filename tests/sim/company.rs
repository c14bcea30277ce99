//! A company's Windows: what it trusts and its proxy, for Nix's daemon. A script stands for PowerShell; the server and the
//! proxy are real ones in the virtual machine's network.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::patience::eventually;
use crate::support::sim::{Sim, namespace};

const NAME: &str = "NixOS";
const POWERSHELL: &str = "/mnt/c/Windows/System32/WindowsPowerShell/v1.0";
const STATE: &str = "/var/lib/nixos-wsl/certificates";

/// Says for each of the two questions what a file says, to others than root.
const FAKE: &str = "#!/bin/sh
[ $(id -u) != 0 ] || exit
case \"$*\" in
  *Disallowed*) cat /mnt/c/roots ;;
  *ProxyServer*) cat /mnt/c/proxy ;;
esac
";

/// A cache behind TLS, and a proxy that refuses: both write down what they are asked for. And a name server that is silent.
const SERVERS: &str = "
import http.server, socket, ssl, sys, threading
folder = sys.argv[1]
class Cache(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(folder + '/cache.log', 'a').write(self.path + '\\n')
        body = b'StoreDir: /nix/store\\n' if self.path == '/nix-cache-info' else b''
        self.send_response(200 if body else 404)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        open(folder + '/proxy.log', 'a').write(self.path + '\\n')
        self.send_error(403)
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(('127.0.0.1', 53))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + '/server.pem', folder + '/server.key')
cache = http.server.ThreadingHTTPServer(('127.0.0.1', 8443), Cache)
cache.socket = context.wrap_socket(cache.socket, server_side=True)
proxy = http.server.ThreadingHTTPServer(('127.0.0.1', 3128), Proxy)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
open(folder + '/ready', 'w').close()
cache.serve_forever()
";

/// The servers, as long as this is there.
struct Servers(Child);

impl Drop for Servers {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("the servers end");
    }
}

struct Company {
    sim: Sim,
    folder: PathBuf,
}

impl Company {
    fn new(test: &str) -> Option<Self> {
        let sim = Sim::for_starts(test)?;
        let image = if namespace() { "namespace-rebuild-image.tar.gz" } else { "rebuild-image.tar.gz" };
        sim.import_image(NAME, image);
        let folder = sim.directory.path().join("company");
        fs::create_dir(&folder).expect("a folder");
        certificates(&folder);
        sim.outside(NAME, &format!("mkdir -p {POWERSHELL}"));
        let company = Self { sim, folder };
        company.windows(&format!("{POWERSHELL}/powershell.exe"), FAKE);
        company.sh(&format!("chmod +x {POWERSHELL}/powershell.exe"));
        Some(company)
    }

    fn sh(&self, line: &str) -> String {
        self.sim.sh(NAME, line)
    }

    /// Writes a file of Windows.
    fn windows(&self, path: &str, text: &str) {
        let inside = self.sim.inside(NAME, "text");
        fs::write(&inside, text).expect("the text");
        self.sim.outside(NAME, &format!("cat /text >{path}"));
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// The servers, in the network that the distribution has.
    fn servers(&self) -> Servers {
        self.sh("true");
        let network = format!("--net=/proc/{}/ns/net", self.sim.first(NAME));
        let _ = fs::remove_file(self.folder.join("ready"));
        let mut command = Command::new("nsenter");
        command.arg(network).args(["python3", "-c", SERVERS]).arg(&self.folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nsenter");
        let servers = Servers(child);
        eventually("the servers listen", || self.folder.join("ready").exists());
        servers
    }

    /// Has Nix's daemon look into the cache for a path that is not there, another one each time, because it remembers; what
    /// it says.
    fn ask_the_cache(&self, digit: char) -> String {
        let path = format!("/nix/store/{}-nothing", String::from(digit).repeat(32));
        self.sh(&format!(
            "NIX_REMOTE=daemon nix-store --option substituters https://localhost:8443 --option connect-timeout 20 \
             --option download-attempts 1 --realise {path} 2>&1 || true"
        ))
    }

    /// As a unit does it: how it ended, and what it said.
    fn trust(&self) -> (bool, String) {
        let said = self.sh(
            "systemd-run --quiet --pipe --wait --collect nixos-wsl trust-certificates --base /etc/base.pem \
             --folder /etc/company --folder /nowhere --windows --ask 2>&1 && echo ok || echo failed",
        );
        (said.ends_with("ok"), said)
    }

    /// The kinds of findings about proxies and certificates, with their texts.
    fn doctor(&self) -> Vec<(String, String)> {
        let report = self.sh("nixos-wsl doctor --format json || true");
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let findings = report["findings"].as_array().expect("findings").iter();
        let findings = findings.map(|finding| (text(&finding["kind"]), text(&finding["fault"])));
        findings.filter(|(kind, _)| kind.starts_with("proxy") || kind == "certificate").collect()
    }
}

/// A root of the company's, and a server's certificate by it.
fn certificates(folder: &Path) {
    let script = "
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout root.key -out root.pem -subj '/CN=Company Root'
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost
        printf 'subjectAltName=DNS:localhost\\n' >names
        openssl x509 -req -days 30 -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile names -out server.pem";
    let output = Command::new("bash").args(["-ec", script]).current_dir(folder).output().expect("bash");
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn what_windows_trusts_and_its_proxy_reach_nixs_daemon() {
    let test = "what_windows_trusts_and_its_proxy_reach_nixs_daemon";
    let Some(company) = Company::new(test) else { return };
    let servers = company.servers();
    let put = |path: &str, bytes: &[u8]| fs::write(company.sim.inside(NAME, path), bytes).expect("a file");
    let [other, expired] = ["root", "expired"].map(|name| {
        fs::read(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/features/certificates/test-{name}.pem")),
        )
        .expect("a certificate")
    });
    put("/etc/base.pem", &other);
    // As modules/certificates.nix has it.
    company.sh(&format!(
        "mkdir -p /etc/ssl/certs /etc/company && ln -s {STATE}/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt && \
         nixos-wsl trust-certificates --base /etc/base.pem --folder /etc/company --windows"
    ));
    assert_eq!(company.doctor(), [], "nothing is wrong");
    company.ask_the_cache('0');
    assert_eq!(company.read("cache.log"), "", "the server is not trusted");

    // Windows has the root, one that has expired, and one that everybody has.
    let roots = [company.read("root.pem").into_bytes(), expired.clone(), other].concat();
    company.windows("/mnt/c/roots", &String::from_utf8(roots).expect("text").replace('\n', "\r\n"));
    let (good, said) = company.trust();
    assert!(good && said.contains("1 certificates beside"), "{said}");
    let said = company.ask_the_cache('1');
    assert!(company.read("cache.log").starts_with("/nix-cache-info\n"), "{said}");
    assert_eq!(company.doctor(), [], "what has expired in Windows is not added");

    // A Windows that does not answer changes nothing, and that is said.
    company.sim.outside(NAME, "rm /mnt/c/roots");
    let (good, said) = company.trust();
    assert!(!good && said.contains("what Windows trusts now: PowerShell names none"), "{said}");
    assert_eq!(company.sh(&format!("grep -c BEGIN {STATE}/ca-bundle.crt")), "2");

    // Files in a folder: of two kinds, one that is none, a link to what root alone may read, and an old one.
    company.windows("/mnt/c/roots", &company.read("root.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-outform", "der", "-in"]).arg(company.folder.join("server.pem"));
    put("/etc/company/b.CER", &openssl.output().expect("openssl").stdout);
    put("/etc/company/old.pem", &expired);
    put("/etc/company/broken.pem", b"no certificate");
    put("/etc/company/README", b"not looked at");
    company.sh("ln -s /etc/shadow /etc/company/link.pem && chown -h nixos /etc/company/link.pem");
    let (good, said) = company.trust();
    assert!(!good && said.contains("/etc/company/broken.pem: not a certificate in PEM or DER"), "{said}");
    assert!(
        said.contains("/etc/company/link.pem: a link that leads to no file of the store's or of its owner's")
            && said.contains("3 certificates"),
        "{said}"
    );
    let found = company.doctor();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "certificate");
    let fault = "/etc/company/old.pem: the certificate `Example Old Root' has expired on 2002-01-01";
    assert_eq!(found[0].1, fault);
    company.sh("rm /etc/company/*");
    assert!(company.trust().0);
    assert_eq!(company.doctor(), []);
    // As environment.etc makes it: links by way of another path of the store, whoever has made the first. Inside, the store is
    // read-only.
    let store = |path: &str| company.sim.inside(NAME, path);
    fs::create_dir_all(store("/nix/store/certificate")).expect("a folder");
    put("/nix/store/certificate/ca.pem", company.read("server.pem").as_bytes());
    symlink("/nix/store/certificate", store("/nix/store/static")).expect("a link");
    company.sh("ln -s /nix/store/static/ca.pem /etc/company/ca.pem && chown -h nixos /etc/company/ca.pem");
    let (good, said) = company.trust();
    assert!(good && said.contains("2 certificates beside"), "{said}");
    // An activation keeps what a folder had whose drive comes later; the unit does not.
    let activation = format!(
        "nixos-wsl trust-certificates --base /etc/base.pem --folder /etc/company --windows && grep -c BEGIN {STATE}/ca-bundle.crt"
    );
    company.sim.outside(NAME, "mv /etc/company /etc/elsewhere");
    assert_eq!(company.sh(&activation), "2 certificates beside the system's own are trusted\n3");
    let (good, said) = company.trust();
    assert!(good && said.contains("1 certificates beside"), "{said}");

    // The proxy: as modules/proxy.nix has it.
    company.windows(
        "/mnt/c/proxy",
        "http=\r\nhttps=\r\nno=\r\nenabled=1\r\nserver=127.0.0.1:3128\r\noverride=*.corp.example\r\n",
    );
    company.sh(
        "mkdir -p /run/systemd/system/nix-daemon.service.d && cd /run/systemd/system/nix-daemon.service.d && \
         printf '[Service]\\nEnvironmentFile=-/run/nixos-wsl/proxy.env\\n' >proxy.conf && systemctl daemon-reload",
    );
    let proxy =
        "systemd-run --quiet --pipe --wait --collect nixos-wsl windows-proxy --restart nix-daemon.service";
    let daemon = || company.sh("systemctl show --property=InvocationID nix-daemon");
    let before = daemon();
    assert_eq!(company.sh(proxy), "Windows' proxy: http://127.0.0.1:3128");
    eventually("Nix's daemon begins anew", || daemon() != before);
    let before = daemon();
    assert_eq!(company.sh(proxy), "Windows' proxy: http://127.0.0.1:3128, as before");
    company.sh("systemctl is-active nix-daemon");
    assert_eq!(daemon(), before, "with the same proxy it stays");
    let file = company.sh("stat -c %a /run/nixos-wsl/proxy.env; cat /run/nixos-wsl/proxy.env");
    assert!(file.starts_with("600\nhttp_proxy=http://127.0.0.1:3128\n"), "{file}");
    assert!(file.ends_with("NO_PROXY=localhost,127.0.0.1,::1,.corp.example"), "{file}");
    assert_eq!(company.doctor(), [], "the proxy answers");
    company.windows("/mnt/c/proxy", "http=\r\nhttps=http://127.0.0.1:3128\r\nno=\r\n");
    company.sh(proxy);
    let said = company.ask_the_cache('2');
    assert!(company.read("proxy.log").starts_with("localhost:8443\n"), "{said}");

    // A name whose server does not answer holds nobody up.
    company.windows("/mnt/c/proxy", "http=\r\nhttps=http://silent.example:1\r\nno=\r\n");
    company.sh(proxy);
    company.sh("mv /etc/resolv.conf /etc/resolv.former; printf 'nameserver 127.0.0.1\\noptions timeout:60\\n' >/etc/resolv.conf");
    let found = company.doctor();
    let [(_, fault)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(fault, "no proxy answers at http://silent.example:1: look the name up: timed out");
    company.sh("mv /etc/resolv.former /etc/resolv.conf || rm /etc/resolv.conf");
    company.windows("/mnt/c/proxy", "http=\r\nhttps=http://127.0.0.1:3128\r\nno=\r\n");
    company.sh(proxy);

    drop(servers);
    let found = company.doctor();
    let [(kind, fault)] = &found[..] else { panic!("{found:?}") };
    assert!(kind == "proxy-unreachable" && fault.contains("127.0.0.1:3128: Connection refused"), "{found:?}");
    // Without one, nothing is left of it.
    company.windows("/mnt/c/proxy", "http=\r\nhttps=\r\nno=\r\nenabled=0\r\nserver=127.0.0.1:3128\r\n");
    assert_eq!(company.sh(proxy), "Windows' proxy: none");
    assert_eq!(company.doctor(), []);
}

/// As modules/certificates.nix has them.
const SERVICE: &str = "[Service]
Type=exec
ExecStart=\"/run/current-system/sw/bin/nixos-wsl\" \"trust-certificates\" \"--base\" \"/etc/base.pem\" \
  \"--folder\" \"/etc/company\" \"--ask\"
";
const PATH: &str = "[Path]
PathChanged=/etc/company
";

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_file_that_is_dropped_into_a_folder_is_trusted_without_a_restart() {
    let test = "a_file_that_is_dropped_into_a_folder_is_trusted_without_a_restart";
    let Some(company) = Company::new(test) else { return };
    let _servers = company.servers();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/features/certificates/test-root.pem");
    for (name, text) in [
        ("base.pem", fs::read_to_string(base).expect("a certificate")),
        ("nixos-wsl-certificates.service", SERVICE.into()),
        ("nixos-wsl-certificates.path", PATH.into()),
        ("root.pem", company.read("root.pem")),
    ] {
        fs::write(company.sim.inside(NAME, &format!("/etc/{name}")), text).expect("a file");
    }
    company.sh(&format!(
        "mkdir -p /etc/ssl/certs /run/systemd/system && ln -s {STATE}/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt && \
         mv /etc/nixos-wsl-certificates.* /run/systemd/system/ && systemctl daemon-reload && \
         nixos-wsl trust-certificates --base /etc/base.pem --folder /etc/company && \
         systemctl start nixos-wsl-certificates.path"
    ));
    // What one process of systemd's and what one of Nix's daemon is.
    let runs = || {
        company.sh("systemctl show --property=InvocationID --value nix-daemon init.scope; cat /proc/sys/kernel/random/boot_id")
    };
    let trusted = || company.sh(&format!("grep -c BEGIN {STATE}/ca-bundle.crt"));
    // The run that has ended, once the unit listens again.
    let run = || {
        let show = "systemctl show --property=ActiveState,SubState,InvocationID nixos-wsl-certificates";
        let said = company.sh(&format!("{show}.path | sort; {show}.service | sort"));
        let lines: Vec<&str> = said.lines().collect();
        let [_, _, "SubState=waiting", "ActiveState=inactive", id, _] = lines[..] else { return None };
        Some(id.strip_prefix("InvocationID=")?.to_owned()).filter(|id| !id.is_empty())
    };
    company.ask_the_cache('3');
    assert_eq!((company.read("cache.log").as_str(), &*trusted()), ("", "1"), "the server is not trusted");
    let before = runs();

    // The folder is not there yet.
    company.sh("mkdir /etc/company");
    eventually("the service has looked at the folder", || run().is_some());
    let first = run();
    company.sh("mv /etc/root.pem /etc/company/ca.pem");
    eventually("the root is trusted", || trusted() == "2");
    let said = company.ask_the_cache('4');
    assert!(company.read("cache.log").starts_with("/nix-cache-info\n"), "{said}");

    eventually("the service has ended", || run().is_some_and(|last| Some(last) != first));
    company.sh("rm /etc/company/ca.pem");
    eventually("it is trusted no longer", || trusted() == "1");
    assert_eq!(runs(), before, "nothing was started anew");
}
