//! The look afterwards: is every order there that was acknowledged, and under a number of its own?

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::Shutdown;
use serde::Serialize;
use tokio::task::JoinSet;

use super::client::{self, Client};

/// Examples that are named.
const EXAMPLES: usize = 10;
/// A tracking service that is away for a moment is asked again.
const ATTEMPTS: usize = 5;

/// What became of the acknowledged orders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FollowUp {
    /// Orders that were acknowledged.
    pub acknowledged: usize,
    /// Orders that the tracking service knows.
    pub found: usize,
    /// Orders that it does not know.
    pub lost: usize,
    /// Acknowledgements of a number that another order had got already.
    pub doubled: usize,
    /// Orders that it could not be asked about.
    pub unknown: usize,
    /// Some of the lost and doubled.
    pub examples: Vec<String>,
}

impl FollowUp {
    /// Whether nothing is lost or doubled, as far as could be found out.
    pub fn is_well(&self) -> bool {
        self.lost == 0 && self.doubled == 0
    }
}

/// Asks the tracking service about every order.
pub async fn look(
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
        found.examples.extend(part.examples);
    }
    // After an interruption.
    found.unknown += waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
    found.examples.truncate(EXAMPLES);
    found
}

async fn ask_all(tracking: SocketAddr, waiting: Arc<Mutex<Vec<String>>>, shutdown: Shutdown) -> FollowUp {
    let mut part = FollowUp::default();
    let mut client = None;
    while !shutdown.has_begun() {
        let Some(number) = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop() else { break };
        match ask(&mut client, tracking, &number).await {
            Some(200) => part.found += 1,
            Some(404) => {
                part.lost += 1;
                part.examples.push(number);
            }
            _ => part.unknown += 1,
        }
    }
    part
}

async fn ask(client: &mut Option<Client>, tracking: SocketAddr, number: &str) -> Option<u16> {
    let path = format!("/orders/{number}/status");
    for _ in 0..ATTEMPTS {
        match client::send(client, tracking, "GET", &path, String::new()).await {
            Ok((status @ (200 | 404), _)) => return Some(status),
            Ok(_) | Err(_) => tokio::time::sleep(client::PAUSE_AFTER_FAILURE).await,
        }
    }
    None
}
