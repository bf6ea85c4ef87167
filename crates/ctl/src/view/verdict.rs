//! The result of a check, as lines for people or as JSON.

use std::borrow::Cow;

use runtime::console::{Console, Style};
use serde::Serialize;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Correct.
    Ok,
    /// Working, but an operator should look at it.
    Warn,
    /// Wrong.
    Fail,
    /// The check could not be made.
    Unknown,
}

/// A check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// A stable name, for scripts.
    pub check: Cow<'static, str>,
    /// The outcome.
    pub outcome: Outcome,
    /// The finding, in words.
    pub found: String,
    /// The number of wrong cases.
    #[serde(skip_serializing_if = "is_zero")]
    pub count: u64,
    /// The first of the wrong cases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// What the operator should do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to_do: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Verdict {
    /// A correct result.
    pub fn ok(check: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, found, "")
    }

    /// A working system that an operator should look at.
    pub fn warn(
        check: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Warn, found, to_do)
    }

    /// A wrong result.
    pub fn fail(
        check: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Fail, found, to_do)
    }

    /// A check that could not be made.
    pub fn unknown(
        check: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Unknown, found, to_do)
    }

    fn new(
        check: impl Into<Cow<'static, str>>,
        outcome: Outcome,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Self {
        let (check, found, to_do) = (check.into(), found.into(), to_do.into());
        Self { check, outcome, found, count: 0, examples: Vec::new(), to_do }
    }

    /// Adds the number of wrong cases, and the first of them.
    #[must_use]
    pub fn with_examples(self, count: u64, examples: Vec<String>) -> Self {
        Self { count, examples, ..self }
    }

    /// Lines for people.
    pub fn lines(&self, console: Console) -> Vec<String> {
        let (style, word) = match self.outcome {
            Outcome::Ok => (Style::Green, "ok     "),
            Outcome::Warn => (Style::Yellow, "warn   "),
            Outcome::Fail => (Style::Red, "fail   "),
            Outcome::Unknown => (Style::Magenta, "unknown"),
        };
        let mut lines = vec![format!("{}  {:<20} {}", console.paint(style, word), self.check, self.found)];
        let margin = " ".repeat(30);
        lines.extend(self.examples.iter().map(|example| format!("{margin}- {example}")));
        let further = self.count.saturating_sub(self.examples.len() as u64);
        if further > 0 && !self.examples.is_empty() {
            lines.push(format!("{margin}… and {further} more"));
        }
        if !self.to_do.is_empty() {
            lines.push(format!("{margin}{}", console.paint(Style::Bold, &format!("→ {}", self.to_do))));
        }
        lines
    }
}

/// Whether one of the verdicts has this outcome.
pub fn any(verdicts: &[Verdict], outcome: Outcome) -> bool {
    verdicts.iter().any(|verdict| verdict.outcome == outcome)
}

/// The number of verdicts and their outcomes, in words.
pub fn sum(verdicts: &[Verdict]) -> String {
    let count = |outcome| verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
    let mut parts = vec![format!("{} check{}", verdicts.len(), if verdicts.len() == 1 { "" } else { "s" })];
    for (outcome, word) in
        [(Outcome::Fail, "failed"), (Outcome::Unknown, "could not be made"), (Outcome::Warn, "to look at")]
    {
        if count(outcome) > 0 {
            parts.push(format!("{} {word}", count(outcome)));
        }
    }
    if parts.len() == 1 { format!("{}, all well", parts.concat()) } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_shown_with_examples_and_what_to_do() {
        let verdict = Verdict::fail("items", "12 orders have no items", "look at them")
            .with_examples(12, vec!["ORD_20261121_001 has 0 items".to_owned()]);
        let margin = " ".repeat(30);
        assert_eq!(
            verdict.lines(Console::plain()),
            [
                "fail     items                12 orders have no items".to_owned(),
                format!("{margin}- ORD_20261121_001 has 0 items"),
                format!("{margin}… and 11 more"),
                format!("{margin}→ look at them"),
            ]
        );
        assert_eq!(sum(&[verdict, Verdict::ok("a", "b")]), "2 checks, 1 failed");
        assert_eq!(sum(&[Verdict::ok("a", "b")]), "1 check, all well");
    }

    #[test]
    fn json_leaves_out_what_is_not_there() {
        let json = serde_json::to_string(&Verdict::ok("items", "each has 1 to 20")).unwrap();
        assert_eq!(json, r#"{"check":"items","outcome":"ok","found":"each has 1 to 20"}"#);
    }
}
