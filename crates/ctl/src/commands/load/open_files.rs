//! Every connection is an open file, of which a process may have only so many.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files beside the connections: the standard streams, the runtime's own, a report.
const OTHERS: u64 = 64;

/// So many connections cannot be open at the same time.
#[derive(Debug, thiserror::Error)]
pub enum TooFew {
    #[error(
        "--connections={connections} needs {needed} open files, but a process may have {allowed} here: raise that first \
         (ulimit -n {needed}, perhaps as root), or take fewer connections"
    )]
    Allowed { connections: usize, needed: u64, allowed: u64 },
    #[error("the limit of open files cannot be raised to {needed}, which --connections={connections} needs")]
    Refused { connections: usize, needed: u64, source: io::Error },
}

/// Raises this process's limit of open files (the soft one) to what so many connections need.
///
/// # Errors
/// The hard limit is lower.
pub fn allow(connections: usize) -> Result<(), TooFew> {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    let lower = |limit: Option<u64>| limit.filter(|files| *files < needed);
    if lower(limit.current).is_none() {
        return Ok(());
    }
    if let Some(allowed) = lower(limit.maximum) {
        return Err(TooFew::Allowed { connections, needed, allowed });
    }
    let raised = Rlimit { current: Some(needed), ..limit };
    setrlimit(Resource::Nofile, raised).map_err(|why| TooFew::Refused {
        connections,
        needed,
        source: why.into(),
    })
}
