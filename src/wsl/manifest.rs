//! The list of distributions that `wsl --install NAME` takes from the network (W§8.3), as WSL reads it.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list of distributions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DistributionList {
    /// The distributions that are archives, by flavor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modern_distributions: Option<Flavors>,
    /// The name that is installed where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Flavors and their versions, in the file's order, which decides between equal names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flavors(pub Vec<(String, Vec<DistributionVersion>)>);

/// A version of a flavor: what is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DistributionVersion {
    /// Name of the distribution, unless the user gives another.
    pub name: String,
    /// What people read.
    pub friendly_name: String,
    /// Whether the flavor's own name means this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    /// The archive for x86-64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amd64_url: Option<DistributionArchive>,
    /// The archive for 64-bit ARM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm64_url: Option<DistributionArchive>,
}

/// Where an archive is, and what it must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DistributionArchive {
    /// `https:`, `http:` or `file:`.
    pub url: String,
    /// Its SHA-256 in hexadecimal digits, with or without `0x`.
    pub sha256: String,
}

impl DistributionVersion {
    /// The archive for the machine that this program runs on.
    #[must_use]
    pub fn archive(&self) -> Option<&DistributionArchive> {
        if cfg!(target_arch = "aarch64") { self.arm64_url.as_ref() } else { self.amd64_url.as_ref() }
    }
}

impl DistributionList {
    /// Reads a list; versions that have no archive for this machine are left out, as WSL does.
    ///
    /// # Errors
    /// It is not JSON, or a value has another type.
    pub fn parse(json: &[u8]) -> serde_json::Result<Self> {
        let mut manifest: Self = serde_json::from_slice(json)?;
        for (_, versions) in manifest.modern_distributions.iter_mut().flat_map(|flavors| &mut flavors.0) {
            versions.retain(|version| version.archive().is_some());
        }
        Ok(manifest)
    }

    /// The version of this name, or the default of the flavor of this name; capitals do not count.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&DistributionVersion> {
        self.modern_distributions.iter().flat_map(|flavors| &flavors.0).find_map(|(flavor, versions)| {
            let of_flavor = flavor.eq_ignore_ascii_case(name);
            versions.iter().find(|version| {
                of_flavor && version.default == Some(true) || version.name.eq_ignore_ascii_case(name)
            })
        })
    }
}

impl DistributionArchive {
    /// The SHA-256 that the archive must have; nothing where the digits are none. Another number of bytes fits no archive.
    #[must_use]
    pub fn digest(&self) -> Option<Vec<u8>> {
        let digits = self.sha256.strip_prefix("0x").or_else(|| self.sha256.strip_prefix("0X"));
        let digits = digits.unwrap_or(&self.sha256).as_bytes();
        let number = |pair: &[u8]| {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let [high, low] = *pair else { return None };
            Some(digit(high)? << 4 | digit(low)?)
        };
        digits.chunks(2).map(number).collect()
    }
}

impl Serialize for Flavors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (flavor, versions) in &self.0 {
            map.serialize_entry(flavor, versions)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Flavors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Keeps the members of an object in their order.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Flavors;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of flavors")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Flavors, M::Error> {
        let mut flavors = Vec::new();
        while let Some(entry) = map.next_entry()? {
            flavors.push(entry);
        }
        Ok(Flavors(flavors))
    }
}
