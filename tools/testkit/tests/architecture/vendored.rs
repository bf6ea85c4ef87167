//! The copies in `vendor/` are what crates.io has and our patches, and cargo builds with them.
//!
//! crates.io is not asked. `vendor/upstream.sha256` has the checksum of each file as it was
//! published, and each patch names the checksum of the archive that holds them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use testkit::shared_servers::workspace;

const VENDORED: [&str; 2] = ["amqp_serde", "amqprs"];
/// What a copy has that upstream does not.
const OURS: &str = "CHANGES.md";

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The files of a copy by their paths in it.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let (mut files, mut open) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(below) = open.pop() {
        for entry in std::fs::read_dir(folder.join(&below)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = below.join(entry.file_name());
            if entry.path().is_dir() {
                open.push(path);
            } else if !path.ends_with(OURS) {
                let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
                files.insert(path.to_str().expect("UTF-8").replace('\\', "/"), text);
            }
        }
    }
    files
}

/// The hunks of a unified diff by the paths of their files.
fn hunks(patch: &str) -> BTreeMap<String, Vec<(usize, Vec<&str>)>> {
    let mut hunks = BTreeMap::<String, Vec<(usize, Vec<&str>)>>::new();
    let mut of_file = None;
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("+++ b/") {
            of_file = Some(hunks.entry(path.to_owned()).or_default());
        } else if line.starts_with("--- a/") {
            of_file = None;
        } else if let Some(of_file) = &mut of_file {
            if let Some(place) = line.strip_prefix("@@ -") {
                let (_, new) = place.split_once(" +").expect("two places");
                let first = new.split([',', ' ']).next().and_then(|first| first.parse().ok());
                of_file.push((first.expect("a line's number"), Vec::new()));
            } else {
                of_file.last_mut().expect("a hunk").1.push(line);
            }
        }
    }
    hunks
}

/// The text before the hunks changed it.
fn taken_back(text: &str, hunks: &[(usize, Vec<&str>)]) -> Result<String, String> {
    let mut old = String::new();
    let mut lines = text.split_inclusive('\n').zip(1..).peekable();
    for (first, changes) in hunks {
        while let Some((line, _)) = lines.next_if(|(_, number)| number < first) {
            old.push_str(line);
        }
        for change in changes {
            let (kind, words) = change.split_at_checked(1).unwrap_or((" ", ""));
            if kind != "-" {
                let (line, number) = lines.next().ok_or("the file is shorter than its patch says")?;
                if line.trim_end_matches('\n') != words {
                    return Err(format!("line {number} is {line:?}, and {words:?} in the patch"));
                }
            }
            if kind != "+" {
                old.push_str(words);
                old.push('\n');
            }
        }
    }
    old.extend(lines.map(|(line, _)| line));
    Ok(old)
}

/// What differs between a copy and upstream with the patch.
fn differences(name: &str, copy: &BTreeMap<String, String>) -> Vec<String> {
    let patch = read(&format!("vendor/{name}.patch"));
    let mut hunks = hunks(&patch);
    let list = read("vendor/upstream.sha256");
    let mut published: BTreeMap<&str, &str> = list
        .lines()
        .filter_map(|line| line.split_once("  "))
        .filter_map(|(checksum, path)| Some((path.strip_prefix(name)?.strip_prefix('/')?, checksum)))
        .collect();
    let mut differences = Vec::new();
    for (path, text) in copy {
        let old = taken_back(text, &hunks.remove(path).unwrap_or_default());
        match (old, published.remove(path.as_str())) {
            (Ok(old), Some(expected)) if checksum(&old) == expected => {}
            (Ok(_), Some(_)) => differences.push(format!("{path}: it has changes that are not in the patch")),
            (Err(why), Some(_)) => differences.push(format!("{path}: {why}")),
            (_, None) => differences.push(format!("{path}: upstream has no such file")),
        }
    }
    differences.extend(published.keys().map(|path| format!("{path}: it is missing")));
    differences.extend(hunks.keys().map(|path| format!("{path}: only the patch has it")));
    differences
}

#[test]
fn each_copy_is_upstream_and_the_patch() {
    for name in VENDORED {
        let copy = files(&workspace().join("vendor").join(name));
        assert_eq!(differences(name, &copy), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn each_change_beside_the_patch_would_be_seen() {
    let copy = files(&workspace().join("vendor/amqp_serde"));
    let changed = |path: &str, change: &dyn Fn(&str) -> String| {
        let mut copy = copy.clone();
        let text = copy.get_mut(path).expect("a file of it");
        *text = change(text);
        differences("amqp_serde", &copy)
    };
    let one = |found: Vec<String>| assert_eq!(found.len(), 1, "{found:?}");
    // In a file without a patch; between the hunks; in a line that the patch adds.
    one(changed("src/ser.rs", &|text| format!("{text}\n")));
    one(changed("src/de.rs", &|text| format!("{text}\n")));
    one(changed("src/de.rs", &|text| text.replacen("use std::borrow::Cow;", "use std::borrow::*;", 1)));
    let mut more = copy.clone();
    more.insert("src/more.rs".to_owned(), String::new());
    one(differences("amqp_serde", &more));
    let mut less = copy;
    less.remove("README.md");
    one(differences("amqp_serde", &less));
}

/// Cargo only warns when no dependency takes a patch, and builds with crates.io's.
#[test]
fn cargo_builds_with_the_copies_and_with_no_other_version() {
    let (manifest, lock) = (read("Cargo.toml"), read("Cargo.lock"));
    assert!(!lock.contains("[[patch.unused]]"), "Cargo.lock: a patch is not used");
    for name in VENDORED {
        let copy = read(&format!("vendor/{name}/Cargo.toml"));
        let version = copy.lines().find_map(|line| line.strip_prefix("version = ")).expect("a version");
        let pinned = format!("{name} = \"={}\"", version.trim_matches('"'));
        assert!(manifest.lines().any(|line| line == pinned), "Cargo.toml does not say: {pinned}");
        let locked: Vec<_> = lock
            .split("[[package]]\n")
            .filter(|package| package.starts_with(&format!("name = \"{name}\"\n")))
            .collect();
        let [locked] = locked[..] else { panic!("{} versions of {name}", locked.len()) };
        assert!(!locked.contains("source = "), "Cargo.lock: {name} comes from a registry: {locked}");
    }
}
