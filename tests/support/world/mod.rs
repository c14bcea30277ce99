//! A root directory with small fake systems, started as WSL starts a distribution (W§5.1): in namespaces of its own, all
//! signals ignored, umask 0, three variables, standard streams on /dev/null.
//!
//! Everything in it is a script of a static busybox, so a boot takes milliseconds. `/run` and `/dev` are new in each boot;
//! the rest stays, as on WSL's disk.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::patience::seconds;

const BUSYBOX: &str = "/bin/busybox";
const BASH: &str = "/bin/bash-static";

/// The first line of every script.
pub const SHEBANG: &str = "#!/nix/store/tools/bin/sh\n";
/// What a good `activate` does.
pub const ACTIVATE: &str = "ln -sfn \"$(dirname \"$0\")\" /run/current-system\n";
/// A systemd that writes down how it was started, and stays.
pub const SYSTEMD: &str = "{ echo \"$0\"; cat /proc/$$/environ | tr '\\0' '\\n'; grep -E '^(Sig|Umask)' /proc/$$/status; } >/run/systemd-started.new
mv /run/systemd-started.new /run/systemd-started
exec sleep 1000000\n";

/// In the form NixOS gives it.
pub const SET_ENVIRONMENT: &str = r#"# DO NOT EDIT -- this file has been generated automatically.
export __NIXOS_SET_ENVIRONMENT_DONE=1

export EDITOR="nano"
export NIX_PATH="nixpkgs=flake:nixpkgs:/nix/var/nix/profiles/per-user/root/channels"
export PATH="$HOME/.nix-profile/bin:/nix/profile/bin:/run/current-system/sw/bin"

export NIX_USER_PROFILE_DIR="/nix/var/nix/profiles/per-user/$USER"
export NIX_PROFILES="/run/current-system/sw /nix/var/nix/profiles/default"
if [ -e "$HOME/.nix-defexpr/channels" ]; then
  export NIX_PATH="$HOME/.nix-defexpr/channels${NIX_PATH:+:$NIX_PATH}"
fi
if [ -z "$SSH_AUTH_SOCK" -a -n "$XDG_RUNTIME_DIR" ]; then
  export SSH_AUTH_SOCK="$XDG_RUNTIME_DIR/ssh-agent"
fi

# reset TERM with new TERMINFO available (if any)
export TERM=$TERM
# Wrappers override other bin directories.
export PATH="/run/wrappers/bin:$PATH"
"#;

/// Why the tests of this harness cannot run here, if they cannot.
pub fn missing() -> Option<String> {
    if !rustix::process::getuid().is_root() {
        return Some("not root".into());
    }
    if !cfg!(target_env = "musl") {
        return Some("the programs are not static: source \"$(checks/rust)\" before building them".into());
    }
    [BUSYBOX, BASH].iter().find(|file| !Path::new(file).exists()).map(|file| format!("no {file}"))
}

/// Ends a test with a line that says why it did not run.
#[macro_export]
macro_rules! needs_world {
    ($name:literal) => {
        if let Some(reason) = $crate::support::world::missing() {
            println!("SKIP {}: {reason}", $name);
            return;
        }
    };
}

/// One distribution on disk.
pub struct World {
    folder: TempDir,
    /// Shell commands run before the chroot: in `$R` the root, all mounts made.
    pub prepare: String,
    /// Arguments of `/sbin/init` after the first.
    pub arguments: Vec<String>,
    /// `/dev/kmsg` does not exist.
    pub no_kmsg: bool,
    /// Words before the command that becomes process 1: a tracer's.
    pub tracer: Vec<String>,
}

