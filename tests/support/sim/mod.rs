//! A simulated WSL of its own for each test, and nothing left of it afterwards.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod shells;

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::patience::{TIME_FACTOR, expiring_factor, time_factor};

/// The start of a line that needs the system's programs.
const PROGRAMS: &str = "PATH=$PATH:/nix/var/nix/profiles/system/sw/bin; ";

/// A registry, and the programs to use it.
pub struct Sim {
    /// Registry and distributions' directories.
    pub directory: TempDir,
    program: PathBuf,
    /// Which WSL it is; without one, that of `$WSL_SIM_VERSION`, else the newest.
    pub version: Option<&'static str>,
    /// How many times WSL's limits the next start's are.
    time_factor: Cell<u32>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Sim {
    /// With the program of this build: enough where no distribution starts.
    pub fn new() -> Self {
        Self::with(env!("CARGO_BIN_EXE_wsl-sim").into())
    }

    fn with(program: PathBuf) -> Self {
        let directory =
            tempfile::Builder::new().prefix("wsl-sim-test").tempdir().expect("a temporary directory");
        Self { directory, program, version: None, time_factor: Cell::new(time_factor()) }
    }

    /// With the static program of `$NIXOS_WSL_TOOLS`, which a distribution can run as `/init`.
    ///
    /// `None` where this machine cannot start one: the reason is printed.
    pub fn for_starts(test: &str) -> Option<Self> {
        let tools = std::env::var_os("NIXOS_WSL_TOOLS")
            .expect("NIXOS_WSL_TOOLS names what `checks/tools DIRECTORY` made: its bin has a static wsl-sim");
        let sim = Self::with(Path::new(&tools).join("bin/wsl-sim"));
        sim.tiny("probe");
        let probe = sim.run(["-d", "probe", "-e", "/bin/wslinfo", "--wsl-version"]);
        if probe.err.starts_with("wsl-sim: ") {
            println!("SKIP {test}: {}", probe.err);
            return None;
        }
        sim.ok(["--unregister", "probe"]);
        Some(sim)
    }

    /// As [`Sim::for_starts`], with the stand-in's image imported as NixOS.
    pub fn with_image(test: &str) -> Option<Self> {
        let sim = Self::for_starts(test)?;
        sim.import_image("NixOS", image_name());
        Some(sim)
    }

    /// As [`Sim::for_starts`], where the kernel has FUSE, of which virtual disks and the virtual machine's `/sys` are made.
    pub fn with_fuse(test: &str) -> Option<Self> {
        let sim = Self::for_starts(test)?;
        if has_fuse() {
            return Some(sim);
        }
        println!("SKIP {test}: no FUSE in this kernel");
        None
    }

    /// A command in this world.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("WSL_SIM_HOME", self.home())
            .env("WSL_SIM_HOSTNAME", "Test-PC")
            .env(TIME_FACTOR, self.time_factor.get().to_string())
            .stdin(Stdio::null());
        if let Some(version) = self.version {
            command.env("WSL_SIM_VERSION", version);
        }
        command
    }

    /// Has the next starts wait no longer than WSL: for a test in which they wait for what does not come.
    pub fn let_limits_expire(&self) {
        self.time_factor.set(expiring_factor());
    }

    /// The registry.
    pub fn home(&self) -> PathBuf {
        self.directory.path().join("registry")
    }

