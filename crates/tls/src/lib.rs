//! Everything about TLS that the programs share: the crypto provider, the files that the
//! configuration names, what a server's certificate is checked for, and why a connection is
//! refused.
//!
//! There is one crypto provider, ring. Two in one program make rustls panic at its first use, so
//! `deny.toml` bans the other, and every configuration here names ring itself.

pub mod client;
mod files;
mod measured;
mod pem;
mod probe;
mod provider;
mod refusal;
pub mod server;
mod server_certificates;
mod validity;
mod verifier;
mod watch;

pub use self::files::{Files, FilesError, Section};
pub use self::probe::{hung_up, speaks_tls, why_it_hung_up};
pub use self::provider::install_provider;
pub use self::refusal::Refusal;
pub use self::server_certificates::server_certificate_ends;
pub use self::validity::{certificate_ends, check_certificate};
pub use self::watch::watch_client_files;
