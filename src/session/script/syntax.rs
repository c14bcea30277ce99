//! What a script is made of.

#[derive(Debug)]
pub(super) enum Statement {
    List(List),
    /// Each condition with its body; the last one may be without a condition.
    If(Vec<(Option<List>, Vec<Statement>)>),
}

/// Commands joined by `&&` and `||`.
#[derive(Debug)]
pub(super) struct List(pub(super) Vec<(Join, SimpleCommand)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    First,
    And,
    Or,
}

#[derive(Debug)]
pub(super) enum SimpleCommand {
    True,
    Assign { export: bool, assignments: Vec<(Vec<u8>, Option<Word>)> },
    Unset(Vec<Vec<u8>>),
    Test(Test),
}

#[derive(Debug)]
pub(super) enum Test {
    NotEmpty(Word),
    Empty(Word),
    Equal(Word, Word),
    File(u8, Word),
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

pub(super) type Word = Vec<Part>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
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
