//! Nix in the distribution: its database, a build, what is fetched.

use crate::accept::case::{Case, Need, check};

/// Of Nix.
pub const CASES: &[Case] = &[
    Case {
        name: "store-is-known",
        proves: "Nix's database knows the running system and all that it needs, and its files are there",
        needs: &[],
        body: |bench| {
            let script = "set -e; paths=$(nix-store -qR /run/current-system); for path in $paths; do test \
                -e $path; done; \
                          nix-store --check-validity $paths; echo $paths | wc -w";
            let count = bench.root_script(script).ok()?;
            check(count.parse::<u32>().is_ok_and(|count| count > 5), || format!("{count} paths"))
        },
    },
    Case {
        name: "build",
        proves: "Nix builds a derivation without a network",
        needs: &[],
        body: |bench| {
            let expression = "derivation { name = \"accept\"; system = builtins.currentSystem; builder = \
                \"/bin/sh\"; preferLocalBuild = true; \
                              args = [ \"-c\" \"echo built > $out\" ]; }";
            bench
                .root_script(&format!(
                    "cat $(nix-build --no-out-link --option substitute false -E '{expression}' 2>/dev/null)"
                ))
                .prints("built")
        },
    },
    Case {
        name: "collect-garbage",
        proves: "A garbage collection leaves the running system whole",
        needs: &[],
        body: |bench| {
            let script = "nix-store --gc 2>&1 && nix-store -qR /run/current-system | xargs ls -d >/dev/null \
                && nixos-version";
            let said = bench.root_script(script).ok()?;
            check(said.contains("store paths deleted"), || said.clone())
        },
    },
    Case {
        name: "nix-shell",
        proves: "`nix-shell -p hello` fetches a program and runs it",
        needs: &[Need::Internet],
        body: |bench| bench.line("nix-shell -p hello --run hello 2>/dev/null").prints("Hello, world!"),
    },
    Case {
        name: "nix-run",
        proves: "`nix run nixpkgs#hello` fetches a program and runs it",
        needs: &[Need::Internet],
        body: |bench| {
            bench
                .line("nix --extra-experimental-features 'nix-command flakes' run nixpkgs#hello 2>/dev/null")
                .prints("Hello, world!")
        },
    },
];
