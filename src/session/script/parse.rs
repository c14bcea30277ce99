//! The parser: recursive descent over bytes, refusing whatever it does not know.

use super::syntax::{Join, List, Part, SimpleCommand, Statement, Test, Word};

/// The text needs a real shell.
struct Refused;

type Parsed<T> = Result<T, Refused>;

/// Parses the whole text, or nothing.
pub(super) fn script(text: &[u8]) -> Option<Vec<Statement>> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.statements(&[]).ok()
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// How deep `if`, `!` and expansions may stand in each other: each level takes some of a login shell's stack.
const DEEPEST: usize = 50;

/// Variables that a shell makes itself, or does not let go: their values cannot be known here.
const SHELLS_OWN: [&[u8]; 20] = [
    b"UID",
    b"EUID",
    b"PPID",
    b"HOSTNAME",
    b"HOSTTYPE",
    b"MACHTYPE",
    b"OSTYPE",
    b"RANDOM",
    b"SRANDOM",
    b"SECONDS",
    b"LINENO",
    b"SHLVL",
    b"IFS",
    b"PWD",
    b"OLDPWD",
    b"OPTIND",
    b"SHELLOPTS",
    b"GROUPS",
    b"FUNCNAME",
    b"_",
];

/// One level more, if there may be one.
fn deeper(depth: usize) -> Parsed<usize> {
    if depth < DEEPEST { Ok(depth + 1) } else { Err(Refused) }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What ends an unquoted word.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|')
}

