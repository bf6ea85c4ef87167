//! Searches for programs and libraries: on the search path, by folder patterns, and in unpacked
//! packages.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Makes a path absolute, because the programs run in another folder.
pub(crate) fn absolute(packages: &Path) -> PathBuf {
    std::path::absolute(packages).unwrap_or_else(|_| packages.to_owned())
}

/// The first folder of the search path that contains this program.
pub(crate) fn folder_with(program: &str) -> Option<PathBuf> {
    let usual = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"].into_iter().map(PathBuf::from);
    search_path().chain(usual).find(|folder| folder.join(program).is_file())
}

pub(crate) fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Folders that match a path with at most one `*` in each of its parts. Later versions come first.
pub(crate) fn folders_like(pattern: impl AsRef<Path>) -> impl Iterator<Item = PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.as_ref() {
        let wild = part.to_str().and_then(|part| part.split_once('*'));
        found = match wild {
            None => found.into_iter().map(|folder| folder.join(part)).collect(),
            Some((before, after)) => {
                found.iter().flat_map(|folder| children_like(folder, before, after)).collect()
            }
        };
    }
    found.retain(|folder| folder.is_dir());
    found.into_iter()
}

fn children_like(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(before) && name.ends_with(after))
        .collect();
    names.sort_by_key(|name| version_in(name));
    names.into_iter().rev().map(|name| folder.join(name)).collect()
}

/// The numbers in a name, so that 9 is sorted before 15.
fn version_in(name: &str) -> Vec<u32> {
    name.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// The loader and the libraries of packages that were unpacked with all their dependencies. The
/// system's own may be too old.
pub(crate) fn loader_in(unpacked: &Path) -> Option<(PathBuf, OsString)> {
    let mut all = folders_like(unpacked.join("usr/lib/*"));
    let folder = all.find(|folder| folder.to_string_lossy().contains("-linux-gnu"))?;
    let loaders = std::fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path());
    let is_loader =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux-"));
    Some((loaders.into_iter().find(is_loader)?, folder.into_os_string()))
}

/// The library folders of unpacked packages, for the dynamic linker.
pub(crate) fn libraries_in(unpacked: &Path) -> Option<OsString> {
    let all = folders_like(unpacked.join("usr/lib/*")).chain(folders_like(unpacked.join("lib/*")));
    // /usr/lib/x86_64-linux-gnu and similar.
    let folders = all.filter(|folder| folder.to_string_lossy().contains("-linux-gnu"));
    std::env::join_paths(folders).ok().filter(|paths| !paths.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17"] {
            std::fs::create_dir_all(folder.path().join(version).join("bin")).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("16")).unwrap();
        let found: Vec<_> = folders_like(folder.path().join("*/bin"))
            .map(|found| found.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        assert_eq!(found, ["17/bin", "15/bin", "9/bin"].map(PathBuf::from));
    }

    #[test]
    fn no_folder_is_like_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(folders_like(folder.path().join("x*/bin")).count(), 0);
    }
}
