//! The closure: the store paths that the image holds, with what Nix's database says of each.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::{BASE64, BitOrder, Encoding, HEXLOWER, Specification};
use serde::Deserialize;

use super::{ImageError, Result};

/// Where store paths stand in every image; the database and the paths inside the files depend on it.
pub const STORE_DIR: &str = "/nix/store";

/// One store path as Nix exports it (`exportReferencesGraph` with structured attributes).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosurePath {
    /// The whole path, `/nix/store/<hash>-<name>`.
    pub path: String,
    /// SHA-256 of the NAR: `sha256:` with Nix's base 32 or base 16, or `sha256-` with base 64.
    pub nar_hash: String,
    /// The NAR's size in bytes.
    pub nar_size: u64,
    /// The store paths that this one mentions, itself included where it does.
    pub references: Vec<String>,
    /// How the path's content fixes its name, if it does.
    #[serde(default)]
    pub ca: Option<String>,
}

/// A complete set of store paths: every reference of a member is a member.
#[derive(Debug)]
pub struct Closure {
    paths: BTreeMap<String, ClosurePath>,
}

impl Closure {
    /// Checks `paths` and puts them in order.
    ///
    /// # Errors
    /// When a path is no store path, comes twice, has an unreadable hash, or refers to a path that is not there.
    pub fn new(paths: Vec<ClosurePath>) -> Result<Self> {
        let mut by_path = BTreeMap::new();
        for mut info in paths {
            check_store_path(&info.path)?;
            info.nar_hash = base16(&info.nar_hash).ok_or_else(|| {
                ImageError::closure(&info.path, format!("{:?} is no SHA-256 that Nix writes", info.nar_hash))
            })?;
            if let Some(twin) = by_path.insert(info.path.clone(), info) {
                return Err(ImageError::closure(twin.path, "is in the closure twice"));
            }
        }
        for info in by_path.values() {
            if let Some(missing) = info.references.iter().find(|name| !by_path.contains_key(*name)) {
                return Err(ImageError::closure(
                    &info.path,
                    format!("refers to {missing}, which is not in the closure; export the whole closure"),
                ));
            }
        }
        Ok(Self { paths: by_path })
    }

    /// The paths in order, with the NAR hash in base 16.
    #[must_use]
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &ClosurePath> {
        self.paths.values()
    }

    /// The sum of the NARs' sizes in bytes: what the progress counts against.
    #[must_use]
    pub fn nar_size(&self) -> u64 {
        self.paths.values().fold(0, |sum, info| sum.saturating_add(info.nar_size))
    }

    /// Whether `target` needs nothing from the store, or a store path that the closure has.
    #[must_use]
    pub fn serves(&self, target: &Path) -> bool {
        let Ok(below) = target.strip_prefix(STORE_DIR) else { return true };
        let Some(name) = below.components().next() else { return true };
        name.as_os_str().to_str().is_some_and(|name| self.paths.contains_key(&format!("{STORE_DIR}/{name}")))
    }
}

/// Nix's own rule for names below the store (`checkName` in its `path.cc`).
fn check_store_path(path: &str) -> Result<()> {
    let name = path
        .strip_prefix(STORE_DIR)
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or_else(|| ImageError::closure(path, format!("is not below {STORE_DIR}")))?;
    let valid = |c: u8| c.is_ascii_alphanumeric() || b"+-._?=".contains(&c);
    let bytes = name.as_bytes();
    if bytes.len() > 33 && bytes.len() <= 33 + 211 && bytes[32] == b'-' && bytes.iter().copied().all(valid) {
        Ok(())
    } else {
        Err(ImageError::closure(path, "is no store path (a hash of 32 characters, a dash and a name)"))
    }
}

/// `hash` in the form of Nix's database, `sha256:` and base 16.
fn base16(hash: &str) -> Option<String> {
    let bytes = if let Some(base64) = hash.strip_prefix("sha256-") {
        BASE64.decode(base64.as_bytes()).ok()?
    } else {
        let digits = hash.strip_prefix("sha256:")?;
        match digits.len() {
            52 => nix_base32()?.decode(digits.bytes().rev().collect::<Vec<_>>().as_slice()).ok()?,
            64 => HEXLOWER.decode(digits.as_bytes()).ok()?,
            _ => return None,
        }
    };
    (bytes.len() == 32).then(|| format!("sha256:{}", HEXLOWER.encode(&bytes)))
}

/// Nix's base 32 reads the digits from the end, least significant bit first, and leaves out e, o, t and u.
fn nix_base32() -> Option<Encoding> {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789abcdfghijklmnpqrsvwxyz");
    specification.bit_order = BitOrder::LeastSignificantFirst;
    specification.encoding().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of the empty string, as `nix hash to-base32`, `to-base16` and `to-sri` print it.
    const BASE32: &str = "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    const BASE16: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const SRI: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn reads_every_form_of_a_hash() {
        for form in [BASE32, BASE16, SRI] {
            assert_eq!(base16(form).as_deref(), Some(BASE16), "{form}");
        }
        for bad in ["", "md5:00", "sha256:", "sha256:e3b0", &BASE32[..50], "sha256-AA=="] {
            assert_eq!(base16(bad), None, "{bad}");
        }
    }

    fn path(name: &str, references: &[&str]) -> ClosurePath {
        ClosurePath {
            path: name.into(),
            nar_hash: BASE16.into(),
            nar_size: 1,
            references: references.iter().map(ToString::to_string).collect(),
            ca: None,
        }
    }

    #[test]
    fn wants_a_complete_closure_of_store_paths() {
        let a = "/nix/store/00000000000000000000000000000000-a";
        let b = "/nix/store/00000000000000000000000000000000-b";
        assert_eq!(Closure::new(vec![path(b, &[a]), path(a, &[a])]).unwrap().paths().next().unwrap().path, a);
        let error = |paths| Closure::new(paths).unwrap_err().to_string();
        assert!(error(vec![path(a, &[b])]).contains(&format!("{a:?}: refers to {b}")));
        assert!(error(vec![path(a, &[]), path(a, &[])]).contains("twice"));
        for bad in [
            "/nix/store",
            "/nix/store/",
            "/etc/passwd",
            "/nix/store/x",
            "/nix/store/../../etc/passwd-aaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(error(vec![path(bad, &[])]).contains("store path"), "{bad}");
        }
    }

    #[test]
    fn knows_which_targets_would_dangle() {
        let a = "/nix/store/00000000000000000000000000000000-a";
        let closure = Closure::new(vec![path(a, &[])]).unwrap();
        assert!(closure.serves(Path::new("/nix/store/00000000000000000000000000000000-a/bin/x")));
        assert!(closure.serves(Path::new("/run/current-system/sw")));
        assert!(!closure.serves(Path::new("/nix/store/00000000000000000000000000000000-b/bin/x")));
    }
}
