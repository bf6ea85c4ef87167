//! The limit of open files. Every connection is one.

use runtime::open_files;

/// Open files besides the connections: the standard streams, the runtime's own, and a report.
const OTHERS: usize = 64;

/// The limit of open files is too low for these connections.
#[derive(Debug, thiserror::Error)]
#[error(
    "--connections={connections} needs {needed} open files, but a process may have {allowed} here at most: have the hard limit \
     raised (as root: ulimit -Hn {needed}; in a container: --ulimit nofile={needed}), or take fewer connections"
)]
pub struct OpenFilesError {
    connections: usize,
    needed: usize,
    allowed: usize,
}

/// Makes sure that this process may open as many files as the connections need.
///
/// # Errors
/// The system does not allow it.
pub fn allow(connections: usize) -> Result<(), OpenFilesError> {
    let needed = connections.saturating_add(OTHERS);
    let allowed = open_files::raise_to(needed);
    if allowed < needed { Err(OpenFilesError { connections, needed, allowed }) } else { Ok(()) }
}
