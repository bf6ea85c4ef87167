//! Every text file of the project has the line ends of Unix, in every clone.

use std::path::{Path, PathBuf};

use testkit::shared_servers::workspace;

/// Every file of the project itself, below this folder.
pub fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if ["target", ".git", ".local", "corpus"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn git_never_writes_others() {
    let attributes = std::fs::read_to_string(workspace().join(".gitattributes")).unwrap();
    assert!(attributes.lines().any(|line| line == "* text=auto eol=lf"), "{attributes}");
}

#[test]
fn no_text_file_has_others() {
    let mut files = Vec::new();
    files_below(&workspace(), &mut files);
    assert!(files.iter().any(|file| file.ends_with("justfile")), "{}", files.len());
    let is_text = |bytes: &[u8]| !bytes.contains(&0);
    let has_return =
        |file: &&PathBuf| std::fs::read(file).is_ok_and(|bytes| is_text(&bytes) && bytes.contains(&b'\r'));
    let wrong: Vec<_> = files.iter().filter(has_return).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
