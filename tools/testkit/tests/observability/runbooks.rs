//! Each alert has a page that says what to do, and a test on both sides of its `for`.

use std::collections::BTreeSet;
use std::fs;

use devcluster::observability;
use testkit::shared_servers::workspace;

use crate::alerts::alerts;

const HEADINGS: [&str; 3] = ["## What guests notice", "## What to look at", "## What to do"];

fn names() -> BTreeSet<String> {
    alerts().into_iter().map(|alert| alert.name).collect()
}

#[test]
fn each_alert_names_its_page() {
    let index = fs::read_to_string(workspace().join("docs/runbooks/README.md")).unwrap();
    for alert in alerts() {
        let name = alert.name;
        assert_eq!(alert.runbook, format!("docs/runbooks/{name}.md"));
        let page = fs::read_to_string(workspace().join(alert.runbook)).unwrap();
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        for heading in HEADINGS {
            assert!(page.lines().any(|line| line == heading), "{name} lacks '{heading}'");
        }
        assert!(index.contains(&format!("| [{name}]({name}.md) |")), "{name} is not in the index");
    }
}

#[test]
fn each_page_is_one_of_an_alert() {
    let files = fs::read_dir(workspace().join("docs/runbooks")).unwrap();
    let pages = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> =
        pages.filter_map(|page| Some(page.strip_suffix(".md")?.to_owned())).collect();
    let known: BTreeSet<String> = names().into_iter().chain(["README".to_owned()]).collect();
    assert_eq!(pages, known);
}

/// The alerts that are tested: those that must not fire at some moment, and those that must.
fn tested(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut silent, mut firing) = (BTreeSet::new(), BTreeSet::new());
    let mut name = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(alert) = line.strip_prefix("alertname: ") {
            alert.clone_into(&mut name);
        } else if line == "exp_alerts: []" {
            silent.insert(name.clone());
        } else if line == "exp_alerts:" {
            firing.insert(name.clone());
        }
    }
    (silent, firing)
}

#[test]
fn each_alert_is_tested_before_and_after_it_fires() {
    let (silent, firing) = tested(&fs::read_to_string(observability::tests_of_rules()).unwrap());
    assert_eq!(silent, names());
    assert_eq!(firing, names());
}
