//! What Nix tells the image's writer.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use nixos_wsl::image::attrs::StructuredAttributes;
use nixos_wsl::image::entry::Node;
use nixos_wsl::image::spec::NodeKind;
use nixos_wsl::image::tree::Tree;
use nixos_wsl::image::validate::python_ini;

/// The derivation's attributes: each entry has a place in an archive, or the message names what is wrong.
pub fn attrs_json(data: &[u8]) {
    let read = match StructuredAttributes::parse(Path::new("/attrs.json"), data) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(read.level.is_none_or(|level| (1..=12).contains(&level)));
    for entry in &read.spec.entries {
        assert!(entry.path.components().all(|part| matches!(part, Component::Normal(_))), "{entry:?}");
        assert!(entry.mode.is_none_or(|mode| mode <= 0o7777) && entry.uid < u32::MAX && entry.gid < u32::MAX);
    }
    let _ = read.closure.nar_size();
    // The tree reads files and folders of this machine, but for those that the spec has the text of.
    let outside = |kind: &NodeKind| matches!(kind, NodeKind::File(_) | NodeKind::Tree(_));
    if read.spec.entries.iter().any(|entry| outside(&entry.kind)) || read.closure.paths().len() > 0 {
        return;
    }
    if let Ok(tree) = Tree::new(&read.spec, &read.closure, Vec::new()) {
        let nodes: Vec<_> =
            tree.nodes().map(|(path, _, node)| (path, matches!(node, Node::Directory))).collect();
        assert!(nodes.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each once");
        for (path, _) in &nodes {
            let parent = path.parent();
            let has_parent = parent
                .is_none_or(|parent| nodes.iter().any(|(other, directory)| *directory && *other == parent));
            assert!(has_parent, "{} is in no directory", path.display());
        }
    }
}

/// A file of settings as Microsoft's validator reads it: each key once, in a section, or a reason in one line.
pub fn python_ini(data: &[u8]) {
    match python_ini::read(data) {
        Ok(settings) => {
            let keys: BTreeSet<_> = settings.iter().map(|(section, key, _)| (section, key)).collect();
            assert_eq!(keys.len(), settings.len());
        }
        Err(problem) => assert!(!problem.is_empty()),
    }
}
