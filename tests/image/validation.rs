//! What `nixos-wsl-image validate` says of the stand-in's images.

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::path::Path;
use std::process::Command;

use crate::support::installer::bundle;
use crate::support::standin::Standin;
use serde_json::Value;

/// The exit code, and the report.
fn validate(image: &Path) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
    let output = command.args(["validate", "--format", "json"]).arg(image).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
#[ignore = "needs the stand-in's images: checks/run gives them"]
fn no_error_and_only_the_known_warning() {
    for image in [Standin::find().image, bundle("installer.tar.gz")] {
        let (code, verdict) = validate(&image);
        assert_eq!((code, &verdict["errors"]), (Some(0), &Value::from(0)), "{verdict}");
        // A declared user is the point of a NixOS system; WSL takes it (W§7).
        let findings: Vec<_> = verdict["findings"].as_array().unwrap().iter().collect();
        assert!(findings.len() == 1 && findings[0]["rule"] == "default-user", "{verdict}");
        assert_eq!((&verdict["compression"], &findings[0]["by"]), (&"gzip".into(), &"validator".into()));
    }
}
