//! The installer distribution: static programs only, no hard link, and the root file system as one archive inside.
//!
//! Everything that WSL calls in it is a symbolic link to `nixos-wsl-install`, at the very path that the system has later:
//! `/etc/passwd` names the shells of the system, and WSL finds a program there before, while and after they are replaced.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::duplicates::{Duplicates, LinkedArchive};
use super::entry::{Node, Owner};
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::stream::{Archive, write_error};
use super::tarball::{self, Request, TarballReport};
use super::tree::Tree;
use super::{ImageError, Result, gzip, store, zstd};
use crate::system::installer::{ARCHIVE, DIRECTORY, MANIFEST, Manifest, PROGRAM, VERSION};
use crate::wsl::distribution::Distribution;
use crate::wsl::settings::WslSettings;

/// Writes the installer with the static `nixos-wsl-install` at `program`.
///
/// # Errors
/// As [`tarball::write`]; and when the root file system has no accounts or the program is missing.
pub fn write(request: &Request, program: &Path, interrupt: &Interrupt) -> Result<TarballReport> {
    let attributes = &request.attributes;
    check_program(program)?;
    let tree = tarball::tree(request)?;
    let entry_points = entry_points(&tree);
    let output = Output::create(&tarball::destination(request, "tarball")?)?;
    let fail = |error| write_error(output.path(), error);
    let folder = output.path().parent().filter(|folder| !folder.as_os_str().is_empty());
    let inner = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(fail)?;
    let mut manifest = write_root(request, &tree, inner.as_file(), output.path(), interrupt)?;
    manifest.entry_points = entry_points;

    let outer = outer(&tree, &manifest, program, inner.path())?;
    let hidden = Progress::hidden();
    let level = attributes.level.unwrap_or(gzip::DEFAULT_LEVEL);
    let members = gzip::compress(output.writer()?, request.cores, level, fail, |blocks| {
        let mut archive = Archive::new(blocks, output.path(), &hidden, interrupt);
        for (path, owner, node) in outer.nodes() {
            // Compressed once already.
            let stored = path == Path::new(ARCHIVE);
            if stored {
                archive.sink().store(true).map_err(fail)?;
            }
            store::append_node(&mut archive, path, owner, node, &request.store)?;
            if stored {
                archive.sink().store(false).map_err(fail)?;
            }
        }
        archive.finish()
    })?;
    interrupt.check()?;
    let path = output.path().to_owned();
    Ok(TarballReport {
        path,
        size: output.publish()?,
        members,
        store_paths: attributes.closure.paths().len(),
    })
}

/// A program that needs an interpreter would not start in a root without a store.
fn check_program(program: &Path) -> Result<()> {
    let wrong = |problem: &str| Err(ImageError::entry(program.display().to_string(), problem));
    match std::fs::metadata(program) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(()),
        Ok(_) => wrong("is no program; give the static nixos-wsl-install"),
        Err(error) => Err(ImageError::source(Path::new(PROGRAM), program, error)),
    }
}

/// Writes the root file system to `file`, equal store files once, and gives the manifest without its entry points.
fn write_root(
    request: &Request,
    tree: &Tree,
    file: &File,
    destination: &Path,
    interrupt: &Interrupt,
) -> Result<Manifest> {
    let closure = &request.attributes.closure;
    let fail = |error| write_error(destination, error);
    let duplicates = Duplicates::scan(closure, &request.store)?;
    let progress = Progress::new(closure.nar_size());
    let level = request.attributes.level.unwrap_or(zstd::DEFAULT_LEVEL);
    let mut out = Hashing { out: BufWriter::new(file), hash: Sha256::new(), size: 0 };
    let mut disk = 0;
    let (members, unpacked) = zstd::compress_in_frames(&mut out, request.cores, level, fail, |frames| {
        let mut archive = Archive::new(&mut *frames, destination, &progress, interrupt);
        let mut linked = LinkedArchive { archive: &mut archive, duplicates };
        for (path, owner, node) in tree.nodes() {
            store::append_node(&mut linked, path, owner, node, &request.store)?;
        }
        disk = archive.disk();
        Ok((archive.finish()?, frames.taken()))
    })?;
    progress.finish();
    Ok(Manifest {
        version: VERSION,
        sha256: HEXLOWER.encode(&out.hash.finalize()),
        size: out.size,
        unpacked,
        disk,
        members,
        entry_points: Vec::new(),
    })
}

/// The paths that WSL starts programs by, `sbin/init` and `etc/passwd` last.
fn entry_points(tree: &Tree) -> Vec<String> {
    let mut paths: Vec<_> = tree
        .nodes()
        .filter(|(path, owner, node)| {
            matches!(node, Node::File(_))
                && owner.mode & 0o111 != 0
                && (path.starts_with("bin") || path.starts_with("usr/lib/nixos-wsl/shells"))
        })
        .map(|(path, ..)| path.display().to_string())
        .collect();
    paths.extend(["sbin/init".to_owned(), "etc/passwd".to_owned()]);
    paths
}

