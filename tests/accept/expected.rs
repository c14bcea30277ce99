//! How each case has to end on each image: the table `expected.txt`, in the order in which the cases run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nixos_wsl::accept::cases;
use serde_json::Value;

const COLUMNS: [&str; 6] = ["works", "shells", "asks", "busybox", "broken", "rescue"];
/// Where a case is not run.
const NONE: &str = "-";

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accept/expected.txt")
}

/// Compares results with a column of the table. With `NIXOS_WSL_EXPECT` they are written into it, to be looked through;
/// then the tests run one at a time (`-j 1`).
pub fn hold(column: &str, results: &[Value]) {
    let index = COLUMNS.iter().position(|name| *name == column).expect("a column");
    let text = fs::read_to_string(file()).unwrap_or_default();
    let mut table: BTreeMap<String, [String; 6]> =
        text.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    if std::env::var_os("NIXOS_WSL_EXPECT").is_some() {
        for result in results {
            let (name, outcome) = words(result);
            table.entry(name).or_insert_with(|| COLUMNS.map(|_| NONE.into()))[index] = outcome;
        }
        fs::write(file(), written(&table)).expect("the table");
        return;
    }
    let expected: BTreeMap<&str, &str> =
        table.iter().map(|(name, columns)| (name.as_str(), columns[index].as_str())).collect();
    let differ: Vec<String> = results
        .iter()
        .filter(|result| {
            let (name, outcome) = words(result);
            expected.get(name.as_str()) != Some(&outcome.as_str())
        })
        .map(|result| format!("{}, not {:?}", result, expected.get(words(result).0.as_str())))
        .collect();
    assert!(differ.is_empty(), "on the image of {column:?}:\n{}", differ.join("\n"));
}

fn words(result: &Value) -> (String, String) {
    let word = |key: &str| result[key].as_str().expect("a word").to_owned();
    (word("name"), word("outcome"))
}

fn row(line: &str) -> (String, [String; 6]) {
    let words: Vec<String> = line.split_whitespace().map(Into::into).collect();
    let [name, columns @ ..] = &words[..] else { panic!("{line:?} is no row") };
    (name.clone(), columns.to_vec().try_into().expect("six columns"))
}

/// The rows of the cases that there are, in their order.
fn written(table: &BTreeMap<String, [String; 6]>) -> String {
    let line = |name: &str, columns: &[&str]| {
        let columns: Vec<String> = columns.iter().map(|word| format!("{word:<8}")).collect();
        format!("{name:<28}{}", columns.join("")).trim_end().to_owned() + "\n"
    };
    let mut text = line("# case", &COLUMNS);
    for case in cases::all() {
        let columns =
            table.get(case.name).map_or([NONE; 6], |columns| columns.each_ref().map(String::as_str));
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
    for (name, [works, shells, asks, busybox, broken, rescue]) in &rows {
        assert!(["pass", "skip"].contains(&works.as_str()), "{name} on what works: {works}");
        assert!(shells != "fail" && asks != "fail", "{name}");
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
    assert!(count(4, "fail") > count(4, "pass"), "a system that does not boot passes too much");
}
