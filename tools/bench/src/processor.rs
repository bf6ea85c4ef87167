//! Processor time: of a process, and of a server with all its children.

use std::collections::BTreeMap;
use std::time::Duration;

use devcluster::ProcessStat;

use crate::cluster::Cluster;
use crate::service::Service;

/// Processor time that each part of the system has used so far, by name.
pub type Times = BTreeMap<&'static str, Duration>;

/// Reads the times of both servers, of these services, and of all ended clients. Ended services
/// count as zero.
pub fn times(cluster: &Cluster, services: &[(&'static str, &Service)]) -> Times {
    let stats = ProcessStat::all();
    let mut times: Times = services
        .iter()
        .map(|(name, service)| (*name, stats.get(&service.pid()).map_or(Duration::ZERO, |stat| stat.own)))
        .collect();
    // The load generator and the calls of psql have ended and been waited for.
    let clients = stats.get(&std::process::id()).map_or(Duration::ZERO, |stat| stat.children);
    times.insert("clients", clients);
    times.insert("PostgreSQL", tree(&stats, cluster.postgres.pid()));
    times.insert("RabbitMQ", tree(&stats, cluster.rabbitmq.pid()));
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

/// The time of a process, its running descendants, and all their ended children.
fn tree(stats: &BTreeMap<u32, ProcessStat>, root: u32) -> Duration {
    let own = stats.get(&root).map_or(Duration::ZERO, |stat| stat.own + stat.children);
    let children = stats.iter().filter(|(_, stat)| stat.parent == root);
    own + children.map(|(pid, _)| tree(stats, *pid)).sum::<Duration>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_summed_up() {
        let stat = |parent, own, children| ProcessStat {
            is_zombie: false,
            parent,
            own: Duration::from_secs(own),
            children: Duration::from_secs(children),
        };
        let stats = [(1, stat(0, 1, 2)), (2, stat(1, 10, 0)), (3, stat(2, 100, 5)), (4, stat(0, 1_000, 0))];
        assert_eq!(tree(&stats.into_iter().collect(), 1), Duration::from_secs(118));
    }
}
