//! The files of `src/` and the paths in them: who uses whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module's path from `src/`: `["sim", "wire", "start"]`.
pub type Module = Vec<String>;

/// Every module that has a file, with the modules whose files it uses.
pub type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// The name by which `src/bin` knows the library.
const LIBRARY: &str = "nixos_wsl";

/// Reads all of `src/`.
pub fn read(source: &Path) -> Uses {
    let mut files = BTreeMap::new();
    collect(source, source, &mut files);
    let parsed: BTreeMap<Module, Parsed> =
        files.into_iter().map(|(module, text)| (module.clone(), Parsed::new(&module, &text))).collect();
    let mut uses = Uses::new();
    for (module, file) in &parsed {
        let targets = file.paths.iter().filter_map(|path| resolve(path, &parsed, 0));
        uses.insert(module.clone(), targets.filter(|target| target != module).collect());
    }
    uses
}

/// The types of each file that other files can use.
pub fn public_types(source: &Path) -> BTreeMap<Module, Vec<String>> {
    let mut files = BTreeMap::new();
    collect(source, source, &mut files);
    files.into_iter().map(|(module, text)| (module, declared_types(&tokens(&text)))).collect()
}

fn declared_types(tokens: &[String]) -> Vec<String> {
    let kinds = ["struct", "enum", "trait", "union", "type"];
    let declared = tokens.windows(3).filter(|window| {
        // `pub struct`, and `pub(super) struct`.
        ["pub", ")"].contains(&window[0].as_str()) && kinds.contains(&window[1].as_str())
    });
    declared.map(|window| window[2].clone()).collect()
}