    /// A distribution's folder in the registry.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.home().join("distributions").join(name.to_lowercase())
    }

    /// A path in a distribution, from outside.
    pub fn inside(&self, name: &str, path: &str) -> PathBuf {
        self.directory.path().join(name).join("rootfs").join(path.trim_start_matches('/'))
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        ended(&mut self.command(arguments))
    }

    /// Runs a command that must succeed: its output without the last line feed.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = self.command(arguments);
        let ended = ended(&mut command);
        assert_eq!(ended.code, 0, "{command:?}: {ended:?}");
        ended.out.trim_end_matches('\n').into()
    }

    /// Runs a line with `/bin/sh` under a distribution's systemd as root, with the system's programs; it must succeed.
    pub fn sh(&self, name: &str, line: &str) -> String {
        let line = &format!("{PROGRAMS}{line}");
        self.ok([&["-d", name, "-u", "root"][..], &systemd_exec(&["/bin/sh", "-c", line])].concat())
    }

    /// The same where WSL starts a program without a shell: in namespace mode, outside of systemd's namespaces.
    pub fn outside(&self, name: &str, line: &str) -> String {
        let line = &format!("{PROGRAMS}{line}");
        self.ok(["-d", name, "-u", "root", "-e", "/bin/sh", "-c", line])
    }

    /// Imports an archive.
    pub fn import(&self, name: &str, archive: &Path) -> Ended {
        let directory = self.directory.path().join(name);
        self.run([
            OsStr::new("--import"),
            name.as_ref(),
            directory.as_os_str(),
            archive.as_os_str(),
            "--version".as_ref(),
            "2".as_ref(),
        ])
    }

    /// Imports an image of the stand-in's bundle, which must succeed.
    pub fn import_image(&self, name: &str, image: &str) {
        let imported = self.import(name, &bundled(image));
        assert_eq!(imported.code, 0, "{imported:?}");
    }

    /// The smallest distribution that starts: its only program is `/init`'s.
    pub fn tiny(&self, name: &str) {
        let archive = self.archive(&[
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
            ("bin/empty", ""),
            ("sbin/empty", ""),
        ]);
        let imported = self.import(name, &archive);
        assert_eq!(imported.code, 0, "{imported:?}");
    }

    /// A tar archive of these files.
    pub fn archive(&self, files: &[(&str, &str)]) -> PathBuf {
        let tree = tempfile::tempdir_in(self.directory.path()).expect("a temporary directory");
        for (path, contents) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().expect("a file's directory")).expect("a directory");
            fs::write(&path, contents).expect("a file");
        }
        let archive = self.directory.path().join("tree.tar");
        let status =
            Command::new("bsdtar").arg("-cf").arg(&archive).arg("-C").arg(tree.path()).arg(".").status();
        assert!(status.expect("bsdtar").success());
        archive
    }

    /// A distribution's registration.
    pub fn registration(&self, name: &str) -> Value {
        let json = fs::read(self.folder(name).join("registration.json")).expect("a registration");
        serde_json::from_slice(&json).expect("JSON")
    }

    /// What WSL would have hidden in the last start.
    pub fn hidden(&self, name: &str) -> String {
        fs::read_to_string(self.folder(name).join("report")).unwrap_or_default()
    }

    /// The record of a running distribution.
    pub fn instance(&self, name: &str) -> Value {
        let json = fs::read(self.folder(name).join("instance.json")).expect("the distribution runs");
        serde_json::from_slice(&json).expect("JSON")
    }

    /// The supervisor of a running distribution.
    pub fn supervisor(&self, name: &str) -> u32 {
        let pid = self.instance(name)["supervisor"]["pid"].as_u64().expect("a process id");
        pid.try_into().expect("a process id")
    }

    /// As [`Sim::supervisor`], if there is a record.
    pub fn try_supervisor(&self, name: &str) -> Option<u32> {
        self.record(name)?["supervisor"]["pid"].as_u64()?.try_into().ok()
    }

    /// The cgroup of its virtual machine, if there is a record.
    pub fn cgroup(&self, name: &str) -> Option<PathBuf> {
        self.record(name)?["cgroup"].as_str().map(PathBuf::from)
    }

    fn record(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.folder(name).join("instance.json")).ok()?).ok()
    }

    /// Every process on the machine that belongs to this world: by its environment, or by its root.
    pub fn leftover_processes(&self) -> Vec<String> {
        // Its name alone: what is before it depends on the mount that is looked at.
        let name = self.directory.path().file_name().expect("a name").to_str().expect("a readable name");
        let own = |path: String| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).contains(name);
        let pids = fs::read_dir("/proc").expect("/proc").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| pid != std::process::id() && exists(pid))
            .filter(|pid| own(format!("/proc/{pid}/environ")) || own(format!("/proc/{pid}/mountinfo")))
            .map(|pid| {
                format!("{pid} {}", fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default())
            })
            .collect()
    }

    /// Mounts of this world on the machine, and files that a distribution at rest does not have.
    pub fn leftover_files(&self, name: &str) -> Vec<String> {
        let mut leftover_files = mounts(self.directory.path());
        let mut look = |folder: PathBuf, known: &[&str]| {
            let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
            let names = names.map(|name| name.to_string_lossy().into_owned());
            leftover_files.extend(names.filter(|name| !known.contains(&name.as_str())));
        };
        let logs = ["kmsg.log", "report", "supervisor.log"];
        let lasting = ["registration.json", "instance.lock", "oobe.lock", "mnt"];
        look(self.folder(name), &[&logs[..], &lasting].concat());
        look(self.home(), &["lock", "default", "distributions", "vm.lock", "vm.users"]);
        look(self.directory.path().join(name), &["rootfs", "ext4.vhdx"]);
        look(self.directory.path().into(), &["registry", "tree.tar", "export.tar", name]);
        leftover_files
    }

    /// PID 1 of a distribution, seen from outside.
    pub fn first(&self, name: &str) -> u32 {
        let pid = self.instance(name)["first"]["pid"].as_u64().expect("a process id");
        pid.try_into().expect("a process id")
    }

    /// As [`Sim::first`], if the distribution runs.
    pub fn try_first(&self, name: &str) -> Option<u32> {
        self.try_supervisor(name).filter(|&pid| exists(pid))?;
        self.record(name)?["first"]["pid"].as_u64()?.try_into().ok().filter(|&pid| exists(pid))
    }

    /// The processes of a distribution, seen from outside: those in its process namespace and in those below it. None as
    /// long as it has no process 1.
    pub fn processes(&self, name: &str) -> Vec<u32> {
        // It may end between the two.
        let Some((first, cgroup)) = self.try_first(name).zip(self.cgroup(name)) else { return Vec::new() };
        let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = namespace(first);
        let parent = |pid: u32| -> Option<u32> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
        };
        let below = |pid: u32| std::iter::successors(Some(pid), |&pid| parent(pid)).any(|pid| pid == first);
        let mut pids = Vec::new();
        collect(&cgroup, &mut pids);
        pids.retain(|&pid| namespace(pid).is_some_and(|found| Some(&found) == own.as_ref()) || below(pid));
        pids
    }

    /// The cgroup of WSL's sessions in a distribution (W§5.4).
    pub fn sessions_group(&self, name: &str) -> PathBuf {
        let top = self.cgroup(name).expect("a cgroup").join("vm");
        let own = top.join(format!("wsl-user/distro-{}", self.first(name)));
        [own.join("non-systemd"), own].into_iter().find(|group| group.exists()).unwrap_or(top)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if !self.home().exists() {
            return;
        }
        let list = self.run(["--list", "--all", "--quiet"]);
        let mut groups = Vec::new();
        for name in list.out.lines() {
            groups.extend(self.cgroup(name));
            let record = fs::read(self.folder(name).join("instance.json")).unwrap_or_default();
            let unregistered = self.run(["--unregister", name]);
            if std::thread::panicking() {
                eprintln!(
                    "{name}: {}{unregistered:?}",
                    fs::read_to_string(self.folder(name).join("kmsg.log")).unwrap_or_default()
                );
                continue;
            }
            assert_eq!(unregistered.code, 0, "{unregistered:?}");
            if let Ok(record) = serde_json::from_slice::<Value>(&record) {
                let pid = record["supervisor"]["pid"].as_u64().and_then(|pid| pid.try_into().ok());
                assert!(!exists(pid.expect("a process id")), "a process is left");
            }
        }
        // The virtual machine ends with its last distribution.
        if !std::thread::panicking() {
            assert!(!groups.iter().any(|group| group.exists()), "a cgroup is left");
            assert!(!self.home().join("vm.json").exists(), "the virtual machine is left");
        }
    }
}

