//! Paths in the project that this program was built from.

use std::io;
use std::path::{Path, PathBuf};

/// The project's root.
pub fn root() -> &'static Path {
    // This package lies two levels below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// The folder of unpacked packages, for servers that this machine does not have.
pub fn packages() -> PathBuf {
    root().join(".local/packages")
}

/// The folder of tools that tests install for themselves.
pub fn tools() -> PathBuf {
    root().join(".local/tools")
}

/// The folder that this program, and all others of the same profile, were built into.
///
/// # Errors
/// The operating system does not tell where this program is.
pub fn programs() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    // Tests lie one level below it.
    let is_tests = folder.file_name().is_some_and(|name| name == "deps");
    let folder = if is_tests { folder.parent() } else { None }.unwrap_or(folder);
    Ok(folder.to_owned())
}
