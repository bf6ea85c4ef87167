//! The programs of the previous release, built from its commit.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use devcluster::project;
use domain::ServiceName;
use runtime::Exit;

use crate::program::{cargo, run};

/// The revision where no release has a tag.
const UNTAGGED: &str = include_str!("previous-release");
/// Where it is built. What is below `target` is nobody's source.
const FOLDER: &str = "target/previous-release";

/// Builds the four services of the previous release, and returns the folder of the programs. It has
/// a folder of its own to build into: programs of this release have the same names. Only the
/// downloaded sources of the dependencies are shared. A second call builds nothing.
///
/// # Errors
/// Its commit is not in this clone, or does not build. The error says what to do.
pub fn programs() -> Result<PathBuf, Exit> {
    let revision = last_tag().unwrap_or_else(|| untagged().to_owned());
    let folder = project::root().join(FOLDER);
    let source = folder.join("source");
    check_out(&revision, &source)?;
    let target = folder.join("build");
    eprintln!("drill: building the services of {revision} into {FOLDER} (once, some minutes) ...");
    let mut build = cargo(&["build", "--quiet", "--locked", "--manifest-path"]);
    build.arg(source.join("Cargo.toml")).arg("--target-dir").arg(&target);
    for service in ServiceName::ALL {
        build.args(["--package", service.binary()]);
    }
    run(build.current_dir(&source))?;
    Ok(target.join("debug"))
}

/// The last tag before this commit: one of this commit is this release.
fn last_tag() -> Option<String> {
    let tag = output(&[
        "for-each-ref",
        "--merged=HEAD",
        "--no-contains=HEAD",
        "--sort=-creatordate",
        "--count=1",
        "--format=%(refname:short)",
        "refs/tags",
    ])?;
    (!tag.is_empty()).then_some(tag)
}

fn untagged() -> &'static str {
    UNTAGGED.lines().find(|line| !line.starts_with('#')).unwrap_or_default()
}

/// Puts the files of the revision into a worktree.
fn check_out(revision: &str, source: &std::path::Path) -> Result<(), Exit> {
    let commit = format!("{revision}^{{commit}}");
    if output(&["rev-parse", "--git-dir"]).is_none() {
        return Err(Exit::Failed(
            "the previous release is built from the project's history, and this is no clone of it: clone it with git"
                .to_owned(),
        ));
    }
    if output(&["rev-parse", "--verify", "--quiet", &commit]).is_none() {
        return Err(Exit::Failed(format!(
            "the previous release, {revision}, is not in this clone, which is shallow or lacks tags: \
             'git fetch --tags --unshallow' brings the whole history, 'git fetch --depth=1 origin {revision}' this commit"
        )));
    }
    if source.join(".git").exists() {
        return git([
            "-C".as_ref(),
            source.as_os_str(),
            "checkout".as_ref(),
            "--quiet".as_ref(),
            "--detach".as_ref(),
            commit.as_ref(),
        ]);
    }
    // A target folder that was removed leaves the worktree's name behind.
    git(["worktree".as_ref(), "prune".as_ref()])?;
    git([
        "worktree".as_ref(),
        "add".as_ref(),
        "--quiet".as_ref(),
        "--detach".as_ref(),
        source.as_os_str(),
        commit.as_ref(),
    ])
}

fn git<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<(), Exit> {
    run(Command::new("git").current_dir(project::root()).args(arguments))
}

/// What git answers; `None` if it refuses, or is not there.
fn output(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    let answer = git.current_dir(project::root()).args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_a_whole_commit() {
        assert!(
            untagged().len() == 40 && untagged().chars().all(|c| c.is_ascii_hexdigit()),
            "{}",
            untagged()
        );
    }
}
