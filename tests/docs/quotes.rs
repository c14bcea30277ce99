//! Texts that the documentation quotes are in the source: tables with the column "it says".

use std::fs;

use walkdir::WalkDir;

use crate::page::{Page, pages, project};

/// The column whose code is quoted from our programs, modules or scripts.
const COLUMN: &str = "it says";

/// Every file that says something to users, as one line of single spaces each, without the ends of broken texts.
fn sources() -> Vec<String> {
    let files = ["src", "modules", "nix"].into_iter().flat_map(|folder| WalkDir::new(project().join(folder)));
    let paths = files.map(|entry| entry.expect("an entry")).filter(|entry| entry.file_type().is_file());
    paths.filter_map(|entry| fs::read_to_string(entry.path()).ok()).map(|text| joined(&text)).collect()
}

/// A text of Rust or Nix that goes on in the next line is one text.
fn joined(text: &str) -> String {
    let text = text.replace("\\\n", " ").replace("\\\"", "\"");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a quote is in a source: all of its parts between `…`, in one file.
fn said(quote: &str, sources: &[String]) -> bool {
    let parts: Vec<&str> = quote.split('…').map(str::trim).filter(|part| !part.is_empty()).collect();
    let words = parts.iter().map(|part| part.split(' ').count()).sum::<usize>();
    words >= 2 && sources.iter().any(|source| parts.iter().all(|part| source.contains(part)))
}

fn faults(pages: &[Page], sources: &[String]) -> (usize, Vec<String>) {
    let spans = pages.iter().flat_map(Page::spans).filter(|span| span.column.as_deref() == Some(COLUMN));
    let spans: Vec<_> = spans.collect();
    let wrong = spans.iter().filter(|span| !said(&span.text, sources));
    (spans.len(), wrong.map(|span| format!("{}: nothing says `{}`", span.place, span.text)).collect())
}

#[test]
fn what_is_quoted_is_said() {
    let (quotes, faults) = faults(&pages(), &sources());
    assert!(quotes >= 8, "{quotes} quotes");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_quote_of_nobody_is_named() {
    let text = "| it says | do |\n|---|---|\n| `no generation … could be started` | x |\n| `all is lost for ever` | x |\n\
                | `generation` | a word alone is no quote |\n";
    let page = Page { name: "p.md".into(), text: text.into() };
    let (quotes, faults) = faults(&[page], &sources());
    assert_eq!(quotes, 3);
    assert_eq!(faults, ["p.md:4: nothing says `all is lost for ever`", "p.md:5: nothing says `generation`"]);
}
