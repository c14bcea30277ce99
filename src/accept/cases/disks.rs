//! Several distributions: an installation as from a store or a double click, and a copy by export and import.

use std::fs;

use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble};

/// Of further distributions.
pub const CASES: &[Case] = &[
    Case {
        name: "second-distribution",
        proves: "Installed a second time with `wsl --install --from-file`, both run at once, each with its \
            own systemd",
        needs: &[],
        body: |bench| {
            let second = bench.second();
            let disk = bench.outside(&second).into_os_string();
            let arguments =
                ["--install", "--from-file"].map(Into::into).into_iter().chain([bench.image.clone().into()]);
            let arguments =
                arguments.chain(["--name".into(), second.clone().into(), "--location".into(), disk]);
            bench.wsl.call(arguments.chain(["--no-launch".into()])).ok()?;
            let result = both_run(bench, &second);
            bench.wsl.call(["--unregister", &second]).ok()?;
            result?;
            bench
                .line("echo $WSL_DISTRO_NAME ; systemctl is-system-running")
                .prints(&format!("{}\nrunning", bench.name))
        },
    },
    Case {
        name: "export-and-import",
        proves: "A distribution that was exported and imported under another name is whole, and has its files",
        needs: &[],
        body: |bench| {
            let (second, file) = (bench.second(), bench.outside("export.tar"));
            bench.root_script("echo kept >/var/lib/nixos-wsl-accept-copy; nixos-version >/dev/null").ok()?;
            bench
                .wsl
                .call(["--export".into(), bench.name.clone().into(), file.clone().into_os_string()])
                .ok()?;
            let disk = bench.outside(&second).into_os_string();
            let imported = bench
                .wsl
                .call(["--import".into(), second.clone().into(), disk, file.clone().into_os_string()])
                .ok();
            let found = imported.and_then(|_| {
                bench
                    .line_in(&second, "cat /var/lib/nixos-wsl-accept-copy ; systemctl is-system-running")
                    .prints("kept\nrunning")
            });
            let removed = bench.wsl.call(["--unregister", &second]).ok();
            fs::remove_file(&file)
                .map_err(|error| Trouble::Failed(format!("{}: {error}", file.display())))?;
            found?;
            removed.map(drop)
        },
    },
];

fn both_run(bench: &Bench, second: &str) -> Result<(), Trouble> {
    for name in [&bench.name, second] {
        let line = "systemctl is-system-running ; echo $WSL_DISTRO_NAME ; sudo -n true ; touch /tmp/$WSL_DISTRO_NAME";
        bench.line_in(name, line).prints(&format!("running\n{name}"))?;
    }
    for name in [&bench.name, second] {
        let line = "cat /proc/1/comm ; cd /tmp && ls -d nixos-wsl-accept-*";
        bench.line_in(name, line).prints(&format!("systemd\n{name}"))?;
    }
    Ok(())
}
