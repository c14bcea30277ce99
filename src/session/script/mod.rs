//! The part of the shell's language that `/etc/set-environment` is written in, run without a shell.
//!
//! NixOS writes `export X="…"` lines, `if [ … ]` around some, and expansions of variables. What goes beyond that is
//! refused as a whole before anything has been run, and a real shell has to do it.

mod parse;
mod run;

pub use run::Variables;

/// A script understood to its end.
#[derive(Debug)]
pub struct Script(Vec<Statement>);

impl Script {
    /// Parses a script; nothing if it needs a real shell.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse::script(text).map(Self)
    }

    /// Runs it on the variables.
    pub fn run(&self, variables: &mut Variables) {
        run::statements(&self.0, variables);
    }
}

#[derive(Debug)]
enum Statement {
    List(List),
    /// Each condition with its body; the last one may be without a condition.
    If(Vec<(Option<List>, Vec<Statement>)>),
}

/// Commands joined by `&&` and `||`.
#[derive(Debug)]
struct List(Vec<(Join, Command)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    First,
    And,
    Or,
}

#[derive(Debug)]
enum Command {
    True,
    Assign { export: bool, assignments: Vec<(Vec<u8>, Option<Word>)> },
    Unset(Vec<Vec<u8>>),
    Test(Test),
}

#[derive(Debug)]
enum Test {
    NotEmpty(Word),
    Empty(Word),
    Equal(Word, Word),
    File(u8, Word),
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

type Word = Vec<Part>;

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Variable(Vec<u8>),
    /// `${NAME:-word}` and its like.
    Conditional {
        name: Vec<u8>,
        /// With the colon, an empty variable counts as unset.
        colon: bool,
        /// `+`: the word if the variable is set; otherwise `-`: the word if it is not.
        plus: bool,
        word: Word,
    },
}
