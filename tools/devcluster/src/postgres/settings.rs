//! The settings of a private PostgreSQL server.

use super::{Followed, PostgresOptions};
use crate::ServerTls;
use crate::server_tls::{CERTIFICATE, CLIENTS, KEY};

/// The whole `postgresql.conf`.
pub(super) fn text(port: u16, options: &PostgresOptions) -> String {
    // A durable server gets PostgreSQL's default memory and log; a test's server stays small.
    // Outbox rows are inserted and deleted with every order, so autovacuum runs every ten seconds
    // instead of every minute.
    let purpose = if options.durable {
        "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n\
         shared_buffers = 128MB\nmax_wal_size = 1GB\nmin_wal_size = 80MB\nautovacuum_naptime = 10s\n"
    } else {
        "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
         shared_buffers = 64MB\nmax_wal_size = 256MB\nmin_wal_size = 32MB\n"
    };
    let tls = options.tls.as_ref().map(encryption).unwrap_or_default();
    let following = options.follows.as_ref().map(Followed::settings).unwrap_or_default();
    format!(
        "# Written anew at every start.\n\
         listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         # The path of a socket may have 107 bytes: not every folder's has.\n\
         unix_socket_directories = ''\n\
         max_connections = {connections}\n\
         # Its library is large and left out where packages are unpacked; our statements are short.\n\
         jit = off\n\
         {purpose}\
         # The only zone that needs no time zone files.\n\
         timezone = 'GMT'\n\
         log_timezone = 'GMT'\n\
         log_line_prefix = '%m [%p] '\n\
         logging_collector = off\n\
         {tls}{following}",
        connections = options.max_connections,
    )
}

/// The lines for TLS. The paths are from the folder of the data.
fn encryption(tls: &ServerTls) -> String {
    let clients = if tls.clients.is_some() { CLIENTS } else { "" };
    let from_data = |name: &str| if name.is_empty() { String::new() } else { format!("../{name}") };
    format!(
        "ssl = on\n\
         ssl_cert_file = '{}'\n\
         ssl_key_file = '{}'\n\
         ssl_ca_file = '{}'\n",
        from_data(CERTIFICATE),
        from_data(KEY),
        from_data(clients),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_a_choice() {
        let of = |durable| text(1, &PostgresOptions { durable, ..PostgresOptions::default() });
        assert!(of(true).contains("\nfsync = on\n") && of(false).contains("\nfsync = off\n"));
        assert!(
            of(true).contains("\nmax_wal_size = 1GB\n") && of(false).contains("\nmax_wal_size = 256MB\n")
        );
    }
}