impl World {
    /// A distribution with the programs of the root, one user `alice` whose shell is bash, and no generation.
    pub fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    /// The same in a folder, which may be on a disk of its own.
    pub fn on(folder: &Path) -> Self {
        let folder = TempDir::new_in(folder).unwrap();
        let world = Self {
            folder,
            prepare: String::new(),
            arguments: Vec::new(),
            no_kmsg: false,
            tracer: Vec::new(),
        };
        for path in [
            "bin",
            "sbin",
            "dev",
            "proc",
            "sys",
            "run",
            "etc",
            "tmp",
            "home/alice",
            "root",
            "var/lib/nixos-wsl",
            "var/log",
            "nix/store/tools/bin",
            "nix/var/nix/profiles",
            "mnt",
            "usr/lib/nixos-wsl/shells/alice",
            "usr/lib/nixos-wsl/shells/root",
        ] {
            fs::create_dir_all(world.path(path)).unwrap();
        }
        world.copy(BUSYBOX, "nix/store/tools/bin/busybox");
        world.copy(BASH, "nix/store/tools/bin/bash");
        for applet in [
            "sh", "cat", "tr", "grep", "mv", "ln", "sleep", "dirname", "env", "ls", "rm", "mkdir", "true",
            "touch", "id", "yes", "mount", "stat",
        ] {
            symlink("busybox", world.path("nix/store/tools/bin").join(applet)).unwrap();
        }
        world.install("nixos-wsl-init", "sbin/init");
        for name in ["sh", "mount", "login"] {
            world.install("nixos-wsl-sh", &format!("bin/{name}"));
        }
        world.install("nixos-wsl", "bin/nixos-wsl");
        for user in ["alice", "root"] {
            world.install("nixos-wsl-shell", &format!("usr/lib/nixos-wsl/shells/{user}/bash"));
            symlink("/nix/store/tools/bin/bash", world.path(format!("usr/lib/nixos-wsl/shells/{user}/real")))
                .unwrap();
        }
        world.write("etc/set-environment", SET_ENVIRONMENT);
        world.write(
            "etc/passwd",
            "root:x:0:0::/root:/usr/lib/nixos-wsl/shells/root/bash\nalice:x:1000:100::/home/alice:/usr/lib/nixos-wsl/shells/alice/bash\n",
        );
        world
    }

    /// A distribution with `count` good generations, the newest the profile's.
    pub fn with_generations(count: u64) -> Self {
        Self::new().and_generations(count)
    }

    /// The same world with them.
    #[must_use]
    pub fn and_generations(self, count: u64) -> Self {
        let world = self;
        for number in 1..=count {
            world.generation(number, ACTIVATE, SYSTEMD);
        }
        world.profile(count);
        world
    }

    /// A file of the root, as the host sees it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.folder.path().join(path.strip_prefix("/").unwrap_or(path))
    }

    pub fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn script(&self, path: impl AsRef<Path>, body: &str) {
        let path = path.as_ref();
        self.write(path, &format!("{SHEBANG}{body}"));
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn read(&self, path: impl AsRef<Path>) -> String {
        String::from_utf8_lossy(&fs::read(self.path(path)).unwrap_or_default()).into_owned()
    }

    /// Puts a file of the machine into the root.
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        fs::copy(from, self.path(to)).unwrap();
    }

    /// Puts one of the project's programs into the root.
    pub fn install(&self, program: &str, to: &str) {
        self.copy(self::program(program), to);
    }

    /// Makes generation `number`, the system /nix/store/system-N.
    pub fn generation(&self, number: u64, activate: &str, systemd: &str) {
        let system = format!("nix/store/system-{number}");
        self.script(format!("{system}/activate"), activate);
        self.script(format!("{system}/systemd/lib/systemd/systemd"), systemd);
        self.write(format!("{system}/nixos-version"), &format!("25.11.{number}\n"));
        fs::create_dir_all(self.path(format!("{system}/sw"))).unwrap();
        let _ = symlink("/nix/store/tools/bin", self.path(format!("{system}/sw/bin")));
        let link = self.path(format!("nix/var/nix/profiles/system-{number}-link"));
        let _ = fs::remove_file(&link);
        symlink(format!("/nix/store/system-{number}"), link).unwrap();
    }

    /// Points the profile at a generation.
    pub fn profile(&self, number: u64) {
        let link = self.path("nix/var/nix/profiles/system");
        let _ = fs::remove_file(&link);
        symlink(format!("system-{number}-link"), link).unwrap();
    }

    /// Forgets the boots that were not completed.
    pub fn forget_attempts(&self) {
        let _ = fs::remove_file(self.path("var/lib/nixos-wsl/boot.json"));
    }

    /// Starts the distribution.
    pub fn start(&self) -> Running<'_> {
        let root = self.folder.path().display();
        let kmsg = if self.no_kmsg { "" } else { "touch /dev/null $R/dev/kmsg" };
        let script = format!(
            "set -e\nR={root}\nmount --make-rprivate /\nmount --bind $R $R\n\
             mount -t tmpfs dev $R/dev; {kmsg}\n\
             for d in null zero tty; do touch $R/dev/$d; mount --bind /dev/$d $R/dev/$d; done\n\
             mount -t tmpfs run $R/run; mkdir $R/run/shm; mount -t tmpfs shm $R/run/shm; mkdir $R/dev/shm; mount --bind $R/run/shm $R/dev/shm\n\
             mount -t proc proc $R/proc\n{}\ncd $R\numask 0\n\
             exec {} /usr/bin/env -i --ignore-signal --block-signal=USR1 container=wsl container_host_id=windows container_host_version_id=2.9 /usr/sbin/chroot . /sbin/init {}\n",
            self.prepare,
            self.tracer.join(" "),
            self.arguments.join(" "),
        );
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(if std::env::var_os("WORLD_DEBUG").is_some() { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .unwrap();
        Running { world: self, child, started: Instant::now() }
    }

    /// Starts the distribution and waits until a systemd runs.
    pub fn boot(&self) -> Running<'_> {
        let mut running = self.start();
        running.wait_for_systemd();
        running
    }
}

