//! Looks up every acknowledged order afterwards: does it exist, and is its number unique?

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use restaurant_load::connection::Connection;
use runtime::{Exit, Shutdown};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::workload::PAUSE_AFTER_FAILURE;

/// The largest number of examples.
const EXAMPLES: usize = 10;
/// The number of attempts, in case the tracking service is away for a moment.
const ATTEMPTS: usize = 5;

/// The result for all acknowledged orders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FollowUp {
    /// Acknowledged orders.
    pub acknowledged: usize,
    /// Orders that the tracking service knows.
    pub found: usize,
    /// Orders that the tracking service does not know.
    pub lost: usize,
    /// Acknowledgements whose number another order already had.
    pub doubled: usize,
    /// Orders whose look-up failed.
    pub unknown: usize,
    /// The cause of the first failed look-up.
    pub first_reason: Option<String>,
    /// Some of the lost and duplicate orders.
    pub examples: Vec<String>,
}

impl FollowUp {
    /// Whether this tracking service knows every order. After an interruption, missing look-ups are
    /// no error.
    ///
    /// # Errors
    /// An order is lost or duplicate, or its look-up failed.
    pub fn verdict(&self, tracking: SocketAddr, interrupted: bool) -> Result<(), Exit> {
        if self.lost > 0 || self.doubled > 0 {
            let what = "orders that were acknowledged are missing, or were numbered twice";
            return Err(Exit::Failed(what.to_owned()));
        }
        if self.unknown > 0 && !interrupted {
            let Self { unknown, acknowledged, .. } = self;
            let why = self.first_reason.as_deref().unwrap_or_default();
            return Err(Exit::Failed(format!(
                "the tracking service at {tracking} could not be asked about {unknown} of {acknowledged} orders that \
                 were acknowledged, so nobody knows whether they are there ({why}). Start it ('cargo xtask up' does), \
                 say with --tracking where it is, or do not look afterwards (--no-audit)"
            )));
        }
        Ok(())
    }
}

/// Looks up every order at the tracking service.
pub async fn look_up(
    tracking: SocketAddr,
    connections: usize,
    acknowledged: Vec<String>,
    shutdown: &Shutdown,
) -> FollowUp {
    let mut found = FollowUp { acknowledged: acknowledged.len(), ..FollowUp::default() };
    let mut distinct = HashSet::with_capacity(acknowledged.len());
    for number in acknowledged {
        if !distinct.insert(number.clone()) {
            found.doubled += 1;
            found.examples.push(number);
        }
    }
    let waiting = Arc::new(Mutex::new(distinct.into_iter().collect::<Vec<_>>()));
    let mut askers = JoinSet::new();
    for _ in 0..connections {
        askers.spawn(ask_all(tracking, Arc::clone(&waiting), shutdown.clone()));
    }
    while let Some(Ok(part)) = askers.join_next().await {
        found.found += part.found;
        found.lost += part.lost;
        found.unknown += part.unknown;
        found.first_reason = found.first_reason.or(part.first_reason);
        found.examples.extend(part.examples);
    }
    // After an interruption, or if the service no longer answers.
    found.unknown += waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
    found.examples.truncate(EXAMPLES);
    found
}

async fn ask_all(tracking: SocketAddr, waiting: Arc<Mutex<Vec<String>>>, shutdown: Shutdown) -> FollowUp {
    let mut part = FollowUp::default();
    let mut connection = Connection::to(tracking);
    while !shutdown.has_begun() {
        let Some(number) = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop() else { break };
        match ask(&mut connection, &number).await {
            Ok(true) => part.found += 1,
            Ok(false) => {
                part.lost += 1;
                part.examples.push(number);
            }
            Err(why) => {
                part.unknown += 1;
                part.first_reason = Some(why);
                // Do not wait for thousands of failing look-ups.
                break;
            }
        }
    }
    part
}

/// Whether the tracking service knows the order, or why the look-up failed.
async fn ask(connection: &mut Connection, number: &str) -> Result<bool, String> {
    let path = format!("/orders/{number}/status");
    let mut reason = String::new();
    for _ in 0..ATTEMPTS {
        match connection.send("GET", &path, String::new()).await {
            Ok((200, _)) => return Ok(true),
            Ok((404, _)) => return Ok(false),
            Ok((status, _)) => reason = format!("it answers {status}"),
            Err(why) => reason = why.to_string(),
        }
        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
    }
    Err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_interruption_excuses_what_nobody_could_be_asked_about() {
        let tracking = SocketAddr::from(([127, 0, 0, 1], 3002));
        let unknown = FollowUp {
            acknowledged: 5,
            found: 3,
            unknown: 2,
            first_reason: Some("gone".into()),
            ..FollowUp::default()
        };
        let Err(Exit::Failed(verdict)) = unknown.verdict(tracking, false) else { panic!("it is unknown") };
        assert!(
            verdict.contains("127.0.0.1:3002 could not be asked about 2 of 5") && verdict.contains("(gone)")
        );
        assert_eq!(unknown.verdict(tracking, true), Ok(()));
        for wrong in [FollowUp { lost: 1, ..unknown.clone() }, FollowUp { doubled: 1, ..unknown.clone() }] {
            let verdict = wrong.verdict(tracking, true);
            assert!(
                matches!(&verdict, Err(Exit::Failed(why)) if why.contains("numbered twice")),
                "{verdict:?}"
            );
        }
        assert_eq!(FollowUp { unknown: 0, found: 5, ..unknown }.verdict(tracking, false), Ok(()));
    }
}
