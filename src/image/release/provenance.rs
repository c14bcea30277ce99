//! What a release was made from: the commit, the lock file, and each store path as `nix path-info --json` has it.

use std::collections::BTreeMap;
use std::fs;

use data_encoding::{BASE64, HEXLOWER};
use serde::Serialize;
use serde_json::Value;

use super::attributes::ReleaseAttributes;
use super::error::ReleaseError;
use crate::image::ImageError;
use crate::image::closure::ClosurePath;
use crate::system::error::Context;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    version: &'a str,
    machine: &'a str,
    revision: Option<&'a str>,
    flake_lock: Value,
    path_info: BTreeMap<&'a str, PathInfo<'a>>,
}

/// The part of Nix's own record that does not depend on the machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PathInfo<'a> {
    nar_hash: String,
    nar_size: u64,
    references: &'a [String],
}

impl<'a> PathInfo<'a> {
    /// With the hash in the form that Nix prints today: base 64, as of "subresource integrity".
    fn of(path: &'a ClosurePath) -> Result<Self, ImageError> {
        let digits = path.nar_hash.strip_prefix("sha256:").unwrap_or_default();
        let hash = HEXLOWER.decode(digits.as_bytes());
        let hash = hash.map_err(|error| ImageError::closure(&path.path, error.to_string()))?;
        let nar_hash = format!("sha256-{}", BASE64.encode(&hash));
        Ok(Self { nar_hash, nar_size: path.nar_size, references: &path.references })
    }
}

/// The text of the file.
pub(super) fn statement(attributes: &ReleaseAttributes) -> Result<String, ReleaseError> {
    let lock = &attributes.lock;
    let text = fs::read(lock).doing_at("read", lock)?;
    let unfit = |source| ReleaseError::Json { path: lock.clone(), source };
    let paths = attributes.closure.paths().map(|path| Ok((path.path.as_str(), PathInfo::of(path)?)));
    let statement = Statement {
        version: &attributes.version,
        machine: &attributes.machine,
        revision: attributes.revision.as_deref(),
        flake_lock: serde_json::from_slice(&text).map_err(unfit)?,
        path_info: paths.collect::<Result<_, ImageError>>()?,
    };
    serde_json::to_string_pretty(&statement).map(|text| text + "\n").map_err(unfit)
}