/// A program of the project: of `NIXOS_WSL_TOOLS`, the static ones, or else of this build.
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("NIXOS_WSL_TOOLS") {
        return Path::new(&folder).join("bin").join(name);
    }
    match name {
        "nixos-wsl-init" => env!("CARGO_BIN_EXE_nixos-wsl-init"),
        "nixos-wsl-sh" => env!("CARGO_BIN_EXE_nixos-wsl-sh"),
        "nixos-wsl-shell" => env!("CARGO_BIN_EXE_nixos-wsl-shell"),
        _ => env!("CARGO_BIN_EXE_nixos-wsl"),
    }
    .into()
}

/// A started distribution; it ends with this value.
pub struct Running<'a> {
    pub world: &'a World,
    child: Child,
    pub started: Instant,
}

impl Running<'_> {
    /// Process 1 as the host knows it, once there is one.
    pub fn init(&self) -> Option<u32> {
        let list = format!("/proc/{0}/task/{0}/children", self.child.id());
        fs::read_to_string(list).ok()?.split_whitespace().next()?.parse().ok()
    }

    /// A file as the distribution sees it, `/run` and `/dev` included.
    pub fn path(&self, path: &str) -> PathBuf {
        let init = self.init().map_or_else(|| "gone".into(), |init| init.to_string());
        PathBuf::from(format!("/proc/{init}/root{path}"))
    }

    pub fn read(&self, path: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(path)).unwrap_or_default()).into_owned()
    }

    /// Waits until `file` exists.
    pub fn wait_for(&mut self, file: &str) {
        let ok = self.wait_until(|running| running.path(file).symlink_metadata().is_ok());
        assert!(ok, "no {file}; log:\n{}", self.world.read("var/log/nixos-wsl-boot.log"));
    }

    /// Waits until `condition` holds; not for ever, and not longer than the distribution lives.
    pub fn wait_until(&mut self, condition: impl Fn(&Self) -> bool) -> bool {
        while self.started.elapsed() < seconds(60) {
            if condition(self) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    pub fn wait_for_systemd(&mut self) {
        self.wait_for("/run/systemd-started");
    }

    /// Waits until process 1 is gone.
    pub fn wait_for_end(&mut self) {
        while self.child.try_wait().unwrap().is_none() {
            assert!(self.started.elapsed() < seconds(60), "process 1 stays");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Number of the generation that runs.
    pub fn generation(&self) -> u64 {
        let system = fs::read_link(self.path("/run/current-system")).unwrap();
        system.to_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
    }

    /// The kernel's log.
    pub fn kmsg(&self) -> String {
        self.read("/dev/kmsg")
    }

    /// A command in the distribution, with the environment to be filled in.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("/usr/bin/nsenter");
        command.env_clear().args([
            "-t",
            &self.init().unwrap().to_string(),
            "-m",
            "-p",
            "-i",
            "-u",
            "-r",
            "-w",
            "--",
            program,
        ]);
        command
    }

    /// Runs a command as root.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().unwrap()
    }

    /// Runs the login shell of root with `-c`, as `wsl -- command` does.
    pub fn shell(&self, script: &str) -> Output {
        self.run("/usr/lib/nixos-wsl/shells/root/bash", &["-c", script])
    }

    /// Ends everything at once, as a power cut does.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(init) = self.init() {
            let _ = Command::new("kill").args(["-9", &init.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a command printed to standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command printed to standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
