//! From a Nix closure to a root file system archive: build time only.

pub mod arguments;
pub mod attrs;
pub mod blocks;
pub mod closure;
pub mod database;
pub mod deflate;
pub mod disk;
pub mod duplicates;
pub mod entry;
pub mod error;
pub mod extra;
pub mod gzip;
pub mod header;
pub mod installer;
pub mod interrupt;
pub mod manifest;
pub mod members;
pub mod output;
pub mod progress;
pub mod release;
pub mod source;
pub mod spec;
pub mod store;
pub mod stream;
pub mod tarball;
pub mod tree;
pub mod validate;
pub mod zstd;

pub use error::{ImageError, Result};
