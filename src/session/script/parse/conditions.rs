//! What stands between `[` and `]`.

use super::super::syntax::{Part, Test};
use super::{Parsed, Parser, Refused, deeper};

impl<'a> Parser<'a> {
    pub(super) fn either(&mut self) -> Parsed<Test<'a>> {
        let mut left = self.both()?;
        let mut depth = 0;
        while self.operator(b"-o") {
            depth = deeper(depth)?;
            left = Test::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Test<'a>> {
        let mut left = self.primary()?;
        let mut depth = 0;
        while self.operator(b"-a") {
            depth = deeper(depth)?;
            left = Test::And(Box::new(left), Box::new(self.primary()?));
        }
        Ok(left)
    }

    fn operator(&mut self, operator: &[u8]) -> bool {
        self.skip_blanks();
        self.keyword(operator)
    }

    fn primary(&mut self) -> Parsed<Test<'a>> {
        if self.operator(b"!") {
            return self.nested(Self::primary).map(|test| Test::Not(Box::new(test)));
        }
        if self.operator(b"-z") {
            return self.word(false).map(Test::Empty);
        }
        if self.operator(b"-n") {
            return self.word(false).map(Test::NotEmpty);
        }
        for letter in *b"edfrwxsSLh" {
            if self.operator(&[b'-', letter]) {
                return self.word(false).map(|word| Test::File(letter, word));
            }
        }
        let left = self.word(false)?;
        if self.operator(b"=") || self.operator(b"==") {
            return Ok(Test::Equal(left, self.word(false)?));
        }
        if self.operator(b"!=") {
            return Ok(Test::Not(Box::new(Test::Equal(left, self.word(false)?))));
        }
        // A word by itself, unless it is an operator that is not known here.
        match left.first() {
            Some(Part::Literal(text)) if text.starts_with(b"-") => Err(Refused),
            _ => Ok(Test::NotEmpty(left)),
        }
    }
}
