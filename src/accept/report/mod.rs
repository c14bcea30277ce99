//! What a suite has found, and how it is written.

mod found;
mod html;
mod tap;

pub use found::{AcceptanceReport, CaseResult};

use super::arguments::ReportFormat;

/// A report's text.
///
/// # Errors
/// JSON cannot be made.
pub fn written(report: &AcceptanceReport, format: ReportFormat) -> serde_json::Result<String> {
    Ok(match format {
        ReportFormat::Tap => tap::written(report),
        ReportFormat::Json => serde_json::to_string_pretty(report)? + "\n",
        ReportFormat::Html => html::written(report),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accept::case::{Case, Need, Trouble};
    use crate::accept::surroundings::{Surroundings, TriedImage};

    fn report() -> AcceptanceReport {
        let image = TriedImage { file: "a <b>.wsl".into(), bytes: 7, sha256: "ab".into() };
        let surroundings = Surroundings {
            kind: "simulator",
            wsl: vec!["wsl-sim 1".into()],
            kernel: "6.6".into(),
            windows: String::new(),
            machine: "x86_64",
        };
        let case = |name, proves| Case { name, proves, needs: &[Need::Windows], body: |_| Ok(()) };
        let result = |case: &Case, result| CaseResult::new(case, result, Duration::from_millis(1234));
        let results = vec![
            result(&case("works", "It # works"), Ok(())),
            result(&case("does-not", "It does"), Err(Trouble::Failed("no\n<script>\u{1b}[1m".into()))),
            result(&case("cannot", "It could"), Err(Trouble::CannotRun("no Windows".into()))),
        ];
        AcceptanceReport::new(image, surroundings, results, Duration::from_secs(5))
    }

    #[test]
    fn tap_has_a_plan_comments_and_reasons() {
        let text = written(&report(), ReportFormat::Tap).unwrap();
        assert_eq!(
            text,
            "TAP version 14\n1..3\n# suite: nixos-wsl-accept 0.1.0\n# image: a <b>.wsl, 7 bytes\n# SHA-256: ab\n\
             # on: simulator, x86_64\n# wsl: wsl-sim 1\n# kernel: 6.6\n\
             # cases: 1 passed, 1 failed, 1 skipped in 5 s\n\
             ok 1 - works: It \\# works\n\
             not ok 2 - does-not: It does\n  ---\n  message: \"no\\n<script>\\u001b[1m\"\n  seconds: 1.23\n  ...\n\
             ok 3 - cannot: It could # SKIP no Windows\n"
                .replace("0.1.0", env!("CARGO_PKG_VERSION"))
        );
    }

    #[test]
    fn json_has_counts_and_results() {
        let text = written(&report(), ReportFormat::Json).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (json["passed"].as_u64(), json["failed"].as_u64(), json["skipped"].as_u64()),
            (Some(1), Some(1), Some(1))
        );
        let outcomes = [0, 1, 2].map(|index| json["results"][index]["outcome"].as_str());
        assert_eq!(outcomes, [Some("pass"), Some("fail"), Some("skip")]);
        assert_eq!(json["results"][1]["reason"], "no\n<script>\u{1b}[1m");
        assert_eq!(json["surroundings"]["kernel"], "6.6");
    }

    #[test]
    fn html_holds_what_was_said_as_text() {
        let text = written(&report(), ReportFormat::Html).unwrap();
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("a &lt;b&gt;.wsl"), "{text}");
        for outcome in ["pass", "fail", "skip"] {
            let row = format!("<tr class=\"{outcome}\"><td><b>{outcome}</b>");
            assert_eq!(text.matches(&row).count(), 1, "{text}");
        }
    }
}
