//! A report by the Test Anything Protocol, version 14: <https://testanything.org/tap-version-14-specification.html>.

use std::fmt::Write;

use super::found::AcceptanceReport;
use crate::accept::case::CaseOutcome;

pub(super) fn written(report: &AcceptanceReport) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", report.results.len());
    for (name, value) in report.facts() {
        let _ = writeln!(text, "# {name}: {}", one_line(&value));
    }
    for (index, result) in report.results.iter().enumerate() {
        let ok = match result.outcome {
            CaseOutcome::Pass | CaseOutcome::Skip => "ok",
            CaseOutcome::Fail => "not ok",
        };
        let proves = result.proves.replace('\\', "\\\\").replace('#', "\\#");
        let _ = write!(text, "{ok} {} - {}: {proves}", index + 1, result.name);
        match result.outcome {
            CaseOutcome::Pass => text.push('\n'),
            CaseOutcome::Skip => {
                let _ = writeln!(text, " # SKIP {}", one_line(&result.reason));
            }
            CaseOutcome::Fail => {
                // A string of JSON is one of YAML.
                let message = serde_json::Value::from(result.reason.as_str());
                let _ = writeln!(text, "\n  ---\n  message: {message}\n  seconds: {}\n  ...", result.seconds);
            }
        }
    }
    text
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
