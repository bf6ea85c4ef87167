//! Checks whether the orders would survive the loss of the server.

use db::backups::{self, Safeguard};
use db::{Database, DbError};
use runtime::with_causes;

use crate::view::verdict::Verdict;

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;

/// Nothing if this user may not know: a service's role reads no table of backups.
pub async fn check(db: &Database) -> Option<Verdict> {
    match backups::safeguard(db).await {
        Ok(found) => Some(judge(&found)),
        Err(why) if why.is_missing_right() => None,
        Err(why) => Some(unknown(&why)),
    }
}

fn unknown(why: &DbError) -> Verdict {
    Verdict::warn("backups", with_causes(why), "start the doctor again")
}

/// A new system has nothing to lose yet.
fn judge(found: &Safeguard) -> Verdict {
    let archive = if found.is_archiving {
        "what came after it is in the archive of the log, but for the end of that"
    } else {
        "archive_mode is off: what comes after it is lost with the server"
    };
    let check = "backups";
    let to_do = "take one every day ('restaurant-ctl backup'), or note those of another program ('backup --taken-by'), and archive \
                 the log";
    match found.last_backup_age {
        Some(age) if age <= DAY => {
            Verdict::ok(check, format!("the last one is {:.0} h old; {archive}", age / HOUR))
        }
        Some(age) => {
            Verdict::warn(check, format!("the last one is {:.0} days old; {archive}", age / DAY), to_do)
        }
        None if found.has_old_orders => Verdict::warn(
            check,
            "there are orders that are older than a day, and no backup was ever taken",
            to_do,
        ),
        None => Verdict::ok(check, "none was taken yet; 'restaurant-ctl backup' takes one"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::view::verdict::Outcome;

    fn of(last_backup_age: Option<f64>, has_old_orders: bool, is_archiving: bool) -> (Outcome, String) {
        let verdict = judge(&Safeguard { last_backup_age, has_old_orders, is_archiving });
        (verdict.outcome, verdict.found)
    }

    #[test]
    fn a_new_system_has_nothing_to_lose() {
        assert_eq!(of(None, false, false).0, Outcome::Ok);
        assert_eq!(of(None, true, true).0, Outcome::Warn);
    }

    #[test]
    fn a_backup_is_good_for_a_day() {
        assert_eq!(of(Some(DAY), true, true).0, Outcome::Ok);
        assert_eq!(of(Some(DAY + 1.0), true, true).0, Outcome::Warn);
        assert!(of(Some(7_200.0), true, false).1.contains("2 h old; archive_mode is off"));
    }
}
