//! The commands of a page, run one after the other as a reader would: in Windows' terminal (the simulator), in the
//! distribution, on a Linux with our programs. What the page shows is held against what they print.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::compare::shown;
use crate::page::{Block, Page, project};
use crate::support::sim::{Sim, bundled};

const NAME: &str = "NixOS";
/// The image's name in the pages: the stand-in's has it.
const IMAGE: &str = "nixos-wsl-x86_64.wsl";

/// Where a block's lines are typed.
#[derive(Clone, Copy)]
enum Place {
    /// A terminal of Windows.
    Windows,
    /// A shell of the distribution.
    Distribution,
    /// Some Linux.
    Host,
}

/// What a page says that is not so.
#[derive(Default)]
struct Played {
    faults: Vec<String>,
    /// Blocks that show something else than what was printed, and that.
    others: Vec<(Block, String)>,
}

/// Runs the blocks of a page that are marked.
fn play(page: &Page, sim: &Sim) -> Played {
    let Played { mut faults, mut others } = Played::default();
    let mut printed = None::<String>;
    for block in page.blocks() {
        if block.has("run") {
            match run(&block, sim) {
                Ok(text) => printed = Some(text),
                Err(fault) => {
                    faults.push(format!("{}: {fault}", block.place));
                    printed = None;
                }
            }
        } else if block.has("shown") {
            match printed.take() {
                None => faults.push(format!("{}: nothing was run whose output this could be", block.place)),
                Some(printed) if shown(&block.text, &printed) => {}
                Some(printed) => {
                    faults.push(format!(
                        "{}: the page shows\n{}but what was printed is\n{printed}",
                        block.place, block.text
                    ));
                    others.push((block, printed));
                }
            }
        }
    }
    Played { faults, others }
}

