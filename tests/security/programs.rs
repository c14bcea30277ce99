//! What is not in a program cannot be abused there.
#![cfg(feature = "sim")]

use std::path::Path;

fn contains(program: &str, text: &str) -> bool {
    let tools = std::env::var_os("NIXOS_WSL_TOOLS").expect("NIXOS_WSL_TOOLS names what `checks/tools` made");
    let bytes = std::fs::read(Path::new(&tools).join("bin").join(program)).expect("a program");
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
#[ignore = "reads the programs as shipped: checks/run gives them"]
fn sh_has_no_code_for_namespaces_and_environments() {
    for text in
        ["/etc/set-environment", "nixos-wsl-enter", "/run/nixos-wsl/state", "/ns/", "nixos-wsl caller"]
    {
        assert!(!contains("nixos-wsl-sh", text), "{text}");
    }
    // The same words are found where they belong, so that the search is one.
    assert!(contains("nixos-wsl-shell", "/etc/set-environment"));
    assert!(contains("nixos-wsl-session", "nixos-wsl caller"));
    assert!(!contains("nixos-wsl-shell", "nixos-wsl caller"));
}

#[test]
#[ignore = "reads the programs as shipped: checks/run gives them"]
fn no_program_that_anybody_starts_knows_a_variable_of_ours() {
    for program in ["nixos-wsl-sh", "nixos-wsl-shell", "nixos-wsl-session", "nixos-wsl-enter", "nixos-wsl"] {
        assert!(!contains(program, "NIXOS_WSL_"), "{program}");
    }
}
