//! The machine that a program was made for, from the head of its ELF file (elf(5)).

use serde::Serialize;

/// How many bytes of a file tell the machine.
pub const HEAD: usize = 24;

/// A machine that WSL runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
pub enum Machine {
    /// x86-64.
    #[serde(rename = "x86_64")]
    #[value(name = "x86_64")]
    X86,
    /// 64-bit ARM.
    #[serde(rename = "aarch64")]
    #[value(name = "aarch64")]
    Arm,
}

impl Machine {
    /// The machine that this program runs on.
    pub const OWN: Self = if cfg!(target_arch = "aarch64") { Self::Arm } else { Self::X86 };

    /// Its name, as Nix and the kernel have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "aarch64",
        }
    }

    /// The machine of a program that begins with `head`: what libmagic calls `ELF 64-bit LSB …, version 1` of it.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        let head = head.get(..HEAD)?;
        if !head.starts_with(b"\x7fELF\x02\x01") || head[20..24] != [1, 0, 0, 0] {
            return None;
        }
        match head[18..20] {
            [0x3e, 0] => Some(Self::X86),
            [0xb7, 0] => Some(Self::Arm),
            _ => None,
        }
    }
}
