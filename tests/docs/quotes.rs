//! Texts that the documentation quotes are somebody's: in tables, what one sees is in our source, or is known as another
//! program's.

use std::fs;

use walkdir::WalkDir;

use crate::page::{Page, Span, pages, project};

/// The column whose code is quoted from our programs, modules or scripts.
const COLUMN: &str = "it says";
/// Columns that quote others too.
const SEEN: [&str; 2] = ["you see instead", "what you see"];

/// What others print, and who.
const OTHERS: [(&str, &str); 7] = [
    ("Failed assertions:", "NixOS, nixos/modules/system/activation/top-level.nix"),
    ("error: … Failed assertions:", "NixOS, the same"),
    ("warning: the following units failed: …", "NixOS, switch-to-configuration-ng"),
    ("experimental Nix feature 'nix-command' is disabled", "Nix"),
    ("Path 'configuration.nix' … is not tracked by Git", "Nix"),
    ("a 'aarch64-linux' … is required to build", "Nix"),
    ("No such file or directory", "the C library"),
];

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

/// Whether a span is a quote: in a column of what others say too, a word alone is a name or an option.
fn is_quote(span: &Span) -> bool {
    let column = span.column.as_deref().unwrap_or_default();
    column == COLUMN || (SEEN.contains(&column) && span.text.contains(' '))
}

fn faults(pages: &[Page], sources: &[String]) -> (usize, Vec<String>) {
    let spans: Vec<_> = pages.iter().flat_map(Page::spans).filter(is_quote).collect();
    let others = |span: &Span| {
        span.column.as_deref() != Some(COLUMN) && OTHERS.iter().any(|(text, _)| *text == span.text)
    };
    let wrong = spans.iter().filter(|span| !others(span) && !said(&span.text, sources));
    (spans.len(), wrong.map(|span| format!("{}: nothing says `{}`", span.place, span.text)).collect())
}

#[test]
fn what_is_quoted_is_said() {
    let (quotes, faults) = faults(&pages(), &sources());
    assert!(quotes >= 16, "{quotes} quotes");
    assert!(faults.is_empty(), "{faults:#?}");
    for (text, who) in OTHERS {
        let shown = pages().iter().flat_map(Page::spans).any(|span| span.text == text);
        assert!(shown, "no page quotes `{text}` of {who}");
    }
}

#[test]
fn a_quote_of_nobody_is_named() {
    let text = "| it says | do |\n|---|---|\n| `no generation … could be started` | x |\n| `all is lost for ever` | x |\n\
                | `generation` | a word alone is no quote |\n\n\
                | you see instead | do |\n|---|---|\n| `--from-file` | an option |\n| `Failed assertions:` | NixOS's |\n\
                | `nobody has said this` | x |\n";
    let page = Page { name: "p.md".into(), text: text.into() };
    let (quotes, faults) = faults(&[page], &sources());
    assert_eq!(quotes, 5);
    let expected = [
        "4: nothing says `all is lost for ever`",
        "5: nothing says `generation`",
        "11: nothing says `nobody has said this`",
    ];
    assert_eq!(faults, expected.map(|fault| format!("p.md:{fault}")));
}
