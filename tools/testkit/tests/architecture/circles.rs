//! No two modules of a crate import each other, not over others either. A module and its own
//! submodules are one room, so edges between them do not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::rust_files;

/// A module's path within its crate, such as `["placing", "writer"]`. The root is empty.
type Module = Vec<String>;
/// What each module of a crate imports.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// The module of a file below `src`.
fn module(file: &str) -> Module {
    let path = file.trim_end_matches(".rs");
    if ["lib", "main"].contains(&path) { Module::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The paths that a program's `use` declarations name. Tests within the file do not count.
fn used(text: &str) -> Vec<Vec<String>> {
    let program = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<_> = program.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut paths = Vec::new();
    for declaration in code.join("\n").split(';') {
        let start = declaration.rfind("\nuse ").or_else(|| declaration.rfind(" use "));
        let tree = start.map_or(declaration.strip_prefix("use "), |at| declaration.get(at + 5..));
        if let Some(tree) = tree {
            expand(&[], tree.trim(), &mut paths);
        }
    }
    paths
}

/// Writes `a::{b, c::{d}}` out as `a::b` and `a::c::d`.
fn expand(prefix: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let (head, group) = match tree.split_once('{') {
        Some((head, rest)) => (head, Some(rest.trim_end().trim_end_matches('}'))),
        None => (tree, None),
    };
    let names = head.split("::").map(|name| name.trim().split(" as ").next().unwrap_or_default());
    let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
    let path: Vec<String> = prefix.iter().cloned().chain(names).collect();
    let Some(group) = group else { return paths.push(path) };
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&path, &closed(&group[start..at]), paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        expand(&path, &closed(&group[start..]), paths);
    }
}

/// A part of a group with as many closing braces as opening ones.
fn closed(part: &str) -> String {
    let missing = part.matches('{').count().saturating_sub(part.matches('}').count());
    format!("{}{}", part.trim(), "}".repeat(missing))
}

/// What the modules of a crate import of each other. The files are below `src`.
fn imports(files: &[(&str, &str)]) -> Imports {
    let modules: BTreeSet<Module> = files.iter().map(|(file, _)| module(file)).collect();
    let mut imports = Imports::new();
    for (file, text) in files {
        let from = module(file);
        for path in used(text) {
            if let Some(to) = resolved(&from, &path, &modules).filter(|to| !are_one_room(&from, to)) {
                imports.entry(from.clone()).or_default().insert(to);
            }
        }
    }
    imports
}

/// The module of the crate that a path leads to, if it leads to one.
fn resolved(from: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let mut base = from.clone();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|name| name == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        child => {
            let is_child = modules.contains(&[base.as_slice(), &[child.to_owned()]].concat());
            if !is_child {
                return None;
            }
        }
    }
    let longest = (0..=rest.len()).rev().map(|length| [base.as_slice(), &rest[..length]].concat());
    longest.into_iter().find(|path| modules.contains(path))
}

fn are_one_room(one: &Module, other: &Module) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The modules of a circle, if there is one.
fn circle(imports: &Imports) -> Option<Vec<&Module>> {
    imports.keys().find_map(|start| way_back(imports, start, start, &mut BTreeSet::new()))
}

fn way_back<'a>(
    imports: &'a Imports,
    from: &'a Module,
    start: &Module,
    seen: &mut BTreeSet<&'a Module>,
) -> Option<Vec<&'a Module>> {
    for next in imports.get(from).into_iter().flatten() {
        if next == start {
            return Some(vec![from]);
        }
        if seen.insert(next)
            && let Some(mut way) = way_back(imports, next, start, seen)
        {
            way.push(from);
            return Some(way);
        }
    }
    None
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let files = rust_files::all();
    let mut crates: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for file in &files {
        if let Some((package, path)) = file.path.split_once("/src/") {
            crates.entry(package).or_default().push((path, &file.text));
        }
    }
    let mut edges = 0;
    for (package, files) in crates {
        let imports = imports(&files);
        edges += imports.values().map(BTreeSet::len).sum::<usize>();
        assert_eq!(circle(&imports), None, "{package}");
    }
    assert!(edges > 300, "{edges}");
}

#[test]
fn a_circle_would_be_seen() {
    let service = ("service.rs", "use crate::arguments::Arguments;\n");
    let arguments =
        |text| [service, ("arguments.rs", text), ("http.rs", "use super::service::{self, Run};\n")];
    assert_eq!(circle(&imports(&arguments("use crate::NAME;\n"))), None);
    for text in [
        "use crate::service::Service;\n",
        "use crate::{NAME, service};\n",
        "use crate::{\n    http::{\n        self,\n        Api,\n    },\n};\n",
        "//! Text.\n\nuse std::path::Path;\n\nuse super::service::{Run as Runs};\n",
        "pub use crate::service::Run;\n",
    ] {
        assert!(circle(&imports(&arguments(text))).is_some(), "{text}");
    }
    for text in
        ["#[cfg(test)]\nmod tests {\n    use crate::service::Run;\n}\n", "// use crate::service::Run;\n"]
    {
        assert_eq!(circle(&imports(&arguments(text))), None, "{text}");
    }
}
