//! Fuzzing of every parser that reads what others wrote: files of the system, archives, records between programs.
//!
//! As a test binary it tries the kept corpus, then changed inputs for `NIXOS_WSL_FUZZ_SECONDS` each (default 1). Compiled
//! with `--cfg fuzzing` it is a libFuzzer program for the target that `NIXOS_WSL_FUZZ_TARGET` names: checks/soak.
#![cfg_attr(fuzzing, no_main)]
#![allow(clippy::unwrap_used, reason = "a panic is a finding")]

mod archives;
mod corpus;
mod images;
mod input;
#[cfg(not(fuzzing))]
mod mutate;
mod namespaces;
mod roots;
#[cfg(not(fuzzing))]
mod run;
mod sessions;
mod simulator;
mod wsl;

/// Judges one input: it panics when an invariant does not hold.
type Target = fn(&[u8]);

/// Gives every target a test of its own name.
macro_rules! targets {
    ($($module:ident::$name:ident,)*) => {
        #[cfg_attr(not(fuzzing), allow(dead_code, reason = "libFuzzer's"))]
        const TARGETS: &[(&str, Target)] = &[$((stringify!($name), $module::$name),)*];
        $(
            #[cfg(not(fuzzing))]
            #[test]
            fn $name() {
                run::target(stringify!($name), $module::$name);
            }
        )*
    };
}

targets! {
    wsl::wsl_conf,
    wsl::wsl_distribution,
    sessions::set_environment,
    sessions::search_path,
    sessions::session_json,
    sessions::passwd,
    roots::boot_json,
    roots::root_json,
    roots::manifest_json,
    namespaces::caller,
    namespaces::namespace_state,
    namespaces::mountinfo,
    archives::tar_members,
    archives::pax,
    archives::tar_round_trip,
    archives::validated,
    images::python_ini,
    images::attrs_json,
    simulator::registration,
    simulator::command_line,
}

#[cfg(fuzzing)]
mod libfuzzer {
    use std::sync::OnceLock;

    use super::{TARGETS, Target, corpus};

    static TARGET: OnceLock<Target> = OnceLock::new();

    libfuzzer_sys::fuzz_target!(
        init: {
            let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("checks/soak sets {name}"));
            let name = variable("NIXOS_WSL_FUZZ_TARGET");
            let (name, target) = *TARGETS.iter().find(|target| target.0 == name).expect("a target's name");
            // libFuzzer works on a folder of files, the repository keeps one file.
            let folder = variable("NIXOS_WSL_FUZZ_FOLDER");
            if let Ok(limit) = std::env::var("NIXOS_WSL_FUZZ_KEEP") {
                corpus::keep(name, folder.as_ref(), limit.parse().expect("a number of bytes"));
                std::process::exit(0);
            }
            corpus::unfold(name, folder.as_ref());
            let _ = TARGET.set(target);
        },
        |data: &[u8]| {
            if let Some(target) = TARGET.get() {
                target(data);
            }
        }
    );
}
