//! The part of the shell's language that `/etc/set-environment` is written in, run without a shell.
//!
//! NixOS writes `export X="…"` lines, `if [ … ]` around some, and expansions of variables. What goes beyond that is
//! refused as a whole before anything has been run, and a real shell has to do it.

mod parse;
mod run;
mod syntax;

pub use run::Variables;
use syntax::Statement;

/// A script understood to its end.
#[derive(Debug)]
pub struct Script<'a>(Vec<Statement<'a>>);

impl<'a> Script<'a> {
    /// Parses a script; nothing if it needs a real shell.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        parse::script(text).map(Self)
    }

    /// Runs it on the variables.
    pub fn run(&self, variables: &mut Variables) {
        // As bash does, which NixOS writes the script for: `export TERM=$TERM` is in it.
        variables.set_default("TERM", "dumb");
        run::statements(&self.0, variables);
    }
}
