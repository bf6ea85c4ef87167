//! Checks the read replica of the tracking service.

use config::Config;
use db::Database;
use db::replica::{self, ReplicaState};
use runtime::with_causes;

use crate::NAME;
use crate::view::verdict::Verdict;

/// Asks the replica what it is, if there is one.
pub async fn check(config: &Config, primary: &Database) -> Option<Verdict> {
    let check = "read_replica";
    match replica::inspect(&config.database, primary, NAME).await {
        Ok(None) => None,
        Ok(Some(ReplicaState::Standby { behind_bytes })) => {
            let found = format!("a standby, {behind_bytes} bytes of the log behind the primary");
            Some(Verdict::ok(check, found))
        }
        Ok(Some(ReplicaState::NoStandby)) => Some(Verdict::warn(
            check,
            "the server of database.read_replica is no standby, so nothing is read from it",
            "name a standby in database.read_replica (DB_READ_REPLICA), or nothing",
        )),
        // The service goes on without it.
        Err(why) => Some(Verdict::warn(
            check,
            format!("nobody knows how far behind it is: {}", with_causes(&why)),
            "start the standby, or correct database.read_replica (DB_READ_REPLICA); until then the primary answers",
        )),
    }
}
