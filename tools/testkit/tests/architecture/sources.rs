//! Where sources may use SQL, names of exchanges and queues, and the clock; and how long files may
//! be.

use std::path::Path;

use testkit::shared_servers::workspace;

use crate::literals::literals;

const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_MAIN: usize = 60;

/// What is called over HTTP today, and by messages tomorrow: it knows neither.
const USE_CASES: [&str; 2] = ["services/order/src/placing", "services/order/src/changes"];

/// A file below a `src` folder.
struct Source {
    /// From the root of the workspace, such as `crates/db/src/lib.rs`.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn is_in(&self, package: &str) -> bool {
        self.path.starts_with(&format!("{package}/"))
    }

    fn violations(&self, names: &[String]) -> Vec<String> {
        let mut violations = Vec::new();
        let mut violation = |what: String| violations.push(format!("{}: {what}", self.path));
        let literals = literals(&self.text);
        if !self.is_in("crates/db") && !self.is_in("tools/testkit") {
            for sql in literals.iter().filter(|literal| is_sql(literal)) {
                violation(format!("SQL: {sql:?}"));
            }
        }
        if !self.is_in("crates/bus") && !self.is_in("tools/testkit") {
            for name in names.iter().filter(|name| literals.iter().any(|literal| has_word(literal, name))) {
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
            let program = self.text.split("#[cfg(test)]").next().unwrap_or_default();
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

/// Whether a text is an SQL statement, and not a sentence that begins like one.
fn is_sql(literal: &str) -> bool {
    let words = literal.to_lowercase();
    let words: Vec<_> = words
        .split(|c: char| c.is_whitespace() || matches!(c, '\\' | '(' | ')'))
        .filter(|word| !word.is_empty())
        .collect();
    let follows = |first: &str, second: &[&str]| {
        words.windows(2).any(|pair| pair[0] == first && (second.is_empty() || second.contains(&pair[1])))
    };
    let objects = [
        "table", "index", "role", "user", "database", "schema", "view", "type", "sequence", "function", "or",
        "unique",
    ];
    words.first().is_some_and(|first| ["select", "truncate"].contains(first)) && words.len() > 1
        || follows("insert", &["into"])
        || follows("delete", &["from"])
        || follows("lock", &["table"])
        || words.first() == Some(&"update") && words.get(2) == Some(&"set")
        || words.first() == Some(&"with") && words.contains(&"as") && words.contains(&"select")
        || ["create", "alter", "drop"]
            .iter()
            .any(|verb| words.first() == Some(verb) && follows(verb, &objects))
}

/// Whether a name occurs in a text as a whole word.
fn has_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name)
}

/// Names are literals of the topology, made of words joined by underscores.
fn names_of(topology: &str) -> Vec<String> {
    let is_name =
        |text: &String| text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    literals(topology).into_iter().filter(is_name).collect()
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for group in ["crates", "services", "tools"] {
        for package in std::fs::read_dir(workspace().join(group)).expect("a folder") {
            collect(&package.expect("a package").path().join("src"), &mut sources);
        }
    }
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let path = path.strip_prefix(workspace()).expect("below the root").display().to_string();
            sources.push(Source { path, text });
        }
    }
}

fn real_names(sources: &[Source]) -> Vec<String> {
    let topology = sources.iter().find(|source| source.path == "crates/bus/src/topology.rs");
    names_of(&topology.expect("the topology is there").text)
}

#[test]
fn everything_is_where_it_belongs() {
    let sources = sources();
    let names = real_names(&sources);
    for use_case in USE_CASES {
        let path = format!("{use_case}.rs");
        assert!(sources.iter().any(|source| source.path == path), "{path} has another name now");
    }
    for known in [
        "orders_topic",
        "notifications_fanout",
        "notifications_queue",
        "kitchen_dlq",
        "kitchen_takeout_queue",
    ] {
        assert!(names.iter().any(|name| name == known), "{known}: {names:?}");
    }
    assert!(
        sources.iter().any(|source| literals(&source.text).iter().any(|literal| is_sql(literal))),
        "SQL is known"
    );
    let violations: Vec<_> = sources.iter().flat_map(|source| source.violations(&names)).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn each_rule_would_be_seen_broken() {
    let names = real_names(&sources());
    let literal = |text: &str| format!("const TEXT: &str = \"{text}\";\n");
    for (path, text, violation) in [
        ("services/order/src/a.rs", literal("select 1"), "SQL"),
        ("crates/ctl/src/a.rs", literal("\\n  INSERT INTO orders values (1)"), "SQL"),
        ("services/kitchen/src/a.rs", literal("update orders set status = 'ready'"), "SQL"),
        ("services/kitchen/src/a.rs", literal("with a as (select 1) table a"), "SQL"),
        ("tools/devcluster/src/a.rs", literal("create role somebody"), "SQL"),
        ("crates/bus/src/a.rs", literal("delete from workers"), "SQL"),
        ("services/kitchen/src/a.rs", literal("goes to kitchen_dlq"), "kitchen_dlq"),
        ("crates/ctl/src/a.rs", literal("orders_topic"), "orders_topic"),
        ("crates/domain/src/a.rs", "use std::fs::File;".to_owned(), "std::fs"),
        ("crates/domain/src/a.rs", "let now = OffsetDateTime::now_utc();".to_owned(), "now_utc"),
        ("services/order/src/placing.rs", "use http_service::Problem;".to_owned(), "HTTP in a use case"),
        ("services/order/src/changes/a.rs", "use actix_web::web;".to_owned(), "HTTP in a use case"),
        ("crates/http/src/a.rs", "\n".repeat(MOST_LINES + 1), "401 lines"),
        ("services/order/src/main.rs", "\n".repeat(MOST_LINES_OF_A_MAIN + 1), "61 lines"),
    ] {
        let violations = Source::new(path, &text).violations(&names);
        assert!(violations.len() == 1 && violations[0].contains(violation), "{path}: {text}: {violations:?}");
    }
    for (path, text) in [
        ("crates/db/src/a.rs", literal("select 1")),
        ("crates/bus/src/a.rs", literal("orders_topic")),
        (
            "services/order/src/a.rs",
            format!("// select 1 from orders_topic\n#[cfg(test)]\n{}", literal("kitchen_dlq")),
        ),
        (
            "services/order/src/a.rs",
            literal("to select a size, update the order, create an account, with orders_topical"),
        ),
        ("services/order/src/http/placing.rs", "use actix_web::web;".to_owned()),
        ("services/order/src/main.rs", "\n".repeat(MOST_LINES_OF_A_MAIN)),
        ("crates/http/src/a.rs", "\n".repeat(MOST_LINES)),
    ] {
        let violations = Source::new(path, &text).violations(&names);
        assert!(violations.is_empty(), "{violations:?}");
    }
}
