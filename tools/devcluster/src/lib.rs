//! For development only: runs the system. Private PostgreSQL and RabbitMQ instances, each in its
//! own folder (data, settings, log, password); service processes that end with their owner; and
//! sample orders.
//!
//! `cargo xtask up` and the tests start their servers here. Nothing is shared with a system-wide
//! server, nothing listens beyond 127.0.0.1, and nothing outside of the folder is changed.
//! (RabbitMQ gets a symbolic link in the folder for temporary files if its own path has characters
//! that its scripts cannot handle.)

pub mod cargo;
mod chromium;
mod credentials;
pub mod customers;
mod environment;
mod error;
mod install;
mod log_file;
pub mod menu;
pub mod observability;
mod pair;
mod pgbouncer;
mod pinned;
mod plain_path;
mod ports;
mod postgres;
mod postgres_exporter;
mod private_server;
mod process;
mod process_guard;
mod process_stat;
mod programs;
pub mod project;
mod prometheus;
mod python;
mod rabbitmq;
mod redis;
mod search;
mod server;
mod server_tls;
mod service;
pub mod tool;

pub use chromium::{ChromiumProgram, PrivateChromedriver};
pub use credentials::Credentials;
pub use environment::environment;
pub use error::Error;
pub use install::{
    ensure_chromium, ensure_installed, ensure_pgbouncer, ensure_postgres_exporter, ensure_prometheus,
    ensure_redis,
};
pub use log_file::Log;
pub use pair::start_pair;
pub use pgbouncer::{PgbouncerProgram, PrivatePgbouncer};
pub use pinned::{NpmPackages, PythonPackages};
pub use ports::{PortClaim, free_port};
pub use postgres::{Followed, Postgres, PostgresAdmin, PostgresOptions, PrivatePostgres};
pub use postgres_exporter::{PostgresExporter, PostgresExporterProgram, PrivatePostgresExporter};
pub use private_server::{PrivateServer, ServerKind};
pub use process::signal;
pub use process_guard::ProcessGuard;
pub use process_stat::ProcessStat;
pub use programs::{PostgresPrograms, RabbitmqPrograms};
pub use prometheus::{PrivatePrometheus, PrometheusOptions, PrometheusPrograms, ScrapeTarget};
pub use rabbitmq::{
    Membership, PrivateRabbitmq, Rabbitmq, RabbitmqAdmin, RabbitmqCluster, RabbitmqConsole, RabbitmqOptions,
    RabbitmqTls, path_segment,
};
pub use redis::{PrivateRedis, RedisProgram};
pub use server::Server;
pub use server_tls::ServerTls;
pub use service::{Ready, ServiceProcess};
