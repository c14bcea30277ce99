//! What only Windows has: its programs, drives, pictures, graphics, menus and paths. None of it was ever run.

use std::fs;
use std::path::Path;

use super::ask::needs;
use crate::accept::bench::Bench;
use crate::accept::case::{Case, Need, Trouble, check};
use crate::accept::process::windows_program;

const WINDOWS: &[Need] = &[Need::Windows];

/// Of Windows.
pub const CASES: &[Case] = &[
    Case {
        name: "interop",
        proves: "Programs of Windows run from the user's shell, with their output and exit code",
        needs: WINDOWS,
        body: |bench| {
            bench
                .script("cmd.exe /c 'echo from Windows& exit 5' 2>/dev/null; echo $?")
                .prints("from Windows\n5")
        },
    },
    Case {
        name: "interop-by-path",
        proves: "Programs of Windows run by their path on the drive, as root and without a shell",
        needs: WINDOWS,
        body: |bench| {
            bench.root_exec(&["/mnt/c/Windows/System32/cmd.exe", "/c", "echo reached"]).prints("reached")
        },
    },
    Case {
        name: "interop-after-binfmt",
        proves: "Programs of Windows still run after systemd-binfmt.service was restarted",
        needs: WINDOWS,
        body: |bench| {
            bench
                .root_script(
                    "systemctl restart systemd-binfmt.service; cmd.exe /c 'echo reached' 2>/dev/null",
                )
                .prints("reached")
        },
    },
    Case {
        name: "interop-in-a-service",
        proves: "A service of the user's systemd reaches Windows by WSL's socket",
        needs: WINDOWS,
        body: |bench| {
            let script = "systemd-run --user --quiet --pipe --wait -E WSL_INTEROP=$WSL_INTEROP \
                          /mnt/c/Windows/System32/cmd.exe /c 'echo reached'";
            bench.script(script).prints("reached")
        },
    },
    Case {
        name: "windows-path",
        proves: "Folders of Windows' PATH come after NixOS's own",
        needs: WINDOWS,
        body: |bench| {
            let path = bench.script("echo $PATH").ok()?;
            let place = |part: &str| path.split(':').position(|folder| folder.to_lowercase().contains(part));
            check(place("/windows/system32") > place("/run/current-system/sw/bin"), || path.clone())
        },
    },
    Case {
        name: "drive",
        proves: "A file that a command writes on drive C is there for Windows, and the other way round",
        needs: WINDOWS,
        body: drive,
    },
    Case {
        name: "drive-metadata",
        proves: "Modes stay on drive C where its options ask for metadata",
        needs: WINDOWS,
        body: |bench| {
            let options = bench.script("findmnt -no OPTIONS /mnt/c").ok()?;
            if !options.contains("metadata") {
                return Err(Trouble::CannotRun("drive C is mounted without metadata".into()));
            }
            let folder = in_distribution(bench, &bench.directory)?;
            bench
                .script(&format!("cd '{folder}' && : >mode && chmod 741 mode && stat -c %a mode; rm mode"))
                .prints("741")
        },
    },
    Case {
        name: "files-from-windows",
        proves: "Windows reads the distribution's files by \\\\wsl.localhost, links into the store too",
        needs: WINDOWS,
        body: |bench| {
            let path = format!("\\\\wsl.localhost\\{}\\etc\\os-release", bench.name);
            let text =
                fs::read_to_string(&path).map_err(|error| Trouble::Failed(format!("{path}: {error}")))?;
            check(text.contains("ID=nixos"), || text.clone())
        },
    },
    Case {
        name: "wslg-sockets",
        proves: "WSLg's X11 and Wayland sockets are where programs look, and DISPLAY names one",
        needs: WINDOWS,
        body: |bench| {
            has_wslg(bench)?;
            bench
                .script(
                    "test -S /tmp/.X11-unix/X0 && test -S $XDG_RUNTIME_DIR/$WAYLAND_DISPLAY && echo $DISPLAY",
                )
                .prints(":0")
        },
    },
    Case {
        name: "wslg-picture",
        proves: "A program of X11 opens a window's connection, and OpenGL is the graphics card's",
        needs: WINDOWS,
        body: |bench| {
            has_wslg(bench)?;
            needs(bench, "command -v glxinfo >/dev/null", "this image has no glxinfo (pkgs.mesa-demos)")?;
            let reply = bench.script("glxinfo -B").reply()?;
            check(reply.code == 0 && reply.out.contains("D3D12"), || format!("{reply:?}"))
        },
    },
    Case {
        name: "gpu-libraries",
        proves: "The libraries of Windows' graphics driver are there, and NixOS's programs find them",
        needs: WINDOWS,
        body: |bench| {
            needs(bench, "test -e /dev/dxg", "this machine gives WSL no graphics card: no /dev/dxg")?;
            bench
                .script("ls /usr/lib/wsl/lib/libdxcore.so && ls /run/opengl-driver/lib/libdxcore.so")
                .ok()
                .map(drop)
        },
    },
    Case {
        name: "time-zone",
        proves: "The distribution has the offset of Windows' time zone",
        needs: WINDOWS,
        body: |bench| {
            let here = windows_program(
                Path::new("powershell.exe"),
                &["-NoProfile", "-Command", "(Get-Date).ToString('zzz')"],
            )?;
            bench.line("date +%:z").prints(here.trim())
        },
    },
    Case {
        name: "name-service",
        proves: "Names of the internet are found by way of Windows",
        needs: &[Need::Windows, Need::Internet],
        body: |bench| {
            bench
                .line("getent hosts cache.nixos.org >/dev/null && nixos-version >/dev/null && echo found")
                .prints("found")
        },
    },
    Case {
        name: "start-menu",
        proves: "The distribution has its entry, with an icon, in the start menu of Windows",
        needs: WINDOWS,
        body: |bench| {
            let roaming = std::env::var("APPDATA").unwrap_or_default();
            let path = Path::new(&roaming)
                .join("Microsoft/Windows/Start Menu/Programs")
                .join(format!("{}.lnk", bench.name));
            check(path.exists(), || format!("{} is not there", path.display()))
        },
    },
    Case {
        name: "terminal-profile",
        proves: "Windows Terminal has a profile for the distribution",
        needs: WINDOWS,
        body: |bench| {
            let local = std::env::var("LOCALAPPDATA").unwrap_or_default();
            let folder = Path::new(&local).join("Microsoft/Windows Terminal/Fragments/Microsoft.WSL");
            let files = fs::read_dir(&folder)
                .map_err(|error| Trouble::Failed(format!("{}: {error}", folder.display())))?;
            let named = files
                .flatten()
                .any(|file| fs::read_to_string(file.path()).is_ok_and(|text| text.contains(&bench.name)));
            check(named, || format!("no fragment in {} names {}", folder.display(), bench.name))
        },
    },
];

/// A path of Windows, as the distribution has it.
fn in_distribution(bench: &Bench, path: &Path) -> Result<String, Trouble> {
    bench.exec(&["wslpath", "-u", &path.to_string_lossy()]).ok()
}

fn drive(bench: &Bench) -> Result<(), Trouble> {
    let folder = &bench.directory;
    let inside = in_distribution(bench, folder)?;
    let failed = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", folder.display()));
    fs::write(folder.join("given"), "from Windows").map_err(failed)?;
    bench.script(&format!("cd '{inside}' && cat given && echo from NixOS >taken")).prints("from Windows")?;
    let taken = fs::read_to_string(folder.join("taken")).map_err(failed)?;
    check(taken == "from NixOS\n", || taken.clone())
}

fn has_wslg(bench: &Bench) -> Result<(), Trouble> {
    let lack = "guiApplications is off in .wslconfig: there is no WSLg";
    needs(bench, "test -e /mnt/wslg/runtime-dir", lack)
}
