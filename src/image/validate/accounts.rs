//! `/etc/passwd` and `/etc/shadow` (W§8.1).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::judgement::{FILE_MODES, Judgement, VALIDATORS_LINKS};

/// The path of the accounts.
pub const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";

/// Judges both; `first` is the user number of the first shell. Gives the names of the users.
pub fn judge(judgement: &mut Judgement<'_>, first: Option<i64>) -> Vec<String> {
    let users = passwd(judgement, first);
    match judgement.root.get(SHADOW) {
        Some(node) => judgement.attributes(SHADOW, node, &[0o640, 0o600, 0], true),
        None => judgement.error("missing", SHADOW, "is missing"),
    }
    users
}

fn passwd(judgement: &mut Judgement<'_>, first: Option<i64>) -> Vec<String> {
    let Some(node) = judgement.root.get(PASSWD) else {
        judgement.error("missing", PASSWD, "is missing");
        return Vec::new();
    };
    // A link is judged by its own mode, and read by what it leads to.
    judgement.attributes(PASSWD, node, FILE_MODES, false);
    let real = judgement.root.follow(PASSWD.as_bytes(), VALIDATORS_LINKS);
    let content = real.and_then(|(_, node)| judgement.content(node));
    let Some(content) = content.and_then(|content| std::str::from_utf8(content).ok()) else {
        judgement.error("unreadable", PASSWD, "is no text of at most 1 MiB");
        return Vec::new();
    };
    let mut users: BTreeMap<i64, &str> = BTreeMap::new();
    let mut names = Vec::new();
    for (number, line) in content.lines().enumerate() {
        let number = number + 1;
        let fields: Vec<&str> = line.split(':').collect();
        let (7, Ok(uid)) = (fields.len(), fields.get(2).unwrap_or(&"").trim().parse()) else {
            judgement.error(
                "passwd",
                PASSWD,
                &format!("line {number} has not seven fields with a user number: {line}"),
            );
            continue;
        };
        names.push(fields[0].to_owned());
        match users.entry(uid) {
            Entry::Occupied(_) => {
                let text = format!("line {number} has the user number {uid}, which is there already");
                judgement.error("passwd", PASSWD, &text);
            }
            Entry::Vacant(place) => {
                place.insert(fields[0]);
            }
        }
    }
    match users.get(&0) {
        None => judgement.error("passwd", PASSWD, "has no user with the number 0"),
        Some(&"root") => {}
        Some(name) => {
            judgement.error("passwd", PASSWD, &format!("gives the number 0 to {name} instead of root"));
        }
    }
    if let Some((uid, name)) = first.and_then(|uid| users.get_key_value(&uid)) {
        let text = format!("has {name} with the number {uid} already, which is oobe.defaultUid's");
        judgement.warning("default-uid", PASSWD, &text);
    }
    names
}
