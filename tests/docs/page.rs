//! A page: its fenced blocks with their marks, its code in the text, its tables.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A Markdown page.
pub struct Page {
    /// As it is named in findings: relative to the project.
    pub name: String,
    pub text: String,
}

/// A block of code, fenced or indented.
#[derive(Debug)]
pub struct Block {
    /// The words behind the fence: the language, then marks. None of an indented block.
    pub words: Vec<String>,
    pub text: String,
    /// Where it begins: the page's name and the line.
    pub place: String,
    /// Where it is in the page's text.
    pub range: Range<usize>,
}

impl Block {
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    /// The value of a mark `NAME=VALUE`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Code within a line.
#[derive(Debug)]
pub struct Span {
    pub text: String,
    pub place: String,
    /// In a table: the title of its column.
    pub column: Option<String>,
}

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page for readers: the book's, and those that the repository shows.
pub fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = fs::read_dir(project().join("docs"))
        .expect("docs")
        .map(|entry| entry.expect("an entry of docs").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.extend(
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| project().join(name)),
    );
    paths.iter().map(|path| Page::read(path)).collect()
}

impl Page {
    pub fn read(path: &Path) -> Self {
        let name = path.strip_prefix(project()).expect("a path of the project").display().to_string();
        Self { name, text: fs::read_to_string(path).expect("a page") }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter()
    }

    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.name, self.text[..offset].matches('\n').count() + 1)
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let words = match kind {
                        CodeBlockKind::Fenced(info) => info.split_whitespace().map(str::to_owned).collect(),
                        CodeBlockKind::Indented => Vec::new(),
                    };
                    open = Some(Block { words, text: String::new(), place: self.place(range.start), range });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                _ => {}
            }
        }
        blocks
    }

    /// Paragraphs, each with its place, and whether the last block of code before it is one that is run.
    pub fn paragraphs(&self) -> Vec<(String, String, bool)> {
        let blocks = self.blocks();
        let mut paragraphs = Vec::new();
        for (event, range) in self.events() {
            if let Event::Start(Tag::Paragraph) = event {
                let before = blocks.iter().rev().find(|block| block.range.end <= range.start);
                let run = before.is_some_and(|block| block.has("run"));
                paragraphs.push((self.place(range.start), self.text[range].to_owned(), run));
            }
        }
        paragraphs
    }

    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let (mut titles, mut column, mut head) = (Vec::<String>::new(), None::<usize>, false);
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::TableHead) => (titles, head) = (Vec::new(), true),
                Event::End(TagEnd::TableHead) => head = false,
                Event::Start(Tag::TableRow) | Event::End(TagEnd::Table) => column = None,
                Event::Start(Tag::TableCell) => {
                    column = Some(column.map_or(0, |column| column + 1));
                    if head {
                        titles.push(String::new());
                    }
                }
                Event::Text(text) if head => titles.last_mut().expect("a cell").push_str(&text),
                Event::Code(text) => spans.push(Span {
                    text: text.to_string(),
                    place: self.place(range.start),
                    column: column.and_then(|column| titles.get(column).cloned()),
                }),
                _ => {}
            }
        }
        spans
    }

    /// Code that readers may type or look up, each with its place: what is shown as output is no promise of a name.
    pub fn code(&self) -> Vec<(String, String)> {
        let spans = self.spans().into_iter().map(|span| (span.place, span.text));
        let blocks = self.blocks().into_iter().filter(|block| !block.has("text"));
        spans.chain(blocks.map(|block| (block.place, block.text))).collect()
    }

    /// `<!-- NAME: VALUE -->`
    pub fn remark(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("<!-- {name}: "))?;
        Some(rest.split_once(" -->")?.0)
    }
}

/// The words of code, without its punctuation.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "`'\"()[]{};,|=".contains(letter))
        .filter(|word| !word.is_empty())
}

#[test]
fn a_page_is_read_as_its_readers_see_it() {
    let text = "# T\n\n| it says | do |\n|---|---|\n| `no` | `yes` |\n\n<!-- world: w -->\n`a`\n\n    indented\n\n1. x\n\n   \
                ```bash run exit=2\n   one\n   ```\n";
    let page = Page { name: "p.md".into(), text: text.into() };
    let blocks = page.blocks();
    assert_eq!((blocks[0].words.len(), blocks[0].text.as_str()), (0, "indented\n"));
    assert_eq!((blocks[1].text.as_str(), blocks[1].place.as_str()), ("one\n", "p.md:14"));
    assert!(blocks[1].has("run") && blocks[1].value("exit") == Some("2"));
    let spans: Vec<_> = page.spans().into_iter().map(|span| (span.text, span.place, span.column)).collect();
    let expected = [("no", 5, Some("it says")), ("yes", 5, Some("do")), ("a", 8, None)];
    let expected = expected
        .map(|(text, line, column)| (text.to_owned(), format!("p.md:{line}"), column.map(str::to_owned)));
    assert_eq!(spans, expected);
    assert_eq!(page.remark("world"), Some("w"));
}
