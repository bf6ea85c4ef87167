//! Processes in `/proc`, where Linux lists them.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// The clock tick of /proc, which is a hundredth of a second on Linux.
const TICK: Duration = Duration::from_millis(10);

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// The process id of its parent.
    pub parent: u32,
    /// Whether it has ended, and its parent has not asked how.
    pub is_zombie: bool,
    /// The processor time that it has used.
    pub own: Duration,
    /// The processor time of its children that have ended.
    pub children: Duration,
}

impl ProcessStat {
    /// A process by its id. `None` if it has ended, or without /proc.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// All processes by their ids. Empty without /proc.
    pub fn all() -> BTreeMap<u32, Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| Some((pid, Self::of(pid)?))).collect()
    }

    /// Fields of proc(5). The program's name before them may contain spaces and parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |place: usize| fields.get(place)?.parse::<u32>().ok();
        let time = |first: usize| Some(TICK * (field(first)? + field(first + 1)?));
        let is_zombie = *fields.first()? == "Z";
        Some(Self { parent: field(1)?, is_zombie, own: time(11)?, children: time(13)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_behind_a_hostile_name() {
        let stat = ProcessStat::parse("12 (a) R 9) S 7 12 12 0 -1 4194304 1 2 3 4 150 25 8 9 20 0").unwrap();
        let expected = ProcessStat { parent: 7, is_zombie: false, own: TICK * 175, children: TICK * 17 };
        assert_eq!(stat, expected);
        let zombie = ProcessStat::parse("12 (a) Z 7 12 12 0 -1 4194304 1 2 3 4 150 25 8 9 20 0").unwrap();
        assert_eq!(zombie, ProcessStat { is_zombie: true, ..expected });
        assert_eq!(ProcessStat::parse("nonsense"), None);
    }
}
