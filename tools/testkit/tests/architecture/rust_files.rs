//! The Rust sources of the workspace, vendored ones excepted.

use std::path::Path;

use testkit::shared_servers::workspace;

/// A source file.
pub struct RustFile {
    /// From the root of the workspace, such as `crates/db/src/lib.rs`.
    pub path: String,
    pub text: String,
}

/// All sources: programs, tests and benches.
pub fn all() -> Vec<RustFile> {
    let mut files = Vec::new();
    for group in ["crates", "services", "tools"] {
        collect(&workspace().join(group), &mut files);
    }
    assert!(files.len() > 300, "{}", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<RustFile>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let path = path.strip_prefix(workspace()).expect("below the root").display().to_string();
            files.push(RustFile { path, text });
        }
    }
}
