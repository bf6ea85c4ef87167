//! Waits for conditions, with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// The longest duration of anything that should happen at once. It is long because tests share few
/// cores. A passing test never waits for it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Polls until there is a result: for conditions without an event, such as a row of the database.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Awaits an event.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event).await.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}"))
}
