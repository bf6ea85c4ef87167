//! Processor time: of a process, and of a server with all its children.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::service::Service;

/// The clock tick of /proc, which is a hundredth of a second on Linux.
const TICK: Duration = Duration::from_millis(10);

/// The fields of /proc/PID/stat that are needed here.
struct Stat {
    parent: u32,
    own: u32,
    /// Time of children that have ended.
    children: u32,
}

/// Processor time that each part of the system has used so far, by name.
pub type Times = BTreeMap<&'static str, Duration>;

/// Reads the times of both servers, of these services, and of all ended clients. Ended services
/// count as zero.
pub fn times(cluster: &Cluster, services: &[(&'static str, &Service)]) -> Times {
    let stats = all();
    let mut times: Times = services
        .iter()
        .map(|(name, service)| (*name, stats.get(&service.pid()).map_or(0, |stat| stat.own)))
        .map(|(name, ticks)| (name, TICK * ticks))
        .collect();
    // The load generator and the calls of psql have ended and been waited for.
    times.insert("clients", TICK * stats.get(&std::process::id()).map_or(0, |stat| stat.children));
    times.insert("PostgreSQL", TICK * tree(&stats, cluster.postgres.pid()));
    times.insert("RabbitMQ", TICK * tree(&stats, cluster.rabbitmq.pid()));
    times
}

/// The time used between two readings, in microseconds per thing.
pub fn per_thing(before: &Times, after: &Times, things: u64) -> Vec<(&'static str, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 orders")]
    let things = things.max(1) as f64;
    after
        .iter()
        .map(|(name, time)| {
            let used = time.saturating_sub(before.get(name).copied().unwrap_or_default());
            (*name, used.as_secs_f64() * 1e6 / things)
        })
        .collect()
}

/// Formats the times, such as `order service 120 µs, PostgreSQL 80 µs`.
pub fn text(used: &[(&'static str, f64)]) -> String {
    let parts: Vec<String> = used.iter().map(|(name, micros)| format!("{name} {micros:.0} µs")).collect();
    parts.join(", ")
}

fn all() -> BTreeMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, parse(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
        })
        .collect()
}

/// Fields of proc(5). The program's name before them may contain spaces and parentheses.
fn parse(stat: &str) -> Option<Stat> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |place: usize| fields.get(place)?.parse::<u32>().ok();
    Some(Stat { parent: field(1)?, own: field(11)? + field(12)?, children: field(13)? + field(14)? })
}

/// The time of a process, its running descendants, and all their ended children.
fn tree(stats: &BTreeMap<u32, Stat>, root: u32) -> u32 {
    let own = stats.get(&root).map_or(0, |stat| stat.own + stat.children);
    let children = stats.iter().filter(|(_, stat)| stat.parent == root);
    own + children.map(|(pid, _)| tree(stats, *pid)).sum::<u32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_hostile_name() {
        let stat = parse("12 (a) R 9) S 7 12 12 0 -1 4194304 1 2 3 4 150 25 8 9 20 0").unwrap();
        assert_eq!((stat.parent, stat.own, stat.children), (7, 175, 17));
        assert!(parse("nonsense").is_none());
    }

    #[test]
    fn a_tree_is_summed_up() {
        let stat = |parent, own, children| Stat { parent, own, children };
        let stats = [(1, stat(0, 1, 2)), (2, stat(1, 10, 0)), (3, stat(2, 100, 5)), (4, stat(0, 1_000, 0))];
        assert_eq!(tree(&stats.into_iter().collect(), 1), 118);
    }
}
