//! The layers of `src/`: no file uses what docs/design.md does not let its layer use, and no two files use each other.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod renames;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sources::{Module, Uses};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The picture in docs/design.md, from the top: each layer with those it may use; `all of them` are those below.
fn design() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(project().join("docs/design.md")).expect("docs/design.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Layers"));
    let picture = section.expect("the section Layers").lines().filter_map(|line| line.strip_prefix("    "));
    let lines: Vec<_> = picture.filter_map(|line| line.split_once("─► ")).collect();
    let layers: Vec<_> = lines.iter().map(|(layer, _)| layer.trim_matches(['─', ' ']).to_owned()).collect();
    let used = lines.iter().enumerate().map(|(index, (_, text))| {
        // What the layer is for stands behind two spaces.
        let names = text.split("  ").next().unwrap_or_default();
        let below = || layers[index + 1..].iter().cloned().collect();
        if names == "all of them" { below() } else { names.split_whitespace().map(Into::into).collect() }
    });
    layers.iter().cloned().zip(used).collect()
}

/// The layer of a file: its folder, in `src/sim` the folder in that.
fn layer(module: &Module) -> String {
    let depth = if module.first().is_some_and(|name| name == "sim") { 2 } else { 1 };
    module[..module.len().min(depth)].join("/")
}

fn uses() -> Uses {
    sources::read(&project().join("src"))
}

/// The files that a file uses, directly or by way of others.
fn reachable<'a>(uses: &'a Uses, from: &'a Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(module) = ahead.pop() {
        ahead.extend(uses[module].iter().filter(|used| reached.insert(*used)));
    }
    reached
}

/// Sets of files each of which uses the others, directly or by way of others.
fn circles(uses: &Uses) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<_, _> = uses.keys().map(|module| (module, reachable(uses, module))).collect();
    let circle = |module: &Module| {
        let circle = reached[module].iter().filter(|other| reached[**other].contains(module));
        circle.map(|other| other.join("::")).collect::<Vec<_>>()
    };
    uses.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

#[test]
fn every_folder_is_a_layer_of_the_design() {
    let mut layers: BTreeSet<_> = uses().keys().map(layer).filter(|layer| !layer.is_empty()).collect();
    // The file that declares the four.
    layers.remove("sim");
    let design: BTreeSet<_> = design().into_iter().map(|(layer, _)| layer).collect();
    assert_eq!(layers, design);
}

#[test]
fn no_arrow_of_the_design_leads_up() {
    let design = design();
    for (index, (layer, used)) in design.iter().enumerate() {
        for used in used {
            let below = design[index + 1..].iter().any(|(lower, _)| lower == used);
            assert!(below, "{used} is not below {layer}, which may use it");
        }
    }
}

#[test]
fn no_layer_uses_what_the_design_does_not_let_it_use() {
    let design: BTreeMap<_, _> = design().into_iter().collect();
    let mut wrong = BTreeSet::new();
    for (module, used) in uses() {
        let from = layer(&module);
        for used in used {
            let to = layer(&used);
            if from != to && !design.get(&from).is_some_and(|layers| layers.contains(&to)) {
                wrong.insert(format!("{} ► {}", module.join("::"), used.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that docs/design.md does not have: {wrong:#?}");
}

#[test]
fn no_two_files_use_each_other() {
    let circles = circles(&uses());
    assert!(circles.is_empty(), "files in a circle: {circles:#?}");
}

#[test]
fn every_form_of_a_path_is_read() {
    let source = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in [
        ("lib.rs", "pub mod low;\npub mod high;\n"),
        ("low/mod.rs", "mod error;\npub mod names;\npub use error::{Error, Reason as Why};\n"),
        ("low/error.rs", "pub struct Error;\npub struct Reason;\n"),
        (
            "low/names.rs",
            "// crate::high\n/* crate::high */\nconst A: &str = \"crate::high \\\" crate::high\";\n",
        ),
        ("high/mod.rs", "mod a;\nmod b;\nfn f() { b::g() }\n"),
        (
            "high/a.rs",
            "use crate::low::{Error, names::{self, *}};\nmod tests { use super::*; }\nfn f<'a>() { 'x'; }\n",
        ),
        ("high/b.rs", "fn g() -> Vec<crate::low::Why> { super::a::f(); std::high::x() }\n"),
        ("bin/tool/main.rs", "mod words;\nuse nixos_wsl::high::b as c;\nuse words::W;\n"),
        ("bin/tool/words.rs", "use crate::words;\nconst R: &str = r#\"crate::high\"#;\n"),
    ] {
        let path = source.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let arrows: Vec<String> = sources::read(source.path())
        .iter()
        .flat_map(|(module, used)| {
            used.iter().map(|used| format!("{} ► {}", module.join("::"), used.join("::")))
        })
        .collect();
    assert_eq!(
        arrows,
        [
            "bin::tool ► bin::tool::words",
            "bin::tool ► high::b",
            "high ► high::b",
            "high::a ► low::error",
            "high::a ► low::names",
            "high::b ► high::a",
            "high::b ► low::error",
        ]
    );
}

#[test]
fn a_circle_is_found_by_whichever_way_round() {
    let module = |name: &str| vec![name.to_owned()];
    let arrows = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let mut uses = Uses::new();
    for (from, to) in arrows {
        uses.entry(module(from)).or_default().insert(module(to));
    }
    assert_eq!(circles(&uses), BTreeSet::from([["a", "b", "c"].map(Into::into).to_vec()]));
}

/// `Result` alone is every module's own: it only fills in the error of the standard library's.
#[test]
fn no_two_public_types_have_one_name() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, types) in sources::public_types(&project().join("src")) {
        for name in types.into_iter().filter(|name| name != "Result") {
            homes.entry(name).or_default().push(module.join("::"));
        }
    }
    assert!(homes.contains_key("Failure"), "public types are read");
    homes.retain(|_, modules| modules.len() > 1);
    assert!(homes.is_empty(), "types of one name: {homes:#?}");
}
