//! A report as one page, without scripts and without anything from elsewhere.

use std::fmt::Write;

use super::found::AcceptanceReport;

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>NixOS on WSL: acceptance</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
  body { max-width: 70em; margin: 2em auto; padding: 0 1em; }
  table { border-collapse: collapse; width: 100%; }
  td { padding: .3em .6em; border-top: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
  td:first-child { white-space: nowrap; }
  pre { white-space: pre-wrap; margin: .3em 0; font-size: 12px; }
  .pass b { color: #2a8a3a; } .fail b { color: #d03030; } .skip b { color: #8a7a20; }
</style>
<h1>NixOS on WSL: acceptance</h1>
";

pub(super) fn written(report: &AcceptanceReport) -> String {
    let mut text = HEAD.to_owned() + "<table>\n";
    for (name, value) in report.facts() {
        let _ = writeln!(text, "<tr><td>{}<td>{}", as_text(name), as_text(&value));
    }
    text.push_str("</table>\n<table>\n");
    for result in &report.results {
        let _ = write!(
            text,
            "<tr class=\"{0}\"><td><b>{0}</b><td>{1}<td>{2}",
            result.outcome,
            as_text(result.name),
            as_text(result.proves)
        );
        if !result.reason.is_empty() {
            let _ = write!(text, "<pre>{}</pre>", as_text(&result.reason));
        }
        let _ = writeln!(text, "<td>{} s", result.seconds);
    }
    text + "</table>\n</html>\n"
}

/// Text that is no markup and has no control characters: what a distribution printed may be anything.
fn as_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(letter),
            _ if letter.is_control() => safe.push('\u{fffd}'),
            _ => safe.push(letter),
        }
    }
    safe
}
