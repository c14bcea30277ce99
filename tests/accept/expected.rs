//! How each case has to end on each image: the table `expected.txt`, in the order in which the cases run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nixos_wsl::accept::case::Need;
use nixos_wsl::accept::cases;
use serde_json::Value;

const COLUMNS: [&str; 7] = ["works", "shells", "more", "asks", "busybox", "broken", "rescue"];
/// Where a case is not run.
const NONE: &str = "-";

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accept/expected.txt")
}

/// A column, or a part of one where several tests make it.
pub struct Part<'a> {
    pub column: &'a str,
    /// Whether a case is in the part.
    pub has: &'a dyn Fn(&str) -> bool,
}

/// Compares results with a column of the table, all of whose cases have to be among them.
pub fn hold(column: &str, results: &[Value]) {
    hold_part(&Part { column, has: &|_| true }, results);
}

/// Compares results with a part of a column: each as expected, and each case that is not `-` has run. With
/// `NIXOS_WSL_EXPECT` they are written into the table, to be looked through; then the tests run one at a time (`-j 1`).
pub fn hold_part(Part { column, has }: &Part, results: &[Value]) {
    let index = COLUMNS.iter().position(|name| name == column).expect("a column");
    let text = fs::read_to_string(file()).unwrap_or_default();
    let mut table: BTreeMap<String, Row> =
        text.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    let found: BTreeMap<String, String> = results.iter().map(words).collect();
    if std::env::var_os("NIXOS_WSL_EXPECT").is_some() {
        for case in cases::all().filter(|case| has(case.name)) {
            let columns = table.entry(case.name.into()).or_insert_with(|| COLUMNS.map(|_| NONE.into()));
            columns[index] = found.get(case.name).cloned().unwrap_or_else(|| NONE.into());
        }
        fs::write(file(), written(&table)).expect("the table");
        return;
    }
    let mut expected: BTreeMap<String, String> =
        table.into_iter().map(|(name, columns)| (name, columns[index].clone())).collect();
    expected.retain(|name, outcome| outcome != NONE && has(name));
    let not_as_expected = |result: &&Value| {
        let (name, outcome) = words(result);
        expected.get(&name) != Some(&outcome)
    };
    let differ = results
        .iter()
        .filter(not_as_expected)
        .map(|result| format!("{result}, not {:?}", expected.get(&words(result).0)));
    let missing = expected.keys().filter(|name| !found.contains_key(*name));
    let differ: Vec<String> = differ.chain(missing.map(|name| format!("{name} did not run"))).collect();
    assert!(differ.is_empty(), "on the image of {column:?}:\n{}", differ.join("\n"));
}

type Row = [String; COLUMNS.len()];

fn words(result: &Value) -> (String, String) {
    let word = |key: &str| result[key].as_str().expect("a word").to_owned();
    (word("name"), word("outcome"))
}

fn row(line: &str) -> (String, Row) {
    let words: Vec<String> = line.split_whitespace().map(Into::into).collect();
    let [name, columns @ ..] = &words[..] else { panic!("{line:?} is no row") };
    (name.clone(), columns.to_vec().try_into().expect("a word a column"))
}

/// The rows of the cases that there are, in their order.
fn written(table: &BTreeMap<String, Row>) -> String {
    let line = |name: &str, columns: &[&str]| {
        let columns: Vec<String> = columns.iter().map(|word| format!("{word:<8}")).collect();
        format!("{name:<28}{}", columns.join("")).trim_end().to_owned() + "\n"
    };
    let mut text = line("# case", &COLUMNS);
    for case in cases::all() {
        let columns = table
            .get(case.name)
            .map_or([NONE; COLUMNS.len()], |columns| columns.each_ref().map(String::as_str));
        text += &line(case.name, &columns);
    }
    text
}

