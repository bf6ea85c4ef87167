//! Processor time: of a process, and of a server with all its children.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::service::Service;

/// Clock ticks of /proc, which are hundredths of a second on Linux.
const TICK: Duration = Duration::from_millis(10);

/// What one line of /proc/PID/stat tells.
struct Stat {
    parent: u32,
    own: u32,
    /// Of children that have ended.
    children: u32,
}

/// Processor time that each part of the system has used so far, by name.
pub type Times = BTreeMap<&'static str, Duration>;

/// Looks at both servers, these services, and the clients that have come and gone. Services that
/// have ended count nothing.
pub fn times(cluster: &Cluster, services: &[(&'static str, &Service)]) -> Times {
    let stats = all();
    let mut times: Times = services
        .iter()
        .map(|(name, service)| (*name, stats.get(&service.pid()).map_or(0, |stat| stat.own)))
        .map(|(name, ticks)| (name, TICK * ticks))
        .collect();
    // The load generator has been waited for when its run is over; so have the few calls of psql.
    times.insert("clients", TICK * stats.get(&std::process::id()).map_or(0, |stat| stat.children));
    times.insert("PostgreSQL", TICK * tree(&stats, cluster.postgres.pid()));
    times.insert("RabbitMQ", TICK * tree(&stats, cluster.rabbitmq.pid()));
    times
}

/// What was used between two looks, in microseconds for each of so many things.
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

/// For people, such as `order service 120 µs, PostgreSQL 80 µs`.
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

/// Fields of proc(5); the program's name before them may contain spaces and parentheses.
fn parse(stat: &str) -> Option<Stat> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |place: usize| fields.get(place)?.parse::<u32>().ok();
    Some(Stat { parent: field(1)?, own: field(11)? + field(12)?, children: field(13)? + field(14)? })
}

/// A process, its living descendants, and what ended below them.
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
