//! The limit of open files. Every connection is one.

use runtime::{Exit, open_files};

/// Open files besides the connections: the standard streams, the runtime's own, and a report.
const OTHERS: usize = 64;

/// Makes sure that this process may open as many files as the connections need.
///
/// # Errors
/// The system does not allow it.
pub fn allow(connections: usize) -> Result<(), Exit> {
    let needed = connections.saturating_add(OTHERS);
    let allowed = open_files::raise_to(needed);
    if allowed >= needed {
        return Ok(());
    }
    Err(Exit::Failed(format!(
        "--connections={connections} needs {needed} open files, but a process may have {allowed} here at most: have the hard \
         limit raised (as root: ulimit -Hn {needed}; in a container: --ulimit nofile={needed}), or take fewer connections"
    )))
}