fn collect(directory: &Path, source: &Path, files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(directory).expect("a directory of src") {
        let path = entry.expect("an entry of src").path();
        if path.is_dir() {
            collect(&path, source, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(source).expect("a path in src").with_extension("");
            let mut module: Module =
                inside.iter().map(|part| part.to_str().expect("a readable name").to_owned()).collect();
            if module.last().is_some_and(|name| ["mod", "main", "lib"].contains(&name.as_str())) {
                module.pop();
            }
            files.insert(module, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The file that a path leads to: the longest part of it that is a module, or what that module only hands on.
fn resolve(path: &[String], files: &BTreeMap<Module, Parsed>, depth: usize) -> Option<Module> {
    let length = (0..=path.len()).rev().find(|&length| files.contains_key(&path[..length]))?;
    let module = &path[..length];
    match path.get(length).and_then(|name| files[module].handed_on.get(name)) {
        Some(target) if depth < 8 => resolve(target, files, depth + 1),
        _ => Some(module.to_vec()),
    }
}

/// What is read out of a file.
struct Parsed {
    /// Paths from `src/` that it names.
    paths: BTreeSet<Vec<String>>,
    /// `pub use`: a name, and the path that it stands for.
    handed_on: BTreeMap<String, Vec<String>>,
}

impl Parsed {
    fn new(module: &[String], text: &str) -> Self {
        let tokens = tokens(text);
        let mut parser = Parser {
            tokens: &tokens,
            position: 0,
            // A program's own root is its folder in src/bin.
            root: if module.first().is_some_and(|name| name == "bin") {
                module[..module.len().min(2)].to_vec()
            } else {
                Vec::new()
            },
            scopes: vec![(module.to_vec(), 0)],
            braces: 0,
            children: children(&tokens),
            parsed: Self { paths: BTreeSet::new(), handed_on: BTreeMap::new() },
        };
        parser.run();
        parser.parsed
    }
}

/// `mod name;`
fn children(tokens: &[String]) -> BTreeSet<String> {
    let declared = tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";");
    declared.map(|window| window[1].clone()).collect()
}

struct Parser<'a> {
    tokens: &'a [String],
    position: usize,
    root: Vec<String>,
    /// The modules around the place at hand, with the number of braces around each.
    scopes: Vec<(Vec<String>, usize)>,
    braces: usize,
    children: BTreeSet<String>,
    parsed: Parsed,
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.position + ahead).map_or("", String::as_str)
    }

    fn run(&mut self) {
        while self.position < self.tokens.len() {
            match self.peek(0) {
                "{" => self.braces += 1,
                "}" => {
                    if self.scopes.last().is_some_and(|scope| self.scopes.len() > 1 && scope.1 == self.braces)
                    {
                        self.scopes.pop();
                    }
                    self.braces -= 1;
                }
                "mod" if self.peek(2) == "{" => {
                    let inner = [self.scope(), &[self.peek(1).to_owned()]].concat();
                    self.braces += 1;
                    self.scopes.push((inner, self.braces));
                    self.position += 2;
                }
                "use" => {
                    self.position += 1;
                    let public = self.position >= 2 && {
                        let before = &self.tokens[self.position - 2];
                        before == "pub" || before == ")"
                    };
                    self.tree(Vec::new(), true, public);
                    continue;
                }
                word if is_word(word)
                    && self.peek(1) == "::"
                    && (self.position == 0 || self.tokens[self.position - 1] != "::") =>
                {
                    self.tree(Vec::new(), true, false);
                    continue;
                }
                _ => {}
            }
            self.position += 1;
        }
    }

    fn scope(&self) -> &[String] {
        &self.scopes.last().expect("the file's own").0
    }

    /// Where a path begins that has this as its first word: in `src/`, or nowhere in it.
    fn start(&self, word: &str) -> Option<Vec<String>> {
        match word {
            "crate" => Some(self.root.clone()),
            "self" => Some(self.scope().to_vec()),
            "super" => Some(self.scope().split_last()?.1.to_vec()),
            LIBRARY => Some(Vec::new()),
            child if self.children.contains(child) && self.scopes.len() == 1 => {
                Some([self.scope(), &[child.to_owned()]].concat())
            }
            _ => None,
        }
    }

    /// A path, or a tree of paths in braces; the position is behind it afterwards.
    fn tree(&mut self, prefix: Vec<String>, first: bool, public: bool) {
        let mut path = prefix;
        let mut first = first;
        let mut known = !first;
        loop {
            match self.peek(0) {
                "{" => {
                    self.position += 1;
                    while !["}", ""].contains(&self.peek(0)) {
                        if is_word(self.peek(0)) || ["{", "*"].contains(&self.peek(0)) {
                            let prefix = if known { path.clone() } else { Vec::new() };
                            self.tree(prefix, !known, public);
                        } else {
                            // A comma.
                            self.position += 1;
                        }
                    }
                    self.position += 1;
                    return;
                }
                "*" => {
                    self.position += 1;
                    break;
                }
                word if is_word(word) => {
                    if first {
                        if let Some(start) = self.start(word) {
                            path = start;
                            known = true;
                        }
                        first = false;
                    } else if word == "super" {
                        path.pop();
                    } else if word != "self" {
                        path.push(word.to_owned());
                    }
                    self.position += 1;
                    if self.peek(0) != "::" {
                        break;
                    }
                    self.position += 1;
                }
                // `Vec::<u8>`, or the end of something else.
                _ => break,
            }
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if self.peek(0) == "as" && public {
            self.peek(1).clone_into(&mut name);
            self.position += 2;
        }
        if known {
            if public {
                self.parsed.handed_on.insert(name, path);
            } else {
                self.parsed.paths.insert(path);
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

/// Words and signs, without comments, texts and characters. `::` is one sign.
fn tokens(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(length) = raw_text(rest) {
            at += length;
        } else if bytes[at] == b'"' {
            at += quoted(rest);
        } else if bytes[at] == b'\'' {
            at += character(rest);
        } else if rest.starts_with("::") {
            tokens.push("::".into());
            at += 2;
        } else if bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let word = &rest[..end.unwrap_or(rest.len())];
            tokens.push(word.to_owned());
            at += word.len();
        } else {
            let letter = rest.chars().next().expect("a letter");
            if !letter.is_whitespace() {
                tokens.push(letter.into());
            }
            at += letter.len_utf8();
        }
    }
    tokens
}

/// The length of a text that begins here, with its quotes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"…"` and `r#"…"#`, if that is what begins here.
fn raw_text(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if !rest[hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = text.len() - rest.len() + hashes + 1;
    Some(text[begin..].find(&end).map_or(text.len(), |found| begin + found + end.len()))
}

/// The length of a character, or of a lifetime's apostrophe.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            letters.next();
            letters.find(|(_, letter)| *letter == '\'').map_or(text.len(), |(index, _)| index + 1)
        }
        Some(_) => match letters.next() {
            Some((index, '\'')) => index + 1,
            _ => 1,
        },
        None => 1,
    }
}