/// What an unquoted word cannot have here: substitutions, redirections, patterns, braces, home directories.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'`' | b'<' | b'>' | b'(' | b')' | b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'~' | b'!' | 0
    )
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Parses what may have the same in it again.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let depth = self.depth;
        self.depth = deeper(depth)?;
        let parsed = inner(self);
        self.depth = depth;
        parsed
    }

    fn eat(&mut self, token: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        while self.eat(b" ") || self.eat(b"\t") || self.eat(b"\\\n") {}
    }

    /// Skips blanks, comments and ends of lines.
    fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'\n') => self.at += 1,
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Reads a keyword if it stands here as a whole word.
    fn keyword(&mut self, word: &[u8]) -> bool {
        let end = self.at + word.len();
        let whole = self.text.get(end).is_none_or(|&byte| ends_word(byte));
        whole && self.eat(word)
    }

    /// Statements up to one of these keywords, which stays unread, or to the end of the text.
    fn statements(&mut self, until: &[&[u8]]) -> Parsed<Vec<Statement>> {
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

    fn statement(&mut self) -> Parsed<Statement> {
        if self.keyword(b"if") {
            self.nested(Self::branches).map(Statement::If)
        } else {
            self.list().map(Statement::List)
        }
    }

    fn branches(&mut self) -> Parsed<Vec<(Option<List>, Vec<Statement>)>> {
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

    fn list(&mut self) -> Parsed<List> {
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

    fn command(&mut self) -> Parsed<SimpleCommand> {
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

    fn assignment(&mut self, name_alone: bool) -> Parsed<(Vec<u8>, Option<Word>)> {
        let name = self.name()?;
        if self.eat(b"=") {
            return Ok((name, Some(self.word(true)?)));
        }
        let ends = self.peek().is_none_or(ends_word);
        if name_alone && ends { Ok((name, None)) } else { Err(Refused) }
    }

    fn name(&mut self) -> Parsed<Vec<u8>> {
        let start = self.at;
        if !self.peek().is_some_and(is_name_start) {
            return Err(Refused);
        }
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        // A shell reads on in the next line, in the same name.
        if self.text[self.at..].starts_with(b"\\\n") {
            return Err(Refused);
        }
        let name = &self.text[start..self.at];
        if SHELLS_OWN.contains(&name) || name.starts_with(b"BASH") { Err(Refused) } else { Ok(name.to_vec()) }
    }

    fn either(&mut self) -> Parsed<Test> {
        let mut left = self.both()?;
        let mut depth = 0;
        while self.operator(b"-o") {
            depth = deeper(depth)?;
            left = Test::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Test> {
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

    fn primary(&mut self) -> Parsed<Test> {
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

    /// A word up to the next blank. In an assignment expansions outside quotes are not split, elsewhere they would be.
    fn word(&mut self, in_assignment: bool) -> Parsed<Word> {
        self.skip_blanks_unless(in_assignment);
        let start = self.at;
        let mut word = Word::new();
        while let Some(byte) = self.peek() {
            match byte {
                _ if ends_word(byte) => break,
                b'"' => {
                    self.at += 1;
                    self.quoted(&mut word)?;
                }
                b'\'' => {
                    self.at += 1;
                    let length =
                        self.text[self.at..].iter().position(|&byte| byte == b'\'').ok_or(Refused)?;
                    literal(&mut word, &self.text[self.at..self.at + length]);
                    self.at += length + 1;
                }
                b'\\' => {
                    let next = *self.text.get(self.at + 1).ok_or(Refused)?;
                    self.at += 2;
                    if next != b'\n' {
                        literal(&mut word, &[next]);
                    }
                }
                b'$' if in_assignment => self.expansion(&mut word)?,
                _ if byte == b'$' || is_special(byte) => return Err(Refused),
                _ => {
                    literal(&mut word, &[byte]);
                    self.at += 1;
                }
            }
        }
        // An argument must be there, if only as ""; an assignment may end with its equals sign.
        if in_assignment || self.at > start { Ok(word) } else { Err(Refused) }
    }

    fn skip_blanks_unless(&mut self, not: bool) {
        if !not {
            self.skip_blanks();
        }
    }

    /// The rest of a double-quoted text.
    fn quoted(&mut self, word: &mut Word) -> Parsed<()> {
        literal(word, b"");
        loop {
            let byte = self.peek().ok_or(Refused)?;
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'`' | 0 => return Err(Refused),
                b'$' => self.expansion(word)?,
                b'\\' => self.escape(word)?,
                _ => {
                    literal(word, &[byte]);
                    self.at += 1;
                }
            }
        }
    }

    /// A backslash between double quotes: it escapes few characters and is itself before all others.
    fn escape(&mut self, word: &mut Word) -> Parsed<()> {
        let next = *self.text.get(self.at + 1).ok_or(Refused)?;
        self.at += 2;
        match next {
            b'\n' => {}
            b'$' | b'`' | b'"' | b'\\' => literal(word, &[next]),
            _ => literal(word, &[b'\\', next]),
        }
        Ok(())
    }

    fn expansion(&mut self, word: &mut Word) -> Parsed<()> {
        self.at += 1; // the dollar sign
        if !self.eat(b"{") {
            word.push(Part::Variable(self.name()?));
            return Ok(());
        }
        let name = self.name()?;
        if self.eat(b"}") {
            word.push(Part::Variable(name));
            return Ok(());
        }
        let colon = self.eat(b":");
        let plus = match self.peek() {
            Some(b'+') => true,
            Some(b'-') => false,
            _ => return Err(Refused),
        };
        self.at += 1;
        let mut inner = Word::new();
        while !self.eat(b"}") {
            match self.peek().ok_or(Refused)? {
                b'$' => self.nested(|parser| parser.expansion(&mut inner))?,
                // Quotes in here depend on the quotes around.
                b'"' | b'\'' | b'\\' | b'`' | b'{' | b'~' | 0 => return Err(Refused),
                byte => {
                    literal(&mut inner, &[byte]);
                    self.at += 1;
                }
            }
        }
        word.push(Part::Conditional { name, colon, plus, word: inner });
        Ok(())
    }
}

fn literal(word: &mut Word, text: &[u8]) {
    if let Some(Part::Literal(last)) = word.last_mut() {
        last.extend_from_slice(text);
    } else {
        word.push(Part::Literal(text.to_vec()));
    }
}