fn collect(cgroup: &Path, pids: &mut Vec<u32>) {
    let procs = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    pids.extend(procs.lines().filter_map(|line| line.parse::<u32>().ok()));
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), pids);
        }
    }
}

/// The mounts of this machine that have a path in them.
pub fn mounts(path: &Path) -> Vec<String> {
    let all = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    let path = path.to_str().expect("a readable path");
    all.lines().filter(|line| line.contains(path)).map(Into::into).collect()
}

/// Whether the first shell starts systemd, and not WSL: the same tests pass in both modes.
pub fn namespace() -> bool {
    match std::env::var_os("NIXOS_WSL_MODE") {
        Some(mode) if mode == "namespace" => true,
        None => false,
        Some(mode) => panic!("NIXOS_WSL_MODE is {}, not namespace", mode.display()),
    }
}

/// The same command where a line of the shell, whose `$0` is that path, has mounted something that nobody else sees.
pub fn mounted(command: &Command, line: &str, path: &Path) -> Command {
    let mut new = Command::new("unshare");
    new.args(["--mount", "sh", "-c", &format!("{line}; exec \"$@\"")]).arg(path);
    new.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    new.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    new
}

/// Whether this machine gives what file systems are made of here.
pub fn has_fuse() -> bool {
    fs::File::options().read(true).write(true).open("/dev/fuse").is_ok()
}

