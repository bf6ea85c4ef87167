//! What `docs/metrics.md` says.

use std::collections::BTreeSet;

use testkit::shared_servers::workspace;

/// A row of the page.
#[derive(Clone, Debug)]
pub struct Documented {
    pub name: String,
    pub shown_by: Vec<String>,
}

/// Every metric of the page.
pub fn documented() -> Vec<Documented> {
    let page = std::fs::read_to_string(workspace().join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let documented: Vec<_> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let name = cells[1].trim_matches('`').to_owned();
            Documented { name, shown_by: cells[4].split(", ").map(str::to_owned).collect() }
        })
        .collect();
    assert!(documented.len() > 30, "{page}");
    documented
}

/// The names of those that a program shows.
pub fn shown_by(program: &str) -> BTreeSet<String> {
    let of_program = |row: &Documented| row.shown_by.iter().any(|shown_by| shown_by == program);
    documented().into_iter().filter(of_program).map(|row| row.name).collect()
}
