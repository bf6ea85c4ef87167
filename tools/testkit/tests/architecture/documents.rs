//! The documents: their links lead somewhere, the files they name exist, they stay short, and their
//! lines fit into a narrow window.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use testkit::shared_servers::workspace;

use crate::line_ends::files_below;

const MOST_COLUMNS: usize = 100;
/// Longest documents that a newcomer reads first, in lines.
const MOST_LINES: [(&str, usize); 2] = [("README.md", 200), ("ARCHITECTURE.md", 150)];
/// Folders of the project: a code span that begins with one of them names a file.
const FOLDERS: [&str; 8] =
    ["crates/", "services/", "tools/", "deploy/", "docs/", "migrations/", "vendor/", ".cargo/"];

struct Document {
    /// From the root of the workspace, such as `docs/guide.md`.
    path: String,
    text: String,
}

impl Document {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Lines outside of code blocks, with their numbers.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut is_code = false;
        (1..).zip(self.text.lines()).filter(move |(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        })
    }

    /// What `#…` behind this document's name can be, as GitHub makes it of the headings.
    fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for (_, line) in self.prose().filter(|(_, line)| line.starts_with('#')) {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let repeated = (1..).map(|count| format!("{anchor}-{count}"));
            let free = [anchor.clone()].into_iter().chain(repeated).find(|name| !anchors.contains(name));
            anchors.extend(free);
        }
        anchors
    }

    fn violations(&self, all: &[Self]) -> Vec<String> {
        let mut violations = Vec::new();
        let mut violation = |number: usize, what: String| {
            violations.push(format!("{}:{number}: {what}", self.path));
        };
        for (number, line) in self.prose() {
            if line.chars().count() > MOST_COLUMNS && !line.starts_with('|') && is_breakable(line) {
                violation(number, format!("wider than {MOST_COLUMNS} columns"));
            }
            for target in link_targets(line) {
                if let Some(problem) = self.problem_of_link(target, all) {
                    violation(number, problem);
                }
            }
            // The changelog names what was; everything else, what is.
            let named = code_spans(line).filter(|_| self.path != "CHANGELOG.md");
            for name in named.filter(|span| is_missing(span)) {
                violation(number, format!("there is no {name}"));
            }
        }
        let lines = self.text.lines().count();
        for (_, most) in MOST_LINES.into_iter().filter(|(path, most)| self.path == *path && lines > *most) {
            violation(lines, format!("{lines} lines, more than {most}"));
        }
        violations
    }

    fn problem_of_link(&self, target: &str, all: &[Self]) -> Option<String> {
        if target.contains("://") || target.starts_with("mailto:") {
            return None;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = if file.is_empty() { self.path.clone() } else { beside(&self.path, file) };
        if !workspace().join(&path).exists() && all.iter().all(|document| document.path != path) {
            return Some(format!("the link {target} leads to no file"));
        }
        let linked = all.iter().find(|document| document.path == path);
        let is_there = |document: &Self| anchor.is_empty() || document.anchors().contains(anchor);
        (!linked.is_none_or(is_there)).then(|| format!("the link {target} leads to no heading"))
    }
}

/// The path of a file that is named from a document, without `..`.
fn beside(document: &str, file: &str) -> String {
    let mut path: PathBuf = Path::new(document).parent().unwrap_or(Path::new("")).to_owned();
    for part in file.split('/') {
        match part {
            ".." => _ = path.pop(),
            "." | "" => {}
            name => path.push(name),
        }
    }
    path.display().to_string()
}

/// Whether a line could be wrapped: an address or a long link cannot.
fn is_breakable(line: &str) -> bool {
    let words = line.trim_start().trim_start_matches(['-', '>', ' ']);
    words.contains(' ')
}

/// `target` of each `[text](target)`.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// What stands between backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether a code span names a file or an item of the project that is not there.
fn is_missing(span: &str) -> bool {
    is_path(span) && !workspace().join(span).exists() || item(span).is_some_and(|item| !item.is_there())
}

/// Whether a code span is the path of one file or folder of the project.
fn is_path(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    FOLDERS.iter().any(|folder| span.starts_with(folder)) && span.chars().all(is_plain)
}

/// An item of one of our crates, such as `db::orders::place`.
struct Item<'a> {
    sources: PathBuf,
    name: &'a str,
}

