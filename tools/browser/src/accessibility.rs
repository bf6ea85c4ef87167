//! What axe finds on a page. Its source is in `axe/`, with its licence.

use serde_json::Value;

use crate::Browser;

const AXE: &str = include_str!("../axe/axe.min.js");
/// The rules of WCAG 2.2 AA, and what axe calls best practice.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then(
        (found) => done(found.violations.map(({ id, impact, help, nodes }) => (
            { id, impact, help, where: nodes.map(({ target, failureSummary }) => target.join(' ') + ': ' + failureSummary) }))),
        (why) => done(String(why)));";

/// A rule that a page breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id, such as `color-contrast`.
    pub rule: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What should be, and where it is not.
    pub detail: String,
}

impl Finding {
    /// Whether somebody cannot use the page because of it.
    pub fn is_serious(&self) -> bool {
        ["serious", "critical"].contains(&self.impact.as_str())
    }
}

impl Browser {
    /// Everything that axe finds on the page as it is now.
    pub async fn findings(&self) -> Vec<Finding> {
        self.run(&format!("if (!window.axe) {{ {AXE} }}"), vec![]).await;
        let found = self.run_async(RUN).await;
        let Value::Array(found) = found else { panic!("axe failed: {found}") };
        let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
        found
            .iter()
            .map(|finding| Finding {
                rule: text(&finding["id"]),
                impact: text(&finding["impact"]),
                detail: format!("{}: {}", text(&finding["help"]), finding["where"]),
            })
            .collect()
    }
}
