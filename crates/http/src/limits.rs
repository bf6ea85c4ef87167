//! Derives how many connections a server accepts, and how much memory they share.
//!
//! Each connection has a fixed share of memory, whatever its client does. Larger bodies and
//! responses take the rest from one pool for all connections. So the total is bounded in advance:
//! `connections × PER_CONNECTION + pool + REST ≤ limit`. `deploy/checks/rules.py` reads the
//! constants below and compares them with the memory limits of both manifests.

use logging::{Log, action};
use runtime::{memory_limit, open_files};

use crate::listener::KERNEL_BUFFERS;
use crate::stream::{MAX_HEAD, READ_AT_ONCE};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Memory of one connection in bytes: 48 KiB for a head of [`MAX_HEAD`] in a buffer that doubles,
/// the bytes queued behind it, and the response; twice 16 KiB for the kernel's buffers, which count
/// towards a container's limit.
pub const PER_CONNECTION: usize = 80 * KIB;
const _: () = assert!(2 * MAX_HEAD + 2 * READ_AT_ONCE + KERNEL_BUFFERS <= PER_CONNECTION);
/// What TLS adds to that in bytes: a record in each direction, decrypted and not, and its keys. The
/// fault suite measures what a connection takes.
pub const PER_TLS_CONNECTION: usize = PER_CONNECTION + 64 * KIB;
/// Memory for everything else, in bytes: the program, its threads, its pools, the orders in
/// progress.
pub const REST: usize = 64 * MIB;
/// The limits of the admin listener. They are a part of [`REST`]. Its pool has room for two readers
/// of the metrics at once: of a service that has seen much they are half a MiB, and held twice.
pub(crate) const ADMIN: Limits = Limits { connections: 16, per_address: 16, pool: 2 * MIB };
const _: () = assert!(ADMIN.connections * PER_CONNECTION + ADMIN.pool <= REST / 16);
/// The largest number of connections, however much memory there is.
pub const MAX_CONNECTIONS: usize = 10_000;
/// The smallest number of connections, however little memory there is.
const MIN_CONNECTIONS: usize = 64;
/// Open files that are not client connections: to the servers, for threads, for the log, and for
/// connections that are closing.
const OTHER_FILES: usize = 240;

/// The limits of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of open connections.
    pub connections: usize,
    /// The largest number of open connections of one peer address.
    pub per_address: usize,
    /// The pool that all connections share, in bytes.
    pub pool: usize,
}

impl Limits {
    /// Derives the limits from the configuration, the memory that this process may use, and the
    /// files that it may open. Logs them.
    pub fn of(config: &config::Http, log: &Log) -> Self {
        let configured = u64::try_from(config.memory_limit_mib * MIB).ok().filter(|bytes| *bytes > 0);
        let memory = configured.or_else(memory_limit::bytes);
        let files = open_files::raise_to(MAX_CONNECTIONS + OTHER_FILES).saturating_sub(OTHER_FILES);
        let fitting = memory.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let limits = Self::from(fitting, files, config);
        limits.log_limits(memory, files, per_connection(config), log);
        limits.check_memory(fitting, per_connection(config), log);
        limits
    }

    /// The most memory that the server's process needs, in bytes.
    fn needed(self, per_connection: usize) -> usize {
        self.connections.saturating_mul(per_connection).saturating_add(self.pool).saturating_add(REST)
    }

    /// Says so if connections that the configuration chose, or the fewest that make sense, may need
    /// more than there is.
    fn check_memory(self, memory: usize, per_connection: usize, log: &Log) {
        let needed = self.needed(per_connection);
        if needed > memory {
            let why = Overcommitted { connections: self.connections, needed, memory };
            let message =
                "More connections are allowed than fit the memory; many clients at once may end the service";
            log.error(action::MEMORY_OVERCOMMITTED, message, &why).emit();
        }
    }

    /// `memory` is null in the log line if no limit is known.
    fn log_limits(self, memory: Option<u64>, files: usize, per_connection: usize, log: &Log) {
        let Self { connections, per_address, pool } = self;
        log.info(
            action::CONNECTIONS_LIMITED,
            format!("At most {connections} connections are held at a time"),
        )
        .detail("connections", connections)
        .detail("connections_per_address", per_address)
        .detail("bytes_per_connection", per_connection)
        .detail("shared_bytes", pool)
        .detail("memory_limit", memory)
        .detail("open_files", files)
        .emit();
    }

