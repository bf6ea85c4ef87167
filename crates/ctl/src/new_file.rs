//! A file that a command writes: under its name it is complete or absent.

use std::io;
use std::path::Path;

use runtime::Exit;
use tempfile::NamedTempFile;

/// Opens a temporary file beside the path, which must not exist yet.
///
/// # Errors
/// There is such a file, or none can be made there.
pub fn beside(path: &Path) -> Result<NamedTempFile, Exit> {
    if path.symlink_metadata().is_ok() {
        return Err(unwritable(path, &io::ErrorKind::AlreadyExists.into()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder).map_err(|why| unwritable(path, &why))
}

/// Gives the complete file its name.
///
/// # Errors
/// It cannot be made durable, or there is such a file by now.
pub fn persist(file: NamedTempFile, path: &Path) -> Result<(), Exit> {
    file.as_file().sync_all().map_err(|why| unwritable(path, &why))?;
    file.persist_noclobber(path).map_err(|why| unwritable(path, &why.error))?;
    Ok(())
}

/// Why a file was not written, and what to do.
pub fn unwritable(path: &Path, why: &io::Error) -> Exit {
    let advice = match why.kind() {
        io::ErrorKind::AlreadyExists => "; choose another name: an export is never overwritten",
        _ => "; choose a place that can be written to",
    };
    Exit::Failed(format!("cannot write '{}': {why}{advice}", path.display()))
}
