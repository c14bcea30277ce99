//! The stand-in's image, as `checks/standin/build bundle` made it, for the tests that need a whole one.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The files of the bundle.
pub struct Standin {
    /// The image of the first generation.
    pub image: PathBuf,
    /// The attributes of the derivation that wrote it.
    pub attributes_file: PathBuf,
    /// Their content.
    pub attributes: Value,
}

impl Standin {
    /// Finds the bundle by `$NIXOS_WSL_STANDIN`.
    ///
    /// # Panics
    /// When there is none: these tests only run where something asked for them.
    pub fn find() -> Self {
        let bundle = PathBuf::from(
            std::env::var_os("NIXOS_WSL_STANDIN")
                .expect("NIXOS_WSL_STANDIN names what `checks/standin/build bundle` prints"),
        );
        let attributes_file = bundle.join("attributes.json").canonicalize().unwrap();
        let attributes = serde_json::from_slice(&std::fs::read(&attributes_file).unwrap()).unwrap();
        Self { image: bundle.join("image.tar.gz").canonicalize().unwrap(), attributes_file, attributes }
    }

    /// The closure's store paths, as Nix described them.
    pub fn closure(&self) -> &[Value] {
        self.attributes["closure"].as_array().unwrap()
    }

    /// The image as WSL's own extractor unpacks it, below a new directory (W§1.2).
    pub fn extracted(&self) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        extract_with_bsdtar(&self.image, root.path(), "C.UTF-8");
        root
    }
}

/// Runs WSL's import command on `image`. Not even a warning is allowed: WSL takes any for a failure.
pub fn extract_with_bsdtar(image: &Path, destination: &Path, locale: &str) {
    let output = run(Command::new("bsdtar")
        .env("LC_ALL", locale)
        .arg("-C")
        .arg(destination)
        .args(["-x", "-p", "--xattrs", "--numeric-owner", "-f", "-"])
        .stdin(std::fs::File::open(image).unwrap()));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "bsdtar in the {locale} locale");
}

/// Runs `command` to its end.
///
/// # Panics
/// When it cannot be started or fails; with what it said.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
