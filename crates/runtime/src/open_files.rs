//! The limit of open files. Every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's soft limit of open files to `wanted`, or as far as the hard limit allows.
/// Returns the limit that is then in force.
pub fn raise_to(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let files =
        |limit: Option<u64>| limit.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let current = files(limit.current);
    let possible = wanted.min(files(limit.maximum));
    if possible <= current {
        return current;
    }
    let raised = Rlimit { current: u64::try_from(possible).ok(), ..limit };
    if setrlimit(Resource::Nofile, raised).is_ok() { possible } else { current }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_never_lowered_and_never_beyond_the_hard_one() {
        let limit = || getrlimit(Resource::Nofile);
        let hard = limit().maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
        let before = raise_to(0);
        let more = (before + 1).min(hard);
        assert_eq!(raise_to(more), more);
        assert_eq!(limit().current, u64::try_from(more).ok());
        assert_eq!(raise_to(1), more);
        if hard < usize::MAX {
            assert_eq!(raise_to(usize::MAX), hard);
        }
    }
}