/// The page with what was printed in the place of what it shows: to be looked through, and its numbers made `…` again.
fn recorded(page: &Page, others: &[(Block, String)]) -> String {
    let mut text = page.text.clone();
    for (block, printed) in others.iter().rev() {
        let old = &page.text[block.range.clone()];
        let fence = old.lines().next().unwrap_or_default();
        let start = page.text[..block.range.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = &page.text[start..block.range.start];
        let mut new = format!("{fence}\n");
        for line in printed.lines().map(|line| format!("{indent}{line}")) {
            new += line.trim_end();
            new.push('\n');
        }
        text.replace_range(block.range.clone(), &(new + indent + "```"));
    }
    text
}

/// What a block's lines print. They end with 0, or the last one as the mark `exit=N` says.
fn run(block: &Block, sim: &Sim) -> Result<String, String> {
    let place = match block.words.first().map(String::as_str) {
        Some("powershell") => Place::Windows,
        Some("bash") if block.has("host") => Place::Host,
        Some("bash") => Place::Distribution,
        other => return Err(format!("nothing runs {other:?}")),
    };
    let lines: Vec<&str> = block.text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut printed = String::new();
    for (index, line) in lines.iter().enumerate() {
        let mut command = command(place, line, sim)?;
        let output = command.current_dir(sim.directory.path()).output().map_err(|error| error.to_string())?;
        for stream in [output.stdout, output.stderr] {
            printed.push_str(&String::from_utf8_lossy(&stream));
        }
        let last = index + 1 == lines.len();
        let expected = block.value("exit").filter(|_| last).map_or(Ok(0), str::parse).expect("an exit code");
        if output.status.code() != Some(expected) {
            return Err(format!("`{line}` ended with {}\n{printed}", output.status));
        }
    }
    Ok(printed)
}

fn command(place: Place, line: &str, sim: &Sim) -> Result<Command, String> {
    let words = line.split(' ').collect::<Vec<_>>();
    Ok(match place {
        Place::Windows => match words.split_first() {
            Some((&"wsl", arguments)) => sim.command(arguments.iter().map(|word| here(word))),
            _ => return Err(format!("only wsl.exe is played: {line}")),
        },
        // The stand-in has no sudo: whoever types it is root here.
        Place::Distribution => match words.split_first() {
            Some((&"sudo", rest)) => {
                sim.command(["-d", NAME, "-u", "root", "--"].iter().chain(rest).collect::<Vec<_>>())
            }
            _ => sim.command(["-d", NAME, "--"].iter().chain(&words).collect::<Vec<_>>()),
        },
        Place::Host => {
            let tools = std::env::var("NIXOS_WSL_TOOLS").expect("NIXOS_WSL_TOOLS");
            let path = std::env::var("PATH").expect("PATH");
            let mut command = Command::new("bash");
            command.args(["-euo", "pipefail", "-c", line]).env("PATH", format!("{tools}/bin:{path}"));
            command.stdin(Stdio::null());
            command
        }
    })
}

/// A path of Windows, in the test's own folder.
fn here(word: &str) -> String {
    let inside = word.strip_prefix(r"C:\WSL\").or_else(|| word.strip_prefix(r".\"));
    inside.map_or_else(|| word.to_owned(), |inside| format!("./{}", inside.replace('\\', "/")))
}

/// A page's world: the image, or what `<!-- file: IMAGE -->` names of the bundle, lies in the working directory;
/// `<!-- world: IMAGE N=SYSTEM… -->` imports one of the bundle's as NixOS, with the stand-in's systems as generations;
/// `<!-- edited: TEXT -->` is its configuration.nix, as the reader has edited it.
fn world(page: &Page, sim: &Sim) {
    let image = page.remark("file").unwrap_or("image.tar.gz");
    symlink(bundled(image), sim.directory.path().join(IMAGE)).expect("the image");
    let Some(remark) = page.remark("world") else { return };
    let mut words = remark.split(' ');
    let imported = sim.import(NAME, &bundled(words.next().expect("an image")));
    assert_eq!(imported.code, 0, "{imported:?}");
    let profiles = sim.inside(NAME, "nix/var/nix/profiles");
    for word in words {
        let (number, system) = word.split_once('=').expect("N=SYSTEM");
        let link = sim.inside(NAME, &format!("nix/var/nix/gcroots/standin/{system}"));
        let name = format!("system-{number}-link");
        symlink(fs::read_link(link).expect("a system"), profiles.join(&name)).expect("a generation");
        fs::remove_file(profiles.join("system")).expect("the profile");
        symlink(name, profiles.join("system")).expect("the profile");
    }
    if let Some(text) = page.remark("edited") {
        fs::write(sim.inside(NAME, "etc/nixos/configuration.nix"), text).expect("the configuration");
    }
}

/// Runs a page of docs/, which must have something to run.
fn tried(name: &str) {
    let page = Page::read(&project().join("docs").join(name));
    assert!(page.blocks().iter().any(|block| block.has("run")), "{name} has nothing to run");
    let Some(sim) = Sim::for_starts(name) else { return };
    world(&page, &sim);
    let Played { faults, others } = play(&page, &sim);
    if std::env::var_os("NIXOS_WSL_EXPECT").is_some() && faults.len() == others.len() {
        fs::write(project().join("docs").join(name), recorded(&page, &others)).expect("the page");
        return;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

macro_rules! pages {
    ($($test:ident $file:literal)*) => {
        /// Pages with something to run.
        const TRIED: &[&str] = &[$($file),*];

        $(#[test]
        #[ignore = "boots the stand-in's image: checks/run gives it"]
        fn $test() {
            tried($file);
        })*
    };
}

pages! {
    build "build.md"
    first_run "first-run.md"
    how "how.md"
    live "live.md"
    trouble "trouble.md"
    try_it "try.md"
}

/// "You should see" is a promise: it follows a block that was run.
fn promises(page: &Page) -> Vec<String> {
    let seen = page.paragraphs().into_iter().filter(|(_, text, run)| text.contains("You should see") && !run);
    seen.map(|(place, ..)| format!("{place}: you should see what nobody has run")).collect()
}

#[test]
fn what_one_should_see_was_seen() {
    // The two that say what the words mean.
    let about = ["docs/index.md", "README.md"];
    let pages = crate::page::pages().into_iter().filter(|page| !about.contains(&page.name.as_str()));
    let faults: Vec<String> = pages.flat_map(|page| promises(&page)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let lies = "    nix build\n\nYou should see it.\n\n```bash run\nls\n```\n\nYou should see.\n\n```nix\n{ }\n```\n\nYou should see.\n";
    let page = Page { name: "p.md".into(), text: lies.into() };
    assert_eq!(
        promises(&page),
        ["p.md:3", "p.md:15"].map(|at| format!("{at}: you should see what nobody has run"))
    );
}

/// The pages that the book's first one leads along: a goal, commands whose outcome is shown, and what to do if it is not.
#[test]
fn each_page_of_the_path_has_a_goal_and_a_way_out() {
    for name in TRIED {
        let page = Page::read(&project().join("docs").join(name));
        assert!(page.text.contains("\n**Goal:** "), "{name}");
        assert!(page.text.contains("You should see"), "{name}");
        let ways = ["| you see instead | do |", "| it says | then |"];
        assert!(ways.iter().any(|way| page.text.contains(way)), "{name} does not say what to do if not");
    }
}

/// What a recording writes is the block alone, in a list too.
#[test]
fn a_recording_changes_what_is_shown_and_nothing_else() {
    let text = "1. a\n\n   ```bash run\n   ls\n   ```\n\n   ```text shown\n   old\n   lines\n   ```\n\nb\n";
    let page = Page { name: "p.md".into(), text: text.into() };
    let block = page.blocks().pop().expect("a block");
    let expected = text.replace("   old\n   lines\n", "   new\n\n   last\n");
    assert_eq!(recorded(&page, &[(block, "new\n\nlast\n".into())]), expected);
}

#[test]
fn no_page_has_commands_that_nobody_runs() {
    for page in crate::page::pages() {
        let marked = page.blocks().iter().any(|block| block.has("run") || block.has("shown"));
        let tried = TRIED.iter().any(|name| page.name == format!("docs/{name}"));
        assert_eq!(marked, tried, "{}: a page with `run` is in the list of tests/docs/played.rs", page.name);
    }
}

/// A page that lies is found out: by its output, its exit code, a command that is not there.
#[test]
fn a_page_that_lies_is_named() {
    let sim = Sim::new();
    let text = "```powershell run\nwsl -l -q --running\n```\n\n```text shown\nUbuntu\n```\n\n\
                ```powershell run\nwsl --unregister Nobody\n```\n\n\
                ```text shown\nfine\n```\n\n\
                ```powershell run\nwinget install WSL\n```\n\n\
                ```powershell run exit=255\nwsl --unregister Nobody\n```\n\n\
                ```text shown\nUnregistering.\n…\nError code: Wsl/Service/WSL_E_DISTRO_NOT_FOUND\n```\n";
    let page = Page { name: "lies.md".into(), text: text.into() };
    let Played { faults, others } = play(&page, &sim);
    assert!(
        recorded(&page, &others)
            .starts_with("```powershell run\nwsl -l -q --running\n```\n\n```text shown\n```\n\n")
    );
    let expected = [
        "lies.md:5: the page shows\nUbuntu\nbut what was printed is\n",
        "lies.md:9: `wsl --unregister Nobody` ended with ",
        "lies.md:13: nothing was run whose output this could be",
        "lies.md:17: only wsl.exe is played: winget install WSL",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}");
    }
}
