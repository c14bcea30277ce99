//! The command line of `nixos-wsl-image`: commands, their options, and help with examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::closure::STORE_DIR;
use super::validate::machine::Machine;
use super::validate::verdict::RuleSource;

/// Writes root file systems for WSL from a Nix closure, without root, a copy of the closure or a second program.
#[derive(Debug, Parser)]
#[command(name = "nixos-wsl-image", version, max_term_width = 100)]
pub struct ImageArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// A command, and its options.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Write the root file system as one .tar.gz that `wsl --import` takes.
    #[command(
        args_override_self = true,
        after_help = "As a derivation's builder it needs no option: Nix says everything in $NIX_ATTRS_JSON_FILE.\n\n\
        Example: nixos-wsl-image tarball --attrs attrs.json --extra-files keys --chown /home/alice/.ssh 1000:100 --out nixos.tar.gz"
    )]
    Tarball(ImageArgs),
    /// Write a small distribution that installs the same root file system over itself at its first start.
    #[command(
        args_override_self = true,
        after_help = "As a derivation's builder it needs no option: Nix says everything in $NIX_ATTRS_JSON_FILE.\n\n\
        Example: nixos-wsl-image installer --attrs attrs.json --program nixos-wsl-install --out install.tar.gz"
    )]
    Installer(InstallerArgs),
    /// Judge an archive or a disk: by Microsoft's rules for distributions, and by what WSL's import and start stumble over.
    #[command(
        after_help = "It ends with 1 where there is an error, with 0 where there are at most warnings.\n\n\
        Examples:\n  nixos-wsl-image validate nixos.wsl\n  nixos-wsl-image validate --rules import,start --format json backup.tar"
    )]
    Validate(ValidateArgs),
    /// Write the list of distributions from which `wsl --install NAME` installs these images.
    #[command(
        after_help = "Images of one name, for two machines, are one entry. The sizes are printed on standard error: WSL's list has no place \
        for them.\n\n\
        Example: nixos-wsl-image manifest --url https://example.com/wsl nixos-x86_64.wsl nixos-aarch64.wsl > manifest.json"
    )]
    Manifest(ManifestArgs),
    /// Write a release: a folder with images, programs, bill of materials, provenance, notes and sums. A derivation's builder.
    #[command(hide = true)]
    Release(ReleaseArgs),
    /// Write the manual pages and completions of all commands below a directory.
    #[command(hide = true)]
    Manuals {
        /// Where `share` is made
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Of this program alone; may be repeated [default: all]
        #[arg(long = "program", value_name = "NAME")]
        programs: Vec<String>,
    },
    /// Write the root file system as a disk that `wsl --import --vhd` and `wsl --import-in-place` take.
    #[command(
        args_override_self = true,
        after_help = "As a derivation's builder it needs no option: Nix says everything in $NIX_ATTRS_JSON_FILE.\n\n\
        Example: nixos-wsl-image vhdx --attrs attrs.json --out nixos.vhdx"
    )]
    Vhdx(VhdxArgs),
}

/// What `release` takes.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The derivation's structured attributes (nix/release/folder.nix)
    #[arg(long, value_name = "FILE", env = "NIX_ATTRS_JSON_FILE")]
    pub attrs: PathBuf,
    /// The folder, which is made [default: the derivation's output]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How many threads compress; 0 for one a processor
    #[arg(long, value_name = "N", env = "NIX_BUILD_CORES", default_value_t = 0)]
    pub cores: usize,
}

/// What `vhdx` takes.
#[derive(Debug, Args)]
pub struct VhdxArgs {
    /// The program that makes the empty file system, of e2fsprogs [default: mke2fs of the attributes, or of the PATH]
    #[arg(long, value_name = "FILE")]
    pub mke2fs: Option<PathBuf>,
    /// The disk's size in GiB; the file grows with what is in it
    #[arg(long, value_name = "GIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub size: u64,
    /// Write the file system itself, as a sparse file, without VHDX around it
    #[arg(long)]
    pub raw: bool,
    /// What all commands that write take.
    #[command(flatten)]
    pub image: ImageArgs,
}

/// What `installer` takes.
#[derive(Debug, Args)]
pub struct InstallerArgs {
    /// The static nixos-wsl-install [default: installProgram of the attributes]
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// What both commands take.
    #[command(flatten)]
    pub image: ImageArgs,
}

/// What the commands that write take.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The derivation's structured attributes: closure, spec, fileName, compressionLevel
    #[arg(long, value_name = "FILE", env = "NIX_ATTRS_JSON_FILE")]
    pub attrs: PathBuf,
    /// The directory with the store paths to read
    #[arg(long, value_name = "DIR", default_value = STORE_DIR)]
    pub store: PathBuf,
    /// The archive [default: tarball/FILENAME in the derivation's output]
    #[arg(long, value_name = "FILE", env = "NIXOS_WSL_IMAGE")]
    pub out: Option<PathBuf>,
    /// The archive, as --out
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How many threads compress; 0 for one a processor
    #[arg(long, value_name = "N", env = "NIX_BUILD_CORES", default_value_t = 0)]
    pub cores: usize,
    /// Lay the files of this directory over the root, as root's; may be repeated
    #[arg(long, value_name = "DIR")]
    pub extra_files: Vec<PathBuf>,
    /// Give a path of the image, and all below it, to this user and group; may be repeated
    #[arg(long, num_args = 2, value_names = ["PATH", "UID:GID"])]
    pub chown: Vec<String>,
}

/// What `validate` takes.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The archive: tar, as it is or compressed with gzip, xz or zstd; or a disk with an ext4, as VHDX
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How the findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FindingsFormat,
    /// Whose rules count
    #[arg(long, value_delimiter = ',', default_value = "validator,import,start")]
    pub rules: Vec<RuleSource>,
    /// The machine that programs must be for [default: that of the archive's /bin/sh]
    #[arg(long, value_name = "MACHINE")]
    pub arch: Option<Machine>,
}

/// What `manifest` takes.
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The archives, gzip or xz; each says in /etc/wsl-distribution.conf what it is called
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    /// The folder on the web where they will be, under their file names
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The list [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// One line a finding.
    Text,
    /// One object in one line.
    Json,
}
