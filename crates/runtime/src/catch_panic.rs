//! Work that may panic while its task holds something that must be settled.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

/// Runs `work` to its end. `None` if it panicked, which is in the log.
///
/// Tokio ends a task that panics, and drops what it holds. A message that is dropped unsettled
/// keeps its place in the prefetch until its session ends. So whoever holds one runs the work
/// inside of this, and settles the message outside.
pub fn catch_panic<T>(work: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
    // What `work` borrowed may be half changed. The caller uses none of it but the message.
    AssertUnwindSafe(work).catch_unwind().map(Result::ok)
}

#[cfg(test)]
#[allow(clippy::panic, reason = "the work of a test may panic")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_ends_with_its_result_and_a_panic_with_none() {
        assert_eq!(catch_panic(async { 7 }).await, Some(7));
        let panics = async {
            tokio::task::yield_now().await;
            panic!("in the middle");
        };
        assert_eq!(catch_panic::<()>(panics).await, None);
    }
}
