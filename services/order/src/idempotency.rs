//! `Idempotency-Key`: a request that comes twice is carried out once.
//!
//! A key is taken in three places: here while its first request is in work in this process; in
//! the database, in the transaction that stores the order, against other services; and
//! afterwards for a day.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use db::{Database, DbError, idempotency};
use domain::{Fingerprint, IdempotencyKey, IdempotentRequest, RequestId};
use http_service::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Seconds after which a client asks again what became of its first request.
const RETRY_AFTER: u64 = 1;

/// The keys of the requests that are in work in this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct KeysInWork(Arc<Mutex<HashSet<IdempotencyKey>>>);

/// A key that is taken until this is dropped.
#[derive(Debug)]
pub struct KeyInWork {
    keys: KeysInWork,
    request: IdempotentRequest,
}

/// What a known key means for a request.
#[derive(Debug)]
pub enum Known {
    /// It is the same request, and this is what came of it.
    Placed(idempotency::KnownRequest),
    /// Nobody knows the key.
    New,
}

impl KeysInWork {
    fn lock(&self) -> MutexGuard<'_, HashSet<IdempotencyKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the key, or `None` if a request with it is in work.
    pub fn take(&self, request: IdempotentRequest) -> Option<KeyInWork> {
        let is_free = self.lock().insert(request.key.clone());
        is_free.then(|| KeyInWork { keys: self.clone(), request })
    }
}

impl KeyInWork {
    /// The request that took it.
    pub fn request(&self) -> &IdempotentRequest {
        &self.request
    }
}

impl Drop for KeyInWork {
    fn drop(&mut self) {
        self.keys.lock().remove(&self.request.key);
    }
}

/// The request as its client recognises it, if it says how.
///
/// # Errors
/// 400 if the header is malformed. (Of a request that has it twice, no handler hears.)
pub fn of(request: &HttpRequest, body: &[u8], id: &RequestId) -> Result<Option<IdempotentRequest>, Problem> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let malformed =
        |why: String| Problem::new(StatusCode::BAD_REQUEST, format!("Idempotency-Key {why}."), id);
    let key = IdempotencyKey::parse(value.as_bytes()).map_err(|why| malformed(why.to_string()))?;
    Ok(Some(IdempotentRequest { key, fingerprint: Fingerprint::of(body) }))
}

/// Looks up what was placed under the key. An answer is given again once it is decided: with
/// `decided_by_commit` the commit decides, otherwise the broker's confirm.
///
/// # Errors
/// The outer: the database failed. The inner: 422 for another body, 409 while the
/// answer is not decided.
pub async fn look_up(
    db: &Database,
    request: &IdempotentRequest,
    decided_by_commit: bool,
    id: &RequestId,
) -> Result<Result<Known, Problem>, DbError> {
    let Some(known) = idempotency::find(db, &request.key).await? else { return Ok(Ok(Known::New)) };
    if known.fingerprint != request.fingerprint.as_bytes() {
        let detail = "This Idempotency-Key was used with another body. Use a new key for a new order.";
        return Ok(Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail, id)));
    }
    if known.undecided && !decided_by_commit {
        return Ok(Err(in_work(id)));
    }
    Ok(Ok(Known::Placed(known)))
}

/// 409: the first request with the key has no answer yet.
pub fn in_work(id: &RequestId) -> Problem {
    let detail = "A request with this Idempotency-Key is still in work. Ask again in a second.";
    Problem::new(StatusCode::CONFLICT, detail, id).retry_after(RETRY_AFTER)
}
