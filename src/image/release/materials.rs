//! The bill of materials of a closure, as CycloneDX 1.5: a component for each store path, and what it refers to.

use std::collections::BTreeSet;

use cyclonedx_bom::models::bom::SpecVersion;
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::models::property::{Properties, Property};
use cyclonedx_bom::models::tool::{Tool, Tools};
use cyclonedx_bom::prelude::{Bom, Purl, Validate};

use super::attributes::ReleaseAttributes;
use super::error::ReleaseError;
use crate::image::closure::{ClosurePath, STORE_DIR};

/// The text of the file. It has no time and no number of its own: the same closure gives the same text.
pub(super) fn bill(attributes: &ReleaseAttributes) -> Result<String, ReleaseError> {
    let unfit = |reason: String| ReleaseError::Materials(reason);
    let paths = attributes.closure.paths();
    let components = paths.map(component).collect::<Result<Vec<_>, _>>()?;
    let system = Component::new(
        Classification::OperatingSystem,
        "nixos-wsl",
        &attributes.version,
        Some("system".into()),
    );
    let bom = Bom {
        serial_number: None,
        spec_version: SpecVersion::V1_5,
        metadata: Some(Metadata {
            tools: Some(Tools::List(vec![Tool::new(
                "nixos-wsl",
                "nixos-wsl-image",
                env!("CARGO_PKG_VERSION"),
            )])),
            component: Some(system),
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies(attributes))),
        ..Bom::default()
    };
    let verdict = bom.validate();
    if verdict.has_errors() {
        return Err(unfit(format!("{verdict:?}")));
    }
    let mut text = Vec::new();
    bom.output_as_json(&mut text, SpecVersion::V1_5).map_err(|error| unfit(error.to_string()))?;
    text.push(b'\n');
    String::from_utf8(text).map_err(|error| unfit(error.to_string()))
}

fn component(path: &ClosurePath) -> Result<Component, ReleaseError> {
    let (name, version) = name_and_version(&path.path);
    let mut component = Component::new(Classification::Application, name, version, Some(path.path.clone()));
    let purl = Purl::new("nix", name, version);
    component.purl = Some(purl.map_err(|error| ReleaseError::Materials(format!("{}: {error}", path.path)))?);
    // The hash is of the path's archive, not of a file, which is what the format's own hashes are of.
    component.properties = Some(Properties(vec![
        Property::new("nix:output_path", &path.path),
        Property::new("nix:nar_hash", &path.nar_hash),
    ]));
    Ok(component)
}

/// What each refers to; the system, what nobody else refers to.
fn dependencies(attributes: &ReleaseAttributes) -> Vec<Dependency> {
    let others = |path: &ClosurePath| -> Vec<String> {
        path.references.iter().filter(|reference| **reference != path.path).cloned().collect()
    };
    let needed: BTreeSet<_> = attributes.closure.paths().flat_map(others).collect();
    let roots =
        attributes.closure.paths().map(|path| path.path.clone()).filter(|path| !needed.contains(path));
    let system = Dependency { dependency_ref: "system".into(), dependencies: roots.collect() };
    let each =
        |path: &ClosurePath| Dependency { dependency_ref: path.path.clone(), dependencies: others(path) };
    std::iter::once(system).chain(attributes.closure.paths().map(each)).collect()
}

/// The parts of a store path's name: the version begins after the first dash that no letter follows (Nix's
/// `parseDrvName`).
fn name_and_version(path: &str) -> (&str, &str) {
    let name = path.strip_prefix(STORE_DIR).and_then(|path| path.get(34..)).unwrap_or(path);
    let dashes = name.match_indices('-').map(|(at, _)| at);
    let is_version = |at: &usize| name.as_bytes().get(at + 1).is_some_and(|byte| !byte.is_ascii_alphabetic());
    match dashes.into_iter().find(is_version) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `builtins.parseDrvName` splits them.
    #[test]
    fn a_version_begins_with_no_letter() {
        for (name, expected) in [
            ("bash-5.2p26", ("bash", "5.2p26")),
            ("glibc-2.40-66-bin", ("glibc", "2.40-66-bin")),
            ("nixos-system-nixos-26.05", ("nixos-system-nixos", "26.05")),
            ("unit-dbus.service", ("unit-dbus.service", "")),
            ("source", ("source", "")),
            ("a-", ("a-", "")),
        ] {
            let path = format!("{STORE_DIR}/00000000000000000000000000000000-{name}");
            assert_eq!(name_and_version(&path), expected);
        }
    }
}
