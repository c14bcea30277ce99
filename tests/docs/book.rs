//! The book, as mdBook makes it: every page is in it, every link within it leads somewhere, it can be searched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::page::{pages, project};

/// Builds a book; the folder goes with the value.
fn built(source: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new("mdbook");
    command.arg("build").arg("--dest-dir").arg(directory.path()).arg(source);
    let output = command.output().expect("mdbook, which `checks/run install` brings");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("WARN"), "{said}");
    directory
}

/// The pages of a book but those that repeat the others.
fn chapters(book: &Path) -> BTreeMap<PathBuf, String> {
    let files = fs::read_dir(book).expect("the book").map(|entry| entry.expect("an entry").path());
    let names = files.filter(|path| path.extension().is_some_and(|extension| extension == "html"));
    let repeated = ["print.html", "404.html", "toc.html"];
    names
        .filter(|path| !path.file_name().is_some_and(|name| repeated.iter().any(|other| name == *other)))
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("a page")))
        .collect()
}

/// The values of an attribute in a page.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let mark = format!(" {attribute}=\"");
    html.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// `a/../b` is `b`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            normal.pop()
        } else {
            normal.push(part);
            true
        };
    }
    normal
}

/// Links and pictures of a book that lead nowhere.
fn broken(book: &Path) -> Vec<String> {
    let pages = chapters(book);
    let anchors: BTreeMap<&PathBuf, BTreeSet<&str>> =
        pages.iter().map(|(path, html)| (path, values(html, "id").into_iter().collect())).collect();
    let mut broken = Vec::new();
    for (path, html) in &pages {
        let name = path.file_name().expect("a name").to_string_lossy();
        for link in [values(html, "href"), values(html, "src")].concat() {
            if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link, None), |(file, at)| (file, Some(at)));
            let target = if file.is_empty() { path.clone() } else { normal(&book.join(file)) };
            let there = match (anchor, anchors.get(&target)) {
                _ if !target.starts_with(book) || !target.exists() => false,
                (Some(anchor), Some(ids)) => anchor.is_empty() || ids.contains(anchor),
                _ => true,
            };
            if !there {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    broken
}

#[test]
fn every_page_is_in_the_book_and_every_link_leads_somewhere() {
    let docs = project().join("docs");
    let book = built(&docs);
    let pages = chapters(book.path());
    for entry in fs::read_dir(&docs).expect("docs") {
        let path = entry.expect("an entry of docs").path();
        if path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("SUMMARY.md") {
            let page = book.path().join(path.file_name().expect("a name")).with_extension("html");
            assert!(pages.contains_key(&page), "{} is not in docs/SUMMARY.md", path.display());
        }
    }
    let broken = broken(book.path());
    assert!(broken.is_empty(), "{broken:#?}");
    let index = fs::read_dir(book.path()).expect("the book").map(|entry| entry.expect("an entry").path());
    let index = index.filter(|path| path.to_string_lossy().contains("searchindex")).collect::<Vec<_>>();
    let text = fs::read_to_string(index.first().expect("an index to search in")).expect("the index");
    assert!(text.contains("nixos-rebuild switch"), "the pages' texts can be searched");
}

/// Sections of a page that have one name: what is told twice, or what a link cannot tell apart.
fn repeated(page: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let mut fenced = false;
    let headings = page.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced && line.starts_with('#')
    });
    headings.filter(|heading| !seen.insert(*heading)).collect()
}

#[test]
fn no_page_has_a_section_twice() {
    for page in pages() {
        let repeated = repeated(&page.text);
        assert!(repeated.is_empty(), "{}: {repeated:?}", page.name);
    }
    assert_eq!(repeated("# A\n## B\n```\n# A\n```\n## B\n"), ["## B"]);
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let source = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| fs::write(source.path().join(name), text).expect("a file");
    write("book.toml", "[book]\ntitle = \"t\"\nsrc = \".\"\n");
    write("SUMMARY.md", "- [one](one.md)\n- [two](two.md)\n");
    write(
        "one.md",
        "# One\n[a](two.md#there) [b](two.md#gone) [c](three.md) ![d](d.svg) [e](https://example.com/x)\n",
    );
    write("two.md", "# Two\n## There\n[up](../README.md)\n");
    let book = built(source.path());
    let mut broken = broken(book.path());
    broken.sort();
    broken.dedup();
    // The first page is there under two names.
    broken.retain(|link| !link.starts_with("index.html"));
    assert_eq!(
        broken,
        ["one.html: d.svg", "one.html: three.html", "one.html: two.html#gone", "two.html: ../README.html"]
    );
}

/// Sources that link among themselves on the repository's own pages, outside the book.
#[test]
fn the_repository_s_own_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(project().join(name)).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains("://") && !project().join(link).exists() {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The picture of the layers has those of the design, in its order.
#[test]
fn the_picture_of_the_layers_is_the_design_s() {
    let read = |name: &str| fs::read_to_string(project().join("docs").join(name)).expect("a file");
    let (design, picture) = (read("design.md"), read("pictures/layers.svg"));
    let section =
        design.split("\n## ").find(|section| section.starts_with("Layers")).expect("the section Layers");
    let layers = section.lines().filter_map(|line| line.strip_prefix("    ")?.split_once("─► "));
    let layers: Vec<_> = layers.map(|(layer, _)| layer.trim_matches(['─', ' ']).to_owned()).collect();
    let names = picture.split("code left layer\"").skip(1).filter_map(|rest| {
        rest.split_once('>')?.1.split('<').next().map(|text| text.split_whitespace().map(str::to_owned))
    });
    assert_eq!(names.flatten().collect::<Vec<_>>(), layers);
}
