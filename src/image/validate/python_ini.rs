//! A file of settings as Python's `configparser` reads it, by which Microsoft's validator goes: not WSL's grammar (W§8.1).

use std::collections::BTreeSet;

/// A value, by section and key; the key is in small letters, the section as it is spelled.
pub type PythonSettings = Vec<(String, String, String)>;

/// Reads a file.
///
/// # Errors
/// Why Python reads none of it, in one line: the validator ends there.
pub fn read(bytes: &[u8]) -> Result<PythonSettings, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let mut reader = Reader::default();
    // Python says so at the end.
    let mut unparsed = None;
    for (number, line) in text.split('\n').enumerate() {
        reader.line(line).map_err(|problem| format!("line {}: {problem}", number + 1))?;
        if reader.no_setting && unparsed.is_none() {
            unparsed = Some(number + 1);
        }
    }
    if let Some(number) = unparsed {
        return Err(format!("line {number}: is neither a section nor a key with a value"));
    }
    let values = reader.values.into_iter();
    let mut settings: PythonSettings = values
        .map(|value| {
            let text = value.text();
            (value.section, value.key, text)
        })
        .collect();
    for (section, key, value) in &mut settings {
        *value =
            interpolated(value).ok_or_else(|| format!("{section}.{key}: a `%` that Python would fill in"))?;
    }
    Ok(settings)
}

struct Value {
    section: String,
    key: String,
    lines: Vec<String>,
}

impl Value {
    fn text(&self) -> String {
        self.lines.join("\n").trim_end().to_owned()
    }
}

#[derive(Default)]
struct Reader {
    sections: BTreeSet<String>,
    section: Option<String>,
    seen: BTreeSet<(String, String)>,
    values: Vec<Value>,
    /// Whether lines that are indented belong to the last value.
    open: bool,
    indent: usize,
    /// Whether there was a line that is nothing.
    no_setting: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let value = line.trim();
        if value.starts_with(['#', ';']) {
            return Ok(());
        }
        if value.is_empty() {
            if let Some(last) = self.values.last_mut().filter(|_| self.open) {
                last.lines.push(String::new());
            }
            return Ok(());
        }
        let indent = line.len() - line.trim_start().len();
        if let Some(last) = self.values.last_mut().filter(|_| self.open && indent > self.indent) {
            last.lines.push(value.to_owned());
            return Ok(());
        }
        self.indent = indent;
        if let Some((name, _)) = value
            .strip_prefix('[')
            .and_then(|rest| rest.rsplit_once(']'))
            .filter(|(name, _)| !name.is_empty())
        {
            // Python lets its keys count in every section, where no key of WSL's is meant.
            if name == "DEFAULT" {
                return Err("the section DEFAULT is Python's own".to_owned());
            }
            if !self.sections.insert(name.to_owned()) {
                return Err(format!("section {name} is there twice"));
            }
            self.section = Some(name.to_owned());
            self.open = false;
            return Ok(());
        }
        let Some(section) = self.section.clone() else {
            return Err("no section stands before it".to_owned());
        };
        let Some((key, text)) = value.split_once(['=', ':']) else {
            self.no_setting = true;
            return Ok(());
        };
        let key = key.trim_end().to_lowercase();
        if key.is_empty() {
            self.no_setting = true;
        }
        if !self.seen.insert((section.clone(), key.clone())) {
            return Err(format!("{section}.{key} is there twice"));
        }
        self.values.push(Value { section, key, lines: vec![text.trim().to_owned()] });
        self.open = true;
        Ok(())
    }
}

/// A value with its `%%`; nothing where a `%` means something else.
fn interpolated(value: &str) -> Option<String> {
    let mut pieces = value.split("%%");
    pieces.all(|piece| !piece.contains('%')).then(|| value.replace("%%", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Vec<String>, String> {
        let read = read(text.as_bytes())?;
        Ok(read.iter().map(|(section, key, value)| format!("{section}.{key}={value}")).collect())
    }

    /// Each as Python 3 reads it.
    #[test]
    fn as_python_reads() {
        for (text, expected) in [
            ("[a]\nB = c # d\n; e\n# f\ng: h\n", &["a.b=c # d", "a.g=h"][..]),
            ("[a]\nb=1\n  2\n\n  3\n[c] d\ne=\n", &["a.b=1\n2\n\n3", "c.e="]),
            ("[a]\nb=\"c\"\r\nd=50%%\n", &["a.b=\"c\"", "a.d=50%"]),
            ("", &[]),
        ] {
            assert_eq!(settings(text).unwrap_or_default(), expected, "{text}");
        }
        for text in
            ["a=1\n", "[a]\n[a]\n", "[a]\nb=1\nB=2\n", "[a]\nword\n", "[a]\nb=%x\n", "[a]\nb=%(c)s\n", "[]\n"]
        {
            assert!(settings(text).is_err(), "{text}");
        }
        assert!(read(b"[a]\nb=\xff\n").is_err());
    }
}