fn item(span: &str) -> Option<Item<'_>> {
    let (package, rest) = span.split_once("::")?;
    let folders = ["crates", "tools"].map(|group| workspace().join(group).join(package).join("src"));
    let sources = folders.into_iter().find(|folder| folder.is_dir())?;
    Some(Item { sources, name: rest.rsplit("::").next()? })
}

impl Item<'_> {
    /// Whether its name is a word of the crate, or a file there.
    fn is_there(&self) -> bool {
        let mut files = Vec::new();
        files_below(&self.sources, &mut files);
        let is_word =
            |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == self.name);
        files.iter().any(|file| {
            let is_module = file.file_stem().is_some_and(|stem| stem == self.name);
            is_module || std::fs::read_to_string(file).is_ok_and(|text| is_word(&text))
        })
    }
}

/// All documents of the project; those of vendored libraries are their authors'.
fn documents() -> Vec<Document> {
    let mut files = Vec::new();
    files_below(&workspace(), &mut files);
    let root = workspace();
    let below_root = |file: PathBuf| file.strip_prefix(&root).expect("below the root").to_owned();
    let is_ours = |file: &PathBuf| {
        let is_document = file.extension().is_some_and(|extension| extension == "md");
        let is_upstreams = file.starts_with("vendor/amqprs") || file.starts_with("vendor/amqp_serde");
        is_document && (!is_upstreams || file.ends_with("CHANGES.md"))
    };
    let read = |file: PathBuf| Document {
        text: std::fs::read_to_string(root.join(&file)).expect("UTF-8"),
        path: file.display().to_string(),
    };
    files.into_iter().map(below_root).filter(is_ours).map(read).collect()
}

#[test]
fn links_names_and_lengths_are_right() {
    let all = documents();
    for known in ["README.md", "ARCHITECTURE.md", "docs/guide.md", "vendor/amqprs/CHANGES.md"] {
        assert!(all.iter().any(|document| document.path == known), "{known}");
    }
    let violations: Vec<_> = all.iter().flat_map(|document| document.violations(&all)).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn each_rule_would_be_seen_broken() {
    let other = || Document::new("docs/other.md", "# One `--two`, three\n\n## Again\n\n## Again\n");
    for (path, text, violation) in [
        ("docs/a.md", "word ".repeat(21), "a.md:1: wider"),
        ("docs/a.md", format!("- [text](https://x.example) {}", "word ".repeat(20)), "wider"),
        ("docs/a.md", "\n[b](b.md)".to_owned(), "a.md:2: the link b.md leads to no file"),
        ("README.md", "[b](docs/b.md)".to_owned(), "no file"),
        ("docs/a.md", "[b](other.md#elsewhere)".to_owned(), "no heading"),
        ("docs/a.md", "[b](#elsewhere)".to_owned(), "no heading"),
        ("docs/a.md", "![b](b.svg)".to_owned(), "no file"),
        ("docs/a.md", "see `crates/db/src/no_such.rs`".to_owned(), "there is no crates/db/src/no_such.rs"),
        ("docs/a.md", "see `db::orders::no_such`".to_owned(), "there is no db::orders::no_such"),
        ("README.md", "\n".repeat(201), "201 lines, more than 200"),
        ("ARCHITECTURE.md", "\n".repeat(151), "151 lines, more than 150"),
    ] {
        let all = [Document::new(path, &text), other()];
        let violations = all[0].violations(&all);
        assert!(violations.len() == 1 && violations[0].contains(violation), "{text}: {violations:?}");
    }
    for (path, text) in [
        ("docs/a.md", format!("| {} |", "word ".repeat(30))),
        ("docs/a.md", format!("```sh\n{} [b](b.md)\n```", "word ".repeat(30))),
        ("docs/a.md", format!("- https://x.example/{}", "a".repeat(100))),
        ("docs/a.md", "[b](other.md#one---two-three) [c](./other.md#again-1) [d](../LICENSE)".to_owned()),
        ("docs/a.md", "`crates/db`, `crates/*/src`, `tools/xtask/src/main.rs` and `order/x.rs`".to_owned()),
        ("docs/a.md", "`db::orders::place`, `domain::OrderStatus::TRANSITIONS` and `std::gone`".to_owned()),
        ("CHANGELOG.md", "`crates/gone` is gone".to_owned()),
        ("docs/a.md", "\n".repeat(300)),
    ] {
        let all = [Document::new(path, &text), other()];
        assert_eq!(all[0].violations(&all), Vec::<String>::new(), "{text}");
    }
}
