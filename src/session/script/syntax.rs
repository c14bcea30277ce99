//! What a script is made of; names and texts are the script's own bytes.

#[derive(Debug)]
pub(super) enum Statement<'a> {
    List(List<'a>),
    /// Each condition with its body; the last one may be without a condition.
    If(Vec<(Option<List<'a>>, Vec<Statement<'a>>)>),
}

/// Commands joined by `&&` and `||`.
#[derive(Debug)]
pub(super) struct List<'a>(pub(super) Vec<(Join, SimpleCommand<'a>)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    First,
    And,
    Or,
}

#[derive(Debug)]
pub(super) enum SimpleCommand<'a> {
    True,
    Assign { export: bool, assignments: Vec<Assignment<'a>> },
    Unset(Vec<&'a [u8]>),
    Test(Test<'a>),
}

/// A name, and its value unless it is only exported.
pub(super) type Assignment<'a> = (&'a [u8], Option<Word<'a>>);

#[derive(Debug)]
pub(super) enum Test<'a> {
    NotEmpty(Word<'a>),
    Empty(Word<'a>),
    Equal(Word<'a>, Word<'a>),
    File(u8, Word<'a>),
    Not(Box<Test<'a>>),
    And(Box<Test<'a>>, Box<Test<'a>>),
    Or(Box<Test<'a>>, Box<Test<'a>>),
}

pub(super) type Word<'a> = Vec<Part<'a>>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Literal(&'a [u8]),
    Variable(&'a [u8]),
    /// `${NAME:-word}` and its like.
    Conditional {
        name: &'a [u8],
        /// With the colon, an empty variable counts as unset.
        colon: bool,
        /// `+`: the word if the variable is set; otherwise `-`: the word if it is not.
        plus: bool,
        word: Word<'a>,
    },
}
