//! Looks at both servers from time to time.

use std::error::Error;
use std::time::Duration;

use bus::inspection;
use config::Config;
use db::audit::{self, Scope, Since};
use db::{Database, system_figures};
use logging::{Log, action};
use telemetry::labels::Server;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Looked;
use super::figures;
use super::link::Link;

/// Nothing that is shown is older than that.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);
const AUDIT_INTERVAL: Duration = Duration::from_mins(5);
/// How far back an audit goes. Older orders do not change any more, and there are ever more of
/// them.
const AUDITED: Duration = Duration::from_hours(24);
/// Longest time for one question of the audit to the database.
const AUDIT_STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);
/// As RabbitMQ lists the connection.
const CONNECTION: &str = "restaurant-ctl: exporter";

/// Reads the figures of both servers, for ever. One that is away does not hold up the other.
pub(super) async fn keep_fresh(db: &Database, config: &Config, looked: &Looked, log: &Log) {
    let (mut postgresql, mut rabbitmq) = (Link::new(Server::Postgresql), Link::new(Server::Rabbitmq));
    let mut looks = every(LOOK_INTERVAL);
    loop {
        looks.tick().await;
        tokio::join!(
            async {
                let read = system_figures::read(db).await;
                match &read {
                    Ok(read) => figures::show_database(read),
                    Err(_) => figures::forget_database(),
                }
                postgresql.note(outcome(&read), log);
            },
            async {
                let counted = inspection::queues(&config.rabbitmq, CONNECTION, config.intake.enabled).await;
                match &counted {
                    Ok(queues) => figures::show_queues(queues),
                    Err(_) => figures::forget_queues(),
                }
                rabbitmq.note(outcome(&counted), log);
            }
        );
        looked.note();
    }
}

/// Audits the database, for ever.
pub(super) async fn keep_audited(db: &Database, log: &Log) {
    let scope =
        Scope { since: Since::Ago(AUDITED), settled: false, statement_timeout: AUDIT_STATEMENT_TIMEOUT };
    let mut audits = every(AUDIT_INTERVAL);
    loop {
        audits.tick().await;
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