/// The name of the stand-in's image of the mode that is tested.
pub fn image_name() -> &'static str {
    if namespace() { "namespace-image.tar.gz" } else { "image.tar.gz" }
}

/// The same with every shell and every way in, udev, and a runtime of containers.
pub fn every_way_image_name() -> &'static str {
    if namespace() { "every-way-namespace-image.tar.gz" } else { "every-way-image.tar.gz" }
}

/// That image in the bundle of `$NIXOS_WSL_STANDIN`.
pub fn image() -> PathBuf {
    bundled(image_name())
}

/// The end of a command line that starts a program under systemd and without the user's shell. WSL's own `-e` does so
/// where WSL has started systemd; elsewhere `nixos-wsl exec` goes in.
pub fn systemd_exec<'a>(program: &[&'a str]) -> Vec<&'a str> {
    let way: &[&str] = if namespace() { &["-e", "/bin/nixos-wsl", "exec"] } else { &["-e"] };
    [way, program].concat()
}

/// A file of that bundle.
pub fn bundled(name: &str) -> PathBuf {
    let bundle = std::env::var_os("NIXOS_WSL_STANDIN");
    let bundle = bundle.expect("NIXOS_WSL_STANDIN names what `checks/standin/build bundle` prints");
    Path::new(&bundle).join(name)
}

/// Whether a process runs; one that only waits to be reaped does not.
pub fn exists(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

/// Sends a signal to a process of a world. Whoever has ended meanwhile needs none.
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    let _ = kill_process(pid, signal);
}

/// The exit code, as a shell has it.
pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Runs a command to its end.
pub fn ended(command: &mut Command) -> Ended {
    let output = command.output().expect("wsl-sim starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: code(output.status), out: text(output.stdout), err: text(output.stderr) }
}

/// Feeds a command.
pub fn with_input(command: &mut Command, input: &[u8]) -> Ended {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child: Child = child.expect("wsl-sim starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().expect("wsl-sim ends");
    // The reader may have had enough.
    let _ = feeder.join().expect("the feeder");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: code(output.status), out: text(output.stdout), err: text(output.stderr) }
}
