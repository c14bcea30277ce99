//! The names of a shown file system: their numbers, and what of their files is no longer the kernel's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What of a file is no longer the kernel's.
#[derive(Default)]
pub struct Overrides {
    /// What was written into it.
    pub contents: Option<Vec<u8>>,
    /// Its mode.
    pub mode: Option<u32>,
    /// Its owner.
    pub uid: Option<u32>,
    /// Its group.
    pub gid: Option<u32>,
}

/// Numbers are never taken back: there are some ten thousand names.
#[derive(Default)]
pub struct KernelNames {
    paths: Vec<PathBuf>,
    numbers: HashMap<PathBuf, u64>,
    own: HashMap<PathBuf, Overrides>,
}

impl KernelNames {
    /// The number of a path. The root, `.`, is 1 and no entry; the others follow.
    pub fn number(&mut self, path: &Path) -> u64 {
        if path == Path::new(".") {
            return 1;
        }
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        self.paths.push(path.to_owned());
        let number = self.paths.len() as u64 + 1;
        self.numbers.insert(path.to_owned(), number);
        number
    }

    /// The path with that number.
    #[must_use]
    pub fn path(&self, number: u64) -> Option<PathBuf> {
        match number {
            1 => Some(".".into()),
            _ => self.paths.get(usize::try_from(number).ok()?.checked_sub(2)?).cloned(),
        }
    }

    /// What of a file is its own, if anything is.
    #[must_use]
    pub fn own(&self, path: &Path) -> Option<&Overrides> {
        self.own.get(path)
    }

    /// The same, to be changed.
    pub fn change(&mut self, path: PathBuf) -> &mut Overrides {
        self.own.entry(path).or_default()
    }
}

/// Where a name of a folder leads to. In the root a name is a path of its own, without `./` before it.
#[must_use]
pub fn below(folder: &Path, name: &Path) -> PathBuf {
    if folder == Path::new(".") { name.to_owned() } else { folder.join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_its_path_for_ever() {
        let mut names = KernelNames::default();
        let root = Path::new(".");
        assert_eq!((names.number(root), names.path(1)), (1, Some(root.into())));
        let path = below(&below(root, Path::new("kernel")), Path::new(".text"));
        let number = names.number(&path);
        assert!(number > 1);
        assert_ne!(names.number(Path::new("kernel")), number);
        assert_eq!(names.number(&path), number);
        assert_eq!(names.path(number).as_deref(), Some(Path::new("kernel/.text")));
        assert_eq!((names.path(0), names.path(number + 2)), (None, None));
    }
}
