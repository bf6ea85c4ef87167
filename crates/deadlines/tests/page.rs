//! `docs/deadlines.md` shows each deadline as it is.

#![allow(clippy::unwrap_used)] // so does a test fail

use std::path::Path;
use std::time::Duration;

use deadlines::ALL;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deadlines.md")).unwrap()
}

/// A deadline as a page shows it: `broker::CONFIRM_DEADLINE 5 s   =====`.
#[derive(Debug)]
struct Shown<'a> {
    name: &'a str,
    value: Duration,
    /// How long its bar is, if it has one.
    bar: Option<usize>,
}

fn shown(page: &str) -> Vec<Shown<'_>> {
    page.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().filter(|name| name.contains("::"))?;
            let value = Duration::from_secs(words.next()?.parse().ok()?);
            let bar = words.nth(1).filter(|word| word.chars().all(|c| c == '='));
            Some(Shown { name, value, bar: bar.map(str::len) })
        })
        .collect()
}

/// What is wrong with a page.
fn mistakes(page: &str) -> Vec<String> {
    let shown = shown(page);
    let mut mistakes = Vec::new();
    for (name, value) in ALL {
        let here: Vec<_> = shown.iter().filter(|shown| shown.name == *name).collect();
        if here.is_empty() {
            mistakes.push(format!("{name} is missing"));
        }
        let is_right = |shown: &Shown<'_>| {
            shown.value == *value && shown.bar.is_none_or(|bar| u64::try_from(bar) == Ok(value.as_secs()))
        };
        mistakes.extend(here.into_iter().filter(|shown| !is_right(shown)).map(|shown| format!("{shown:?}")));
    }
    let unknown = shown.iter().filter(|shown| ALL.iter().all(|(name, _)| *name != shown.name));
    mistakes.extend(unknown.map(|shown| format!("there is no {}", shown.name)));
    mistakes
}

#[test]
fn the_page_shows_each_deadline_as_it_is() {
    let mistakes = mistakes(&page());
    assert!(mistakes.is_empty(), "docs/deadlines.md:\n{}", mistakes.join("\n"));
}

#[test]
fn a_mistake_of_the_page_would_be_seen() {
    let page = page();
    for (right, wrong, mistake) in [
        ("stop::KILL_AFTER 30 s", "stop::KILL_AFTER 31 s", "31s"),
        ("broker::CONFIRM_DEADLINE 5 s", "broker::CONFIRM 5 s", "there is no broker::CONFIRM"),
        ("stop::KILL_AFTER 30 s", "", "stop::KILL_AFTER is missing"),
        (" =\n", " ==\n", "Some(2)"),
    ] {
        assert!(page.contains(right), "{right}");
        let mistakes = mistakes(&page.replace(right, wrong));
        assert!(mistakes.iter().any(|found| found.contains(mistake)), "{right}: {mistakes:?}");
    }
}

#[test]
fn deadlines_are_whole_seconds() {
    assert!(ALL.iter().all(|(_, value)| value.subsec_nanos() == 0), "a bar could not show it");
}