/// What works has no failure in the table, and busybox passes nothing: whoever writes the table again cannot let that slip.
#[test]
fn the_table_excuses_nothing() {
    let text = fs::read_to_string(file()).expect("the table");
    let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, cases::all().map(|case| case.name).collect::<Vec<_>>(), "a row a case, in their order");
    for (name, [works, shells, more, asks, busybox, broken, rescue]) in &rows {
        assert!(["pass", "skip"].contains(&works.as_str()), "{name} on what works: {works}");
        assert!([shells, more, asks].iter().all(|word| *word != "fail"), "{name}");
        assert!(["fail", "skip"].contains(&busybox.as_str()), "{name} on busybox: {busybox}");
        assert!(["pass", "fail", "skip"].contains(&broken.as_str()), "{name}");
        assert!(["pass", "fail", "skip", NONE].contains(&rescue.as_str()), "{name}");
        // What is tried where it works is not excused where it does not; but for shells that another image has not.
        assert!(
            works != "pass"
                || name.starts_with("shell-")
                || [busybox, broken, rescue].iter().all(|word| *word != "skip"),
            "{name}"
        );
    }
    let count =
        |column: usize, word: &str| rows.iter().filter(|(_, columns)| columns[column] == word).count();
    assert!(count(0, "pass") >= 60, "{} cases are tried", count(0, "pass"));
    assert!(count(5, "fail") > count(5, "pass"), "a system that does not boot passes too much");
}

/// What no image here passes, and why. That Windows alone has it is the case's own word.
const NOWHERE: [(&str, &str); 12] = [
    ("clock-after-sleep", "nobody puts the machine to sleep"),
    ("vscode-server", "its loader is nix-ld, which Debian has not"),
    ("vscode-tools", "curl, git, unzip and wget with all that they need would be half of the stand-in"),
    ("shell-pwsh", "Debian has no PowerShell"),
    ("shell-nu", "Debian 12 has no Nushell"),
    ("shell-xonsh", "Debian's is a whole Python, which would be half of the stand-in"),
    ("nix-shell", "the virtual machine has no internet"),
    ("nix-run", "the virtual machine has no internet"),
    ("docker-run", DOCKER),
    ("docker-network", DOCKER),
    ("docker-volume", DOCKER),
    ("docker-after-a-restart", DOCKER),
];
const DOCKER: &str = "Docker's daemon makes bridges and rules of the packet filter, which the virtual machine has no modules for";

#[test]
fn what_passes_nowhere_is_known_with_its_reason() {
    let text = fs::read_to_string(file()).expect("the table");
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(row);
    let nowhere = rows.filter(|(_, columns)| columns.iter().all(|word| word != "pass")).map(|(name, _)| name);
    let windows =
        |name: &str| cases::all().any(|case| case.name == name && case.needs.contains(&Need::Windows));
    let nowhere: Vec<String> = nowhere.filter(|name| !windows(name)).collect();
    let known = NOWHERE.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(nowhere, known);
    assert!(NOWHERE.iter().all(|(_, reason)| reason.split(' ').count() > 3));
}

/// A table that lacks results, or has others, is told.
#[test]
fn a_case_that_did_not_run_is_told() {
    let result = |name: &str, outcome: &str| serde_json::json!({ "name": name, "outcome": outcome });
    let of_zsh = |results: &[Value]| {
        hold_part(&Part { column: "shells", has: &|name| name == "shell-zsh" }, results);
    };
    let told = |results: &[Value]| {
        let said = std::panic::catch_unwind(|| of_zsh(results)).expect_err("a difference");
        said.downcast_ref::<String>().expect("a text").clone()
    };
    of_zsh(&[result("shell-zsh", "pass")]);
    assert!(told(&[]).ends_with("\nshell-zsh did not run"));
    assert!(told(&[result("shell-zsh", "fail")]).ends_with("not Some(\"pass\")"));
    assert!(told(&[result("shell-zsh", "pass"), result("shell-fish", "pass")]).contains("shell-fish"));
}
