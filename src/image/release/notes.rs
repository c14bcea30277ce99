//! The notes of a release: its changes, which file is for whom, and how to check and rebuild them.

use std::fs;

use super::attributes::ReleaseAttributes;
use super::error::ReleaseError;
use crate::system::error::Context;

/// The text of the file.
pub(super) fn text(attributes: &ReleaseAttributes) -> Result<String, ReleaseError> {
    let ReleaseAttributes { version, changelog, .. } = attributes;
    let text = fs::read_to_string(changelog).doing_at("read", changelog)?;
    let changes = [version.as_str(), "Unreleased"].into_iter().find_map(|heading| section(&text, heading));
    let changes =
        changes.ok_or_else(|| ReleaseError::Changes { path: changelog.clone(), version: version.clone() })?;
    let checkout = match &attributes.revision {
        Some(revision) => format!("in a checkout of {revision}"),
        None => "in a checkout of its source".to_owned(),
    };
    Ok(format!(
        "# NixOS on WSL {version}\n\n{changes}\n\n{FILES}\n## Check and rebuild\n\n`sha256sum --check --ignore-missing SHA256SUMS` \
        checks what was downloaded. These two commands, {checkout}, make the same bytes again and compare them with the sums in \
        FOLDER, the whole path of the folder with what was downloaded:\n\n    \
        nix build .#release\n    (cd result && sha256sum --check FOLDER/SHA256SUMS --ignore-missing)\n"
    ))
}

/// What stands below a heading of the second level, up to the next.
fn section<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let mut sections = text.split("\n## ").skip(1);
    sections.find_map(|section| {
        let (title, body) = section.split_once('\n')?;
        let title = title.split(" - ").next().unwrap_or(title).trim().trim_start_matches('v');
        (title == heading).then(|| body.trim())
    })
}

const FILES: &str = "## The files

| File | For |
|---|---|
| `nixos-wsl-MACHINE.wsl` | a double click, or `wsl --install --from-file`: the first start asks for your user's name |
| `nixos-wsl-MACHINE.tar.gz` | `wsl --import`, and scripts: the user is `nixos` |
| `nixos-wsl-MACHINE.vhdx.zst` | `wsl --import-in-place` or `--import --vhd` after `zstd -d`: a disk, the fastest way from many files to one |
| `nixos-wsl-installer-MACHINE.tar.gz` | DistroLauncher, and whoever takes no hard links: installs the system at its first start |
| `nixos-wsl-tools-MACHINE.tar.gz` | Linux: the static programs, `wsl-sim` among them |
| `nixos-wsl-MACHINE.cdx.json` | the bill of materials (CycloneDX 1.5) |
| `nixos-wsl-MACHINE.provenance.json` | commit, lock file and the hash of each store path |
| `manifest.json` | `wsl --install NAME` without the Microsoft Store: the list of distributions with both `.wsl`, for whoever points WSL to it |
| `nixos-wsl-accept.exe`, `acceptance.html` | Windows: tries an image, and what it said of this one |
";

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn a_section_ends_at_the_next_heading() {
        let text = "# Changes\n\n## Unreleased\n\nnew\n\n### A\n\nmore\n\n## 0.1.0 - 2026-01-01\n\nold\n";
        assert_eq!(section(text, "Unreleased"), Some("new\n\n### A\n\nmore"));
        assert_eq!(section(text, "0.1.0"), Some("old"));
        assert_eq!(section(text, "0.2.0"), None);
    }
}
