//! Looks at both servers from time to time. Each has a loop of its own: one that is away does not
//! hold up the other.

use std::error::Error;
use std::time::Duration;

use bus::inspection;
use config::Config;
use db::audit::{self, Scope, Since};
use db::{Database, system_figures};
use logging::{Log, action};
use telemetry::labels::Server;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};

use super::Looked;
use super::figures;
use super::link::Link;

/// The pause between two looks at a server, and the longest time for one. So a figure that is shown
/// is at most twice as old.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);
const AUDIT_INTERVAL: Duration = Duration::from_mins(5);
/// Shortest time from one audit to the next: a server that comes and goes under its load gets no
/// more of it.
const AUDIT_PAUSE: Duration = Duration::from_mins(1);
/// How far back an audit goes. Older orders do not change any more, and there are ever more of
/// them.
const AUDITED: Duration = Duration::from_hours(24);
/// Longest time for one question of the audit to the database.
const AUDIT_STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);
/// As RabbitMQ lists the connection.
const CONNECTION: &str = "restaurant-ctl: exporter";

/// Why a look found nothing.
#[derive(Debug, thiserror::Error)]
enum LookError<E> {
    /// The server failed, or cannot be reached.
    #[error(transparent)]
    Failed(E),
    /// The look was given up.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
}

/// Reads the figures of PostgreSQL, for ever, and says whether it answers.
pub(super) async fn keep_database_fresh(
    db: &Database,
    is_up: &watch::Sender<bool>,
    looked: &Looked,
    log: &Log,
) {
    let mut link = Link::new(Server::Postgresql);
    let mut looks = every(LOOK_INTERVAL);
    loop {
        looks.tick().await;
        let read = within(LOOK_INTERVAL, Box::pin(system_figures::read(db))).await;
        match &read {
            Ok(read) => figures::show_database(read),
            Err(_) => figures::forget_database(),
        }
        link.note(outcome(&read), log);
        is_up.send_replace(read.is_ok());
        looked.note(Server::Postgresql);
    }
}

/// Reads the figures of RabbitMQ, for ever.
pub(super) async fn keep_queues_fresh(config: &Config, looked: &Looked, log: &Log) {
    let mut link = Link::new(Server::Rabbitmq);
    let mut looks = every(LOOK_INTERVAL);
    loop {
        looks.tick().await;
        let asked = inspection::queues(&config.rabbitmq, CONNECTION, config.intake.enabled);
        let counted = within(LOOK_INTERVAL, Box::pin(asked)).await;
        match &counted {
            Ok(queues) => figures::show_queues(queues),
            Err(_) => figures::forget_queues(),
        }
        link.note(outcome(&counted), log);
        looked.note(Server::Rabbitmq);
    }
}

/// Audits the database while it answers, for ever. One that comes back is audited soon.
pub(super) async fn keep_audited(db: &Database, mut is_up: watch::Receiver<bool>, log: &Log) {
    let mut not_before = Instant::now();
    while is_up.wait_for(|is_up| *is_up).await.is_ok() {
        tokio::select! {
            // First, so that no audit shows its findings after they were forgotten.
            biased;
            _ = is_up.wait_for(|is_up| !*is_up) => {}
            () = audit_repeatedly(db, &mut not_before, log) => {}
        }
    }
}

async fn audit_repeatedly(db: &Database, not_before: &mut Instant, log: &Log) {
    let scope =
        Scope { since: Since::Ago(AUDITED), settled: false, statement_timeout: AUDIT_STATEMENT_TIMEOUT };
    sleep_until(*not_before).await;
    let mut audits = every(AUDIT_INTERVAL);
    loop {
        audits.tick().await;
        *not_before = Instant::now() + AUDIT_PAUSE;
        match audit::run(db, &scope).await {
            Ok(audit) => figures::show_audit(&audit),
            Err(why) => {
                figures::forget_audit();
                let text = "The audit could not be made; its findings are left out until the next one";
                log.error(action::DB_CONNECTION_FAILED, text, &why).emit();
            }
        }
    }
}

async fn within<T, E>(limit: Duration, look: impl Future<Output = Result<T, E>>) -> Result<T, LookError<E>> {
    match timeout(limit, look).await {
        Ok(found) => found.map_err(LookError::Failed),
        Err(_) => Err(LookError::Late(limit)),
    }
}

fn every(pause: Duration) -> Interval {
    let mut interval = interval(pause);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn outcome<T, E: Error>(result: &Result<T, E>) -> Result<(), &dyn Error> {
    match result {
        Ok(_) => Ok(()),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_look_that_does_not_end_is_given_up_as_one_that_failed() {
        let late = within(Duration::ZERO, pending::<Result<(), std::fmt::Error>>()).await;
        assert_eq!(outcome(&late).unwrap_err().to_string(), "no answer within 0 s");
        let failed = within(LOOK_INTERVAL, ready(Err::<(), _>(std::fmt::Error))).await;
        assert!(matches!(failed, Err(LookError::Failed(std::fmt::Error))), "{failed:?}");
        let found = within(LOOK_INTERVAL, ready(Ok::<_, std::fmt::Error>(3))).await;
        assert_eq!(found.unwrap(), 3);
    }
}
