//! The drills among the tests of `testkit`.

use std::fs;
use std::io;
use std::path::Path;

/// A test that is a drill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drill {
    /// Its name behind `drill_`.
    pub name: String,
    /// What the first line of its comment says.
    pub about: String,
    /// The test program that it is in.
    pub program: String,
}

/// All drills below this folder, which has a folder for each test program. Sorted by name.
///
/// # Errors
/// A folder or a file cannot be read.
pub fn drills(tests: &Path) -> io::Result<Vec<Drill>> {
    let mut drills = Vec::new();
    for program in fs::read_dir(tests)? {
        let program = program?;
        if !program.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(program.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let program = program.file_name().to_string_lossy().into_owned();
                drills.extend(drills_in(&fs::read_to_string(path)?, &program));
            }
        }
    }
    drills.sort();
    Ok(drills)
}

fn drills_in(source: &str, program: &str) -> Vec<Drill> {
    let mut about = None;
    let mut drills = Vec::new();
    for line in source.lines() {
        if let Some(comment) = line.strip_prefix("/// ") {
            about.get_or_insert(comment);
        } else if let Some(name) = line.strip_prefix("async fn drill_") {
            let name = name.split('(').next().unwrap_or_default().to_owned();
            let about = about.take().unwrap_or_default().to_owned();
            drills.push(Drill { name, about, program: program.to_owned() });
        } else if !line.starts_with("#[") {
            about = None;
        }
    }
    drills
}

#[cfg(test)]
mod tests {
    use devcluster::project;

    use super::*;

    #[test]
    fn a_drill_is_a_test_of_that_name_with_a_comment() {
        let source = "/// Not this.\nfn helper() {}\n\n/// The primary is killed.\n/// More.\n#[tokio::test]\nasync fn drill_promotion() {\n}\nasync fn other() {}\n";
        let promotion = Drill {
            name: "promotion".to_owned(),
            about: "The primary is killed.".to_owned(),
            program: "faults".to_owned(),
        };
        assert_eq!(drills_in(source, "faults"), [promotion]);
    }

    #[test]
    fn each_drill_says_what_it_is() {
        let found = drills(&project::root().join("tools/testkit/tests")).unwrap();
        assert!(found.iter().any(|drill| drill.name == super::super::RELEASES), "{found:?}");
        let silent: Vec<_> = found.iter().filter(|drill| drill.about.is_empty()).collect();
        assert!(silent.is_empty(), "without a comment: {silent:?}");
    }
}
