//! Idempotency keys: a request that comes twice is carried out once.
//!
//! A key is taken in three places. In this process, while its first request is in work. In the
//! database, against other services, by the transaction that stores the order. And for a day
//! afterwards, by the row that this transaction wrote.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use db::{Database, DbError, idempotency};
use domain::{IdempotencyKey, IdempotentRequest};

use super::error::PlaceError;

/// The keys of the requests that are in work in this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct KeysInFlight(Arc<Mutex<HashSet<IdempotencyKey>>>);

/// Keeps a key taken until it is dropped.
#[derive(Debug)]
pub struct KeyGuard {
    keys: KeysInFlight,
    request: IdempotentRequest,
}

/// What a key means for a request.
#[derive(Debug)]
pub enum Known {
    /// It is the same request, and this is what came of it.
    Placed(idempotency::KnownRequest),
    /// No request had it so far.
    New,
}

impl KeysInFlight {
    fn lock(&self) -> MutexGuard<'_, HashSet<IdempotencyKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the key, or `None` if a request with it is in work.
    pub fn take(&self, request: IdempotentRequest) -> Option<KeyGuard> {
        let is_free = self.lock().insert(request.key.clone());
        is_free.then(|| KeyGuard { keys: self.clone(), request })
    }
}

impl KeyGuard {
    /// The request that took it.
    pub fn request(&self) -> &IdempotentRequest {
        &self.request
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        self.keys.lock().remove(&self.request.key);
    }
}

/// Looks up what was placed under the key. An answer is given again once it is decided: with
/// `decided_by_commit` the commit decides, otherwise the broker's confirm.
///
/// # Errors
/// The outer: the database failed. The inner: the key was used with another body, or its answer is
/// not decided yet.
pub async fn look_up(
    db: &Database,
    request: &IdempotentRequest,
    decided_by_commit: bool,
) -> Result<Result<Known, PlaceError>, DbError> {
    let Some(known) = idempotency::find(db, &request.key).await? else { return Ok(Ok(Known::New)) };
    if known.fingerprint != request.fingerprint.as_bytes() {
        return Ok(Err(PlaceError::KeyReused));
    }
    if known.undecided && !decided_by_commit {
        return Ok(Err(PlaceError::KeyInFlight));
    }
    Ok(Ok(Known::Placed(known)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use domain::Fingerprint;

    use super::*;

    #[test]
    fn a_key_is_taken_until_its_guard_is_dropped() {
        let request = |key: &str| IdempotentRequest {
            key: IdempotencyKey::parse(key.as_bytes()).unwrap(),
            fingerprint: Fingerprint::of(b"{}"),
        };
        let keys = KeysInFlight::default();
        let guard = keys.take(request("first")).unwrap();
        assert!(keys.take(request("first")).is_none());
        assert!(keys.take(request("second")).is_some());
        drop(guard);
        assert!(keys.take(request("first")).is_some());
    }
}
