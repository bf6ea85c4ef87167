//! The settings of a private PostgreSQL server.

use super::PostgresOptions;

/// The whole `postgresql.conf`.
pub(super) fn text(port: u16, options: &PostgresOptions) -> String {
    let durability = if options.durable {
        "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"
    } else {
        "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
    };
    // What is written to last may have the memory and the log of PostgreSQL's own defaults. Rows that come and go with every
    // order are many within the minute that autovacuum waits by default.
    let room = if options.durable {
        "shared_buffers = 128MB\nmax_wal_size = 1GB\nmin_wal_size = 80MB\nautovacuum_naptime = 10s\n"
    } else {
        "shared_buffers = 64MB\nmax_wal_size = 256MB\nmin_wal_size = 32MB\n"
    };
    format!(
        "# Written anew at every start.\n\
         listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         # The path of a socket may have 107 bytes: not every folder's has.\n\
         unix_socket_directories = ''\n\
         max_connections = {connections}\n\
         # Its library is large and left out where packages are unpacked; our statements are short.\n\
         jit = off\n\
         {durability}\
         {room}\
         # The only zone that needs no time zone files.\n\
         timezone = 'GMT'\n\
         log_timezone = 'GMT'\n\
         log_line_prefix = '%m [%p] '\n\
         logging_collector = off\n",
        connections = options.max_connections,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_a_choice() {
        let of = |durable| text(1, &PostgresOptions { durable, ..PostgresOptions::default() });
        assert!(of(true).contains("\nfsync = on\n") && of(false).contains("\nfsync = off\n"));
    }
}
