//! What may be written where: names of exchanges and queues, the clock, and how much of it.
//!
//! SQL has no rule here: only db can run it (`deny.toml`).

use crate::rust_files::{self, RustFile};

const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_MAIN: usize = 15;

/// What is called over HTTP today, and by messages tomorrow: it knows neither.
const USE_CASES: [&str; 2] = ["services/order/src/placing", "services/order/src/changes"];

impl RustFile {
    fn is_in(&self, package: &str) -> bool {
        self.path.starts_with(&format!("{package}/"))
    }

    fn violations(&self, names: &[String]) -> Vec<String> {
        let mut violations = Vec::new();
        let mut violation = |what: String| violations.push(format!("{}: {what}", self.path));
        let program = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        if !self.is_in("crates/bus") && !self.is_in("tools/testkit") {
            let quoted = quoted(program);
            for name in names.iter().filter(|name| quoted.iter().any(|text| has_word(text, name))) {
                violation(format!("name of an exchange or a queue: {name}"));
            }
        }
        if self.is_in("crates/domain") {
            let outside = [
                "std::fs",
                "std::net",
                "std::env",
                "std::process",
                "std::thread",
                "SystemTime",
                "Instant::now",
                "now_utc",
                "println!",
            ];
            for used in outside.iter().filter(|used| program.contains(**used)) {
                violation(format!("not pure: {used}"));
            }
        }
        let is_use_case = USE_CASES.iter().any(|use_case| {
            self.path == format!("{use_case}.rs") || self.path.starts_with(&format!("{use_case}/"))
        });
        for used in ["actix_web", "http_service"].iter().filter(|_| is_use_case) {
            if self.text.contains(used) {
                violation(format!("HTTP in a use case: {used}"));
            }
        }
        let lines = self.text.lines().count();
        if lines > MOST_LINES {
            violation(format!("{lines} lines, more than {MOST_LINES}"));
        }
        if self.path.starts_with("services/")
            && self.path.ends_with("/src/main.rs")
            && lines > MOST_LINES_OF_A_MAIN
        {
            violation(format!("{lines} lines, more than {MOST_LINES_OF_A_MAIN} for a main.rs"));
        }
        violations
    }
}

/// What stands between quotation marks in a line that is no comment. Of a text over several lines,
/// what is between them; that is enough to find a name.
fn quoted(program: &str) -> Vec<&str> {
    let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

/// Whether a name occurs in a text as a whole word.
fn has_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name)
}

/// Names are literals of the topology, made of words joined by underscores.
fn names_of(topology: &str) -> Vec<String> {
    let is_name =
        |text: &&str| text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let program = topology.split("#[cfg(test)]").next().unwrap_or_default();
    quoted(program).into_iter().filter(is_name).map(str::to_owned).collect()
}

/// The files below `src` folders.
fn sources() -> Vec<RustFile> {
    rust_files::all().into_iter().filter(|file| file.path.contains("/src/")).collect()
}

fn real_names(sources: &[RustFile]) -> Vec<String> {
    let topology = sources.iter().find(|source| source.path == "crates/bus/src/topology.rs");
    names_of(&topology.expect("the topology is there").text)
}

#[test]
fn everything_is_where_it_belongs() {
    let sources = sources();
    let names = real_names(&sources);
    for known in [
        "orders_topic",
        "notifications_fanout",
        "notifications_queue",
        "kitchen_dlq",
        "kitchen_takeout_queue",
    ] {
        assert!(names.iter().any(|name| name == known), "{known}: {names:?}");
    }
    for use_case in USE_CASES {
        let path = format!("{use_case}.rs");
        assert!(sources.iter().any(|source| source.path == path), "{path} has another name now");
    }
    let violations: Vec<_> = sources.iter().flat_map(|source| source.violations(&names)).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn each_rule_would_be_seen_broken() {
    let names = real_names(&sources());
    let literal = |text: &str| format!("const TEXT: &str = \"{text}\";\n");
    for (path, text, violation) in [
        ("services/kitchen/src/a.rs", literal("goes to kitchen_dlq"), "kitchen_dlq"),
        ("crates/ctl/src/a.rs", literal("orders_topic"), "orders_topic"),
        ("crates/domain/src/a.rs", "use std::fs::File;".to_owned(), "std::fs"),
        ("crates/domain/src/a.rs", "let now = OffsetDateTime::now_utc();".to_owned(), "now_utc"),
        ("services/order/src/placing.rs", "use http_service::Problem;".to_owned(), "HTTP in a use case"),
        ("services/order/src/changes/a.rs", "use actix_web::web;".to_owned(), "HTTP in a use case"),
        ("crates/http/src/a.rs", "\n".repeat(MOST_LINES + 1), "401 lines"),
        ("services/order/src/main.rs", "\n".repeat(MOST_LINES_OF_A_MAIN + 1), "16 lines"),
    ] {
        let source = RustFile { path: path.to_owned(), text };
        let violations = source.violations(&names);
        let is_seen = violations.len() == 1 && violations[0].contains(violation);
        assert!(is_seen, "{path}: {}: {violations:?}", source.text);
    }
    for (path, text) in [
        ("crates/bus/src/a.rs", literal("orders_topic")),
        ("services/order/src/a.rs", format!("// \"orders_topic\"\n#[cfg(test)]\n{}", literal("kitchen_dlq"))),
        ("services/order/src/a.rs", format!("kitchen_queue({})", literal("orders_topical"))),
        ("services/order/src/http/placing.rs", "use actix_web::web;".to_owned()),
        ("services/order/src/main.rs", "\n".repeat(MOST_LINES_OF_A_MAIN)),
        ("crates/http/src/a.rs", "\n".repeat(MOST_LINES)),
    ] {
        let violations = RustFile { path: path.to_owned(), text }.violations(&names);
        assert!(violations.is_empty(), "{violations:?}");
    }
}
