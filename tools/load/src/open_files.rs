//! Every connection is an open file, of which a process may have only so many.

use runtime::open_files;

/// Open files beside the connections: the standard streams, the runtime's own, a report.
const OTHERS: usize = 64;

/// So many connections cannot be open at the same time.
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

/// Makes sure that this process may have as many open files as so many connections need.
///
/// # Errors
/// The system does not let it.
pub fn allow(connections: usize) -> Result<(), OpenFilesError> {
    let needed = connections.saturating_add(OTHERS);
    let allowed = open_files::raise_to(needed);
    if allowed < needed { Err(OpenFilesError { connections, needed, allowed }) } else { Ok(()) }
}
