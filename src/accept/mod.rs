//! The acceptance suite: one set of cases for any image, on the real wsl.exe and on `wsl-sim`.
//!
//! Of the rest of the library it uses `digest` alone, so that it compiles for Windows: whatever is asked of a distribution
//! is asked by wsl.exe's command line. It was never run on Windows yet.

pub mod arguments;
pub mod bench;
pub mod call;
pub mod case;
pub mod cases;
pub mod console;
pub mod decode;
pub mod names;
pub mod process;
pub mod report;
pub mod suite;
pub mod surroundings;
pub mod trouble;
