//! The alerts of `deploy/observability/rules.yaml`. Its lines are simple enough to read them so.

use devcluster::observability;

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    pub name: String,
    pub expression: String,
    pub runbook: String,
}

/// All of them.
pub fn alerts() -> Vec<Alert> {
    let text = std::fs::read_to_string(observability::rules()).unwrap();
    let alerts = read(&text);
    assert!(alerts.len() > 10, "{alerts:?}");
    alerts
}

fn read(text: &str) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let value = |key: &str| line.trim_start().strip_prefix(key).map(str::trim);
        if let Some(name) = value("- alert:") {
            alerts.push(Alert { name: name.to_owned(), ..Alert::default() });
        }
        let Some(alert) = alerts.last_mut() else { continue };
        if let Some(first) = value("expr:") {
            let mut expression = first.trim_start_matches(">-").to_owned();
            while let Some(more) = lines.next_if(|more| indent(more) > indent(line)) {
                expression.push(' ');
                expression.push_str(more.trim());
            }
            expression.trim().clone_into(&mut alert.expression);
        }
        if let Some(runbook) = value("runbook_url:") {
            runbook.clone_into(&mut alert.runbook);
        }
    }
    alerts
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn expressions_over_several_lines_are_read() {
    let text = "\
groups:
  - name: a group
    rules:
      - alert: One
        expr: a > 1
        for: 1m
        annotations:
          runbook_url: docs/runbooks/One.md
      - alert: Two
        expr: >-
          a
            and b
        for: 1m
";
    let alert = |name: &str, expression: &str, runbook: &str| Alert {
        name: name.to_owned(),
        expression: expression.to_owned(),
        runbook: runbook.to_owned(),
    };
    assert_eq!(read(text), [alert("One", "a > 1", "docs/runbooks/One.md"), alert("Two", "a and b", "")]);
}