/// The minimal distribution's own tree.
fn outer(tree: &Tree, manifest: &Manifest, program: &Path, archive: &Path) -> Result<Tree> {
    let entry_points: BTreeSet<_> = manifest.entry_points.iter().map(Path::new).collect();
    let conf = |name: &str| text(tree, name).unwrap_or_default();
    let distribution = Distribution::parse(conf("etc/wsl-distribution.conf")).0;
    // What WSL and its validator read before anything runs, by the names that they know.
    let mut copied: BTreeSet<PathBuf> =
        ["group", "shadow", "wsl.conf", "wsl-distribution.conf", "os-release", "fstab"]
            .into_iter()
            .map(|name| Path::new("etc").join(name))
            .collect();
    for path in
        [distribution.shortcut_icon, distribution.windowsterminal_profile_template].into_iter().flatten()
    {
        copied.insert(path.trim_start_matches('/').into());
    }

    let mut outer = Tree::default();
    for (path, owner, node) in tree.nodes() {
        let node = match node {
            Node::Directory if !path.starts_with("nix") && !path.starts_with("etc/nixos") => Node::Directory,
            Node::Bytes(bytes) if path == Path::new("etc/passwd") => {
                let systemd = WslSettings::parse(conf("etc/wsl.conf")).0.boot_systemd;
                Node::Bytes(passwd(bytes, &entry_points, systemd)?)
            }
            Node::File(_) if entry_points.contains(path) => {
                outer.insert(
                    path.to_owned(),
                    Owner::root(0o777),
                    Node::Symlink(Path::new("/").join(PROGRAM)),
                )?;
                continue;
            }
            Node::Bytes(_) | Node::File(_) if copied.contains(path) => node.clone(),
            // WSL's own names, which it could not make on a read-only disk.
            Node::Symlink(target) if target == Path::new("/init") => node.clone(),
            _ => continue,
        };
        outer.insert(path.to_owned(), owner, node)?;
    }
    for path in [Path::new("etc/passwd"), Path::new("etc/wsl.conf"), Path::new("sbin/init")] {
        if !outer.nodes().any(|(found, ..)| found == path) {
            return Err(ImageError::entry(
                Path::new("/").join(path).display().to_string(),
                "an installer needs this as a regular file of the spec",
            ));
        }
    }
    let manifest = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    outer.insert(DIRECTORY.into(), Owner::root(0o755), Node::Directory)?;
    outer.insert(PROGRAM.into(), Owner::root(0o755), Node::File(program.to_owned()))?;
    outer.insert(ARCHIVE.into(), Owner::root(0o644), Node::File(archive.to_owned()))?;
    outer.insert(MANIFEST.into(), Owner::root(0o644), Node::Bytes(manifest))?;
    outer.complete()?;
    Ok(outer)
}

/// The text of a file of the spec.
fn text<'a>(tree: &'a Tree, name: &str) -> Option<&'a [u8]> {
    tree.nodes().find_map(|(path, _, node)| match node {
        Node::Bytes(bytes) if path == Path::new(name) => Some(bytes.as_slice()),
        _ => None,
    })
}

/// The accounts until the system is there. A user's shell that is in the store would not start: it is the installer then.
///
/// Where WSL does not start `/sbin/init` as root, only root's own shell can install, so root is the only user, and WSL takes
/// root for a default user that does not exist (W§7).
fn passwd(bytes: &[u8], entry_points: &BTreeSet<&Path>, systemd: bool) -> Result<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = String::new();
    let mut root = false;
    for line in text.lines() {
        let Some((account, shell)) = line.rsplit_once(':') else { continue };
        let is_root = account.split(':').nth(2) == Some("0");
        if !is_root && !systemd {
            continue;
        }
        root |= is_root;
        let name = Path::new(shell).file_name().unwrap_or_default();
        let stays = entry_points.contains(Path::new(shell.trim_start_matches('/')))
            || (!is_root && (name == "nologin" || name == "false"));
        if stays {
            lines.extend([line, "\n"]);
        } else {
            lines.extend([account, ":/", PROGRAM, "\n"]);
        }
    }
    if root {
        Ok(lines.into_bytes())
    } else {
        Err(ImageError::entry(
            "/etc/passwd",
            "has no user with number 0, whose shell could install the system",
        ))
    }
}

/// A writer that takes the SHA-256 of what goes through it.
struct Hashing<W> {
    out: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0::/root:/usr/lib/nixos-wsl/shells/root/bash\n\
        messagebus:x:4:4::/run/dbus:/run/current-system/sw/bin/nologin\n\
        alice:x:1000:100::/home/alice:/usr/lib/nixos-wsl/shells/alice/fish\n\
        bob:x:1001:100::/home/bob:/run/current-system/sw/bin/bash\n";

    fn shells(systemd: bool, entry_points: &[&str]) -> Vec<String> {
        let entry_points = entry_points.iter().map(Path::new).collect();
        let lines = passwd(PASSWD, &entry_points, systemd).unwrap();
        String::from_utf8(lines).unwrap().lines().map(|line| line.replace(":x:", " ")).collect()
    }

    #[test]
    fn shells_that_could_not_start_are_the_installer() {
        let wrapped = ["usr/lib/nixos-wsl/shells/root/bash", "usr/lib/nixos-wsl/shells/alice/fish"];
        assert_eq!(
            shells(true, &wrapped),
            [
                "root 0:0::/root:/usr/lib/nixos-wsl/shells/root/bash",
                "messagebus 4:4::/run/dbus:/run/current-system/sw/bin/nologin",
                "alice 1000:100::/home/alice:/usr/lib/nixos-wsl/shells/alice/fish",
                "bob 1001:100::/home/bob:/usr/lib/nixos-wsl/install/nixos-wsl-install",
            ]
        );
        assert_eq!(shells(false, &[]), ["root 0:0::/root:/usr/lib/nixos-wsl/install/nixos-wsl-install"]);
    }

    #[test]
    fn accounts_without_root_are_refused() {
        let error = passwd(b"alice:x:1000:100::/home/alice:/bin/sh\n", &BTreeSet::new(), true).unwrap_err();
        assert!(error.to_string().contains("/etc/passwd"), "{error}");
    }
}
