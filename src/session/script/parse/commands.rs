//! Statements, lists of commands, and the commands that `/etc/set-environment` has.

use super::super::syntax::{Assignment, Join, List, SimpleCommand, Statement};
use super::{Parsed, Parser, Refused, ends_word};

impl<'a> Parser<'a> {
    /// Statements up to one of these keywords, which stays unread, or to the end of the text.
    pub(super) fn statements(&mut self, until: &[&[u8]]) -> Parsed<Vec<Statement<'a>>> {
        let mut statements = Vec::new();
        loop {
            self.skip_lines();
            if self.peek().is_none() {
                return Ok(statements);
            }
            let start = self.at;
            if until.iter().any(|word| self.keyword(word)) {
                self.at = start;
                return Ok(statements);
            }
            statements.push(self.statement()?);
            self.skip_blanks();
            if !self.eat(b";") && !matches!(self.peek(), None | Some(b'\n' | b'#')) {
                return Err(Refused);
            }
        }
    }

    fn statement(&mut self) -> Parsed<Statement<'a>> {
        if self.keyword(b"if") {
            self.nested(Self::branches).map(Statement::If)
        } else {
            self.list().map(Statement::List)
        }
    }

    fn branches(&mut self) -> Parsed<Vec<(Option<List<'a>>, Vec<Statement<'a>>)>> {
        let mut branches = Vec::new();
        loop {
            self.skip_blanks();
            let condition = self.list()?;
            self.skip_blanks();
            self.eat(b";");
            self.skip_lines();
            self.expect(b"then")?;
            branches.push((Some(condition), self.statements(&[b"elif", b"else", b"fi"])?));
            if self.keyword(b"elif") {
                continue;
            }
            if self.keyword(b"else") {
                branches.push((None, self.statements(&[b"fi"])?));
            }
            self.expect(b"fi")?;
            return Ok(branches);
        }
    }

    fn expect(&mut self, word: &[u8]) -> Parsed<()> {
        if self.keyword(word) { Ok(()) } else { Err(Refused) }
    }

    fn list(&mut self) -> Parsed<List<'a>> {
        let mut commands = vec![(Join::First, self.command()?)];
        loop {
            self.skip_blanks();
            let join = if self.eat(b"&&") {
                Join::And
            } else if self.eat(b"||") {
                Join::Or
            } else {
                return Ok(List(commands));
            };
            self.skip_lines();
            commands.push((join, self.command()?));
        }
    }

    fn command(&mut self) -> Parsed<SimpleCommand<'a>> {
        if self.keyword(b":") || self.keyword(b"true") {
            return Ok(SimpleCommand::True);
        }
        if self.keyword(b"[") {
            let test = self.either()?;
            self.skip_blanks();
            return self.expect(b"]").map(|()| SimpleCommand::Test(test));
        }
        if self.keyword(b"unset") {
            let names = self.arguments(Self::name)?;
            return Ok(SimpleCommand::Unset(names));
        }
        let export = self.keyword(b"export");
        let assignments = self.arguments(|parser| parser.assignment(export))?;
        Ok(SimpleCommand::Assign { export, assignments })
    }

    /// One or more arguments, to the end of the command.
    fn arguments<T>(&mut self, one: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut all = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some(b'\n' | b';' | b'&' | b'|' | b'#') if !all.is_empty() => return Ok(all),
                _ => all.push(one(self)?),
            }
            // `#` begins a comment only where a word begins.
            if !self.peek().is_none_or(ends_word) {
                return Err(Refused);
            }
        }
    }

    fn assignment(&mut self, name_alone: bool) -> Parsed<Assignment<'a>> {
        let name = self.name()?;
        if self.eat(b"=") {
            return Ok((name, Some(self.word(true)?)));
        }
        let ends = self.peek().is_none_or(ends_word);
        if name_alone && ends { Ok((name, None)) } else { Err(Refused) }
    }
}
