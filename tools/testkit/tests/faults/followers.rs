//! Clients of event streams that come back with their position whenever a stream ends, as browsers
//! do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::{EventStream, eventually};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::menu::STAFF;

/// Shorter than a server asks for. What is missed meanwhile is little, but it is missed.
const PAUSE: Duration = Duration::from_millis(100);

/// A client that follows a stream until it is dropped.
pub struct Follower {
    seen: Arc<Mutex<Seen>>,
    _task: JoinSet<()>,
}

/// What a client has got.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The ids of the rows, as they came.
    pub ids: Vec<i64>,
    /// How many rows it had each time it came back with a position.
    pub returns: Vec<usize>,
    heartbeats: usize,
    position: Option<String>,
    /// What must not happen to a client. It follows no more then.
    fault: Option<String>,
}

impl Follower {
    /// Follows all orders from now on, at the service that listens on this port, whenever it does.
    pub async fn of_all(port: u16) -> Self {
        let display = Self::of(port, "/events".to_owned());
        // From its first position on it misses nothing.
        eventually("a position", async || display.seen().position.map(drop)).await;
        display
    }

    /// Follows one order, and waits for its first row.
    pub async fn of_order(port: u16, number: &str) -> Self {
        let tracker = Self::of(port, format!("/orders/{number}/events"));
        eventually("a first row", async || tracker.seen().position.map(drop)).await;
        tracker
    }

    fn of(port: u16, path: String) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let mut task = JoinSet::new();
        task.spawn(follow(port, path, Arc::clone(&seen)));
        Self { seen, _task: task }
    }

    /// What it has got so far.
    pub fn seen(&self) -> Seen {
        let seen = self.seen.lock().unwrap().clone();
        assert_eq!(seen.fault, None);
        seen
    }

    /// Waits until it has so many rows, and what was on its way then.
    pub async fn settled(&self, what: &str, count: usize) -> Seen {
        eventually(&format!("{count} rows of {what}"), async || {
            (self.seen().ids.len() >= count).then_some(())
        })
        .await;
        let heartbeats = self.seen().heartbeats;
        eventually("a heartbeat", async || Some(self.seen()).filter(|seen| seen.heartbeats > heartbeats))
            .await
    }
}

async fn follow(port: u16, path: String, seen: Arc<Mutex<Seen>>) {
    loop {
        let position = seen.lock().unwrap().position.clone();
        let back = position.as_deref().map(|id| ("Last-Event-ID", id));
        let headers: Vec<_> = [STAFF].into_iter().chain(back).collect();
        let Ok(mut stream) = EventStream::try_open(port, &path, &headers, None).await else {
            sleep(PAUSE).await;
            continue;
        };
        if !stream.head.starts_with("HTTP/1.1 200") {
            // The database is away.
            if !stream.head.starts_with("HTTP/1.1 50") {
                seen.lock().unwrap().fault = Some(format!("{path}: {}", stream.head));
                return;
            }
            sleep(PAUSE).await;
            continue;
        }
        if position.is_some() {
            let mut seen = seen.lock().unwrap();
            let rows = seen.ids.len();
            seen.returns.push(rows);
        }
        while let Some(block) = stream.block().await {
            let mut seen = seen.lock().unwrap();
            match block.event.as_deref() {
                Some("status") => seen.ids.push(block.row()),
                Some("heartbeat") => seen.heartbeats += 1,
                Some(other) => {
                    seen.fault = Some(format!("{path}: {other} to {position:?}"));
                    return;
                }
                None => {}
            }
            if let Some(id) = block.id {
                seen.position = Some(id);
            }
        }
        sleep(PAUSE).await;
    }
}
