//! The short run of a target: the kept corpus, and changes of it for some seconds.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::mutate::Mutator;
use super::{Target, corpus};

/// No input of a few kilobytes needs more memory.
const MEMORY: u64 = 1 << 30;

/// Runs a target; the variable `NIXOS_WSL_FUZZ_SECONDS` says for how long after the corpus.
pub fn target(name: &str, target: Target) {
    let limit = Rlimit { current: Some(MEMORY), maximum: getrlimit(Resource::Data).maximum };
    setrlimit(Resource::Data, limit).unwrap();
    let seconds = std::env::var("NIXOS_WSL_FUZZ_SECONDS").map_or(1.0, |text| text.parse().unwrap());
    let kept = corpus::load(name);
    assert!(!kept.is_empty(), "{name} has no corpus");
    for input in &kept {
        judge(name, target, input);
    }
    let mut mutator = Mutator::new(&kept);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut executions = kept.len();
    while Instant::now() < end {
        judge(name, target, &mutator.input());
        executions += 1;
    }
    println!("{name}: {executions} executions, {} of them kept inputs", kept.len());
}

/// A finding is written to a file before the test fails, and can be put into the corpus as it stands there.
fn judge(name: &str, target: Target, input: &[u8]) {
    if catch_unwind(|| target(input)).is_ok() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
    let file = folder.join(format!("{name}.finding"));
    let line = corpus::escape(input);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(&file, format!("{line}\n")).unwrap();
    panic!("{name} fails on this input, also in {}:\n{line}", file.display());
}
