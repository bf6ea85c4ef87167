//! Checks the certificates that the configuration names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::Config;
use runtime::with_causes;
use tls::{Files, certificate_ends};

use crate::view::verdict::Verdict;

const DAY: Duration = Duration::from_hours(24);
/// The alert for certificates begins as many days before their end.
const DAYS_TO_RENEW: u64 = 14;

/// Checks each certificate that is named.
pub fn check(config: &Config) -> Vec<Verdict> {
    let named = [
        ("database_certificate", Files::from(&config.database)),
        ("rabbitmq_certificate", Files::from(&config.rabbitmq)),
        ("http_certificate", Files::from(&config.http)),
    ];
    let now = now();
    named.into_iter().filter_map(|(check, files)| verdict(check, &files, now)).collect()
}

fn verdict(check: &'static str, files: &Files, now: Duration) -> Option<Verdict> {
    let end = match certificate_ends(files) {
        Ok(end) => end?,
        Err(why) => return Some(Verdict::fail(check, with_causes(&why), "correct what it says")),
    };
    let to_do = "renew it: a running service takes the new files without a restart";
    Some(match end.checked_sub(now) {
        None => Verdict::fail(check, "it has expired", to_do),
        Some(left) => {
            let days = left.as_secs() / DAY.as_secs();
            let found = format!("it ends in {days} day(s)");
            if days < DAYS_TO_RENEW { Verdict::warn(check, found, to_do) } else { Verdict::ok(check, found) }
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "a certificate ends by the clock of who looks at it")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
