//! Checks the certificates that the configuration names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::Config;
use runtime::with_causes;
use tls::{Files, Section, certificate_ends, server_certificate_ends};

use crate::view::verdict::Verdict;

const DAY: Duration = Duration::from_hours(24);
/// The alert for certificates begins as many days before their end.
const DAYS_TO_RENEW: u64 = 14;

/// Checks each certificate that is named.
pub fn check(config: &Config) -> Vec<Verdict> {
    let named = [
        ("database_client_certificate", Files::from(&config.database)),
        ("rabbitmq_client_certificate", Files::from(&config.rabbitmq)),
        ("http_certificate", Files::from(&config.http)),
    ];
    let now = now();
    named.into_iter().filter_map(|(check, files)| verdict(check, &files, now)).collect()
}

fn verdict(check: &'static str, files: &Files, now: Duration) -> Option<Verdict> {
    match certificate_ends(files) {
        Ok(end) => {
            let to_do = "renew it: a running service takes the new files without a restart";
            Some(judge(check, end?, now, to_do))
        }
        Err(why) => Some(Verdict::fail(check, with_causes(&why), "correct what it says")),
    }
}

/// Checks the certificates that the servers have shown to the checks before.
pub fn check_servers() -> Vec<Verdict> {
    let servers = [
        ("postgresql_certificate", Section::Database, "renew the certificate of PostgreSQL"),
        ("broker_certificate", Section::Rabbitmq, "renew the certificate of RabbitMQ"),
    ];
    let now = now();
    let shown = |(check, section, to_do)| Some(judge(check, server_certificate_ends(section)?, now, to_do));
    servers.into_iter().filter_map(shown).collect()
}

fn judge(check: &'static str, end: Duration, now: Duration, to_do: &'static str) -> Verdict {
    let Some(left) = end.checked_sub(now) else { return Verdict::fail(check, "it has expired", to_do) };
    let days = left.as_secs() / DAY.as_secs();
    let found = format!("it ends in {days} day(s)");
    if days < DAYS_TO_RENEW { Verdict::warn(check, found, to_do) } else { Verdict::ok(check, found) }
}

#[expect(clippy::disallowed_methods, reason = "a certificate ends by the clock of who looks at it")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