    fn from(memory: usize, files: usize, config: &config::Http) -> Self {
        let available = memory.saturating_sub(REST);
        // Two thirds for the fixed shares, one third for the pool.
        let fitting = (available / 3 * 2 / per_connection(config)).clamp(MIN_CONNECTIONS, MAX_CONNECTIONS);
        let connections = match config.max_connections {
            0 => fitting,
            chosen => chosen,
        };
        let connections = connections.min(files).max(1);
        let per_address = match config.max_connections_per_address {
            0 => connections.div_ceil(2),
            chosen => chosen.min(connections),
        };
        let pool = (available / 3).clamp(MIB, MAX_CONNECTIONS * PER_CONNECTION / 2);
        Self { connections, per_address, pool }
    }
}

/// The connections do not fit the memory.
#[derive(Debug, thiserror::Error)]
#[error(
    "{connections} connections may need {} MiB of {} MiB: lower http.max_connections (HTTP_MAX_CONNECTIONS), or raise the memory limit",
    needed.div_ceil(MIB),
    memory / MIB
)]
struct Overcommitted {
    connections: usize,
    needed: usize,
    memory: usize,
}

/// The fixed share of a connection.
fn per_connection(config: &config::Http) -> usize {
    if config.tls_cert.is_some() { PER_TLS_CONNECTION } else { PER_CONNECTION }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use serde_json::Value;

    use super::*;

    fn limits(memory: usize, files: usize, config: &config::Http) -> Limits {
        Limits::from(memory, files, config)
    }

    #[test]
    fn connections_and_pool_fit_the_memory() {
        let config = config::Http::default();
        for mib in [128, 256, 300, 512, 1_024] {
            let Limits { connections, pool, .. } = limits(mib * MIB, usize::MAX, &config);
            assert!(
                connections * PER_CONNECTION + pool + REST <= mib * MIB,
                "{mib} MiB: {connections}, {pool}"
            );
        }
        let over_tls = config::Http { tls_cert: Some("cert.pem".into()), ..config::Http::default() };
        let Limits { connections, pool, .. } = limits(256 * MIB, usize::MAX, &over_tls);
        assert!(connections * PER_TLS_CONNECTION + pool + REST <= 256 * MIB, "{connections}, {pool}");
        let in_container = limits(256 * MIB, usize::MAX, &config);
        assert_eq!(in_container, Limits { connections: 1_638, per_address: 819, pool: 64 * MIB });
        assert_eq!(limits(usize::MAX, usize::MAX, &config).connections, MAX_CONNECTIONS);
        assert_eq!(limits(0, usize::MAX, &config).connections, MIN_CONNECTIONS);
    }

    #[test]
    fn memory_that_has_no_limit_is_told_as_null() {
        let limit_logged = |memory| {
            let (output, mut written) = std::io::pipe().map(|(read, write)| (write, read)).unwrap();
            let (log, flush) = logging::start_on("order-service", logging::Level::Info, output);
            limits(usize::MAX, 300, &config::Http::default()).log_limits(memory, 300, PER_CONNECTION, &log);
            drop((log, flush));
            let mut line = String::new();
            BufReader::new(&mut written).read_line(&mut line).unwrap();
            serde_json::from_str::<Value>(&line).unwrap()["details"]["memory_limit"].clone()
        };
        assert_eq!(limit_logged(None), Value::Null);
        assert_eq!(limit_logged(Some(1 << 28)), Value::from(1 << 28));
    }

    #[test]
    fn open_files_limit_them_and_the_configuration_overrides() {
        let config = config::Http::default();
        assert_eq!(limits(usize::MAX, 300, &config).connections, 300);
        let config = config::Http { max_connections: 5_000, max_connections_per_address: 5_000, ..config };
        let chosen = limits(256 * MIB, usize::MAX, &config);
        assert_eq!((chosen.connections, chosen.per_address), (5_000, 5_000));
        assert_eq!(limits(256 * MIB, 100, &config).per_address, 100);
    }

    #[test]
    fn chosen_connections_that_do_not_fit_are_told() {
        let default = config::Http::default();
        let fits = |memory: usize, config: &config::Http| {
            limits(memory, usize::MAX, config).needed(PER_CONNECTION) <= memory
        };
        assert!(fits(256 * MIB, &default) && fits(usize::MAX, &default));
        assert!(!fits(64 * MIB, &default), "the fewest connections need more");
        let config = config::Http { max_connections: 5_000, ..default };
        assert!(!fits(256 * MIB, &config) && fits(1_024 * MIB, &config));
    }
}
