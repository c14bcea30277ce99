//! A shell of last resort, for a root without any: it looks around, runs programs, and chooses a generation.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::boot::{choose, listing};
use crate::system::root::Root;

const HELP: &str = "\
help            this text
generations     the generations, and why each cannot boot
boot N          boot generation N from the next start on
ls [DIR]        cd DIR        pwd        cat FILE
PROGRAM [ARG]…  runs a program by its path, words divided by blanks
exit
";

/// Runs the commands of `-c`, or those of standard input. The exit code is the last command's.
#[must_use]
pub fn run(argv: &[OsString]) -> ExitCode {
    let mut code = 0;
    if argv.get(1).is_some_and(|argument| argument == "-c") {
        let script = argv.get(2).map(|script| script.to_string_lossy().into_owned()).unwrap_or_default();
        for line in script.lines() {
            match execute(line) {
                Some(next) => code = next,
                None => break,
            }
        }
        return ExitCode::from(code);
    }
    let prompt = std::io::stdin().is_terminal();
    if prompt {
        println!("{HELP}");
    }
    let mut lines = std::io::stdin().lock().lines();
    loop {
        if prompt {
            print!("rescue> ");
            let _ = std::io::stdout().flush();
        }
        let Some(Ok(line)) = lines.next() else { break };
        match execute(&line) {
            Some(next) => code = next,
            None => break,
        }
    }
    ExitCode::from(code)
}

/// Runs one line; nothing means the end.
fn execute(line: &str) -> Option<u8> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((&command, arguments)) = words.split_first() else { return Some(0) };
    let argument = arguments.first().copied();
    let done = match command {
        "exit" | "logout" => return None,
        "true" | ":" => Ok(()),
        "false" => return Some(1),
        "help" => {
            print!("{HELP}");
            Ok(())
        }
        "echo" => {
            println!("{}", arguments.join(" "));
            Ok(())
        }
        "pwd" => std::env::current_dir().map(|folder| println!("{}", folder.display())).map_err(text),
        "cd" => std::env::set_current_dir(argument.unwrap_or("/")).map_err(text),
        "ls" => list(Path::new(argument.unwrap_or("."))).map_err(text),
        "cat" => show(argument.unwrap_or_default()).map_err(text),
        "generations" => {
            generations();
            Ok(())
        }
        "boot" => boot(argument),
        program => return Some(external(program, arguments)),
    };
    match done {
        Ok(()) => Some(0),
        Err(reason) => {
            eprintln!("{command}: {reason}");
            Some(1)
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn list(folder: &Path) -> std::io::Result<()> {
    let mut names: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        println!("{}", name.display());
    }
    Ok(())
}

fn show(file: &str) -> std::io::Result<()> {
    std::io::copy(&mut std::fs::File::open(file)?, &mut std::io::stdout()).map(drop)
}

fn generations() {
    for line in listing::list(&Root::default()).0 {
        println!("{}  {}  {}", line.generation, line.version, line.failure.unwrap_or_default());
    }
}

fn boot(number: Option<&str>) -> Result<(), String> {
    let number = number.and_then(|number| number.parse().ok()).ok_or("needs a number")?;
    let generation = choose::choose(&Root::default(), number, false).map_err(text)?;
    println!("{generation} boots from the next start on.");
    Ok(())
}

fn external(program: &str, arguments: &[&str]) -> u8 {
    match Command::new(program).args(arguments).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(128),
        Err(error) => {
            eprintln!("{program}: {error}");
            127
        }
    }
}
