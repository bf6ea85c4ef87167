//! Where the programs of the workspace are.

use std::path::PathBuf;

/// The folder that the programs were built to.
pub(crate) fn programs() -> PathBuf {
    let own = std::env::current_exe().expect("a path of its own");
    // Tests lie in target/<profile>/deps, programs one level above.
    let folder = own.ancestors().skip(1).find(|folder| folder.file_name().is_none_or(|name| name != "deps"));
    folder.expect("a folder").to_owned()
}
