//! The circuit breaker in front of the database: requests from outside are refused at once while
//! the database cannot answer them, rather than after a wait.
//!
//! It watches the statements of a service on the shared connections, and on those for the staff.
//! What waits in the background is never refused: it tries again by itself, and its success closes
//! the breaker.

mod circuit;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use logging::{Log, action};
use telemetry::labels::{BreakerState, Label as _, Pool};
use telemetry::metrics::BREAKER;

use self::circuit::{Circuit, Era, MOST_FAILURES, Outcome};
use crate::error::{Classification, ConnectionFate, DbError, Retry};

/// The breaker of one service.
pub(crate) struct Breaker {
    circuit: Mutex<Circuit>,
    log: Log,
}

/// A statement that runs.
#[derive(Clone, Copy)]
pub(crate) struct Watched {
    era: Era,
    pool: Pool,
}

impl Breaker {
    pub(crate) fn new(log: &Log) -> Self {
        let breaker = Self { circuit: Mutex::default(), log: log.clone() };
        show(BreakerState::Closed);
        breaker
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().state() == BreakerState::Closed
    }

    /// Whether a request that needs the database is let through.
    ///
    /// # Errors
    /// It is not: when to ask again.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        let mut circuit = self.lock();
        let before = circuit.state();
        let admitted = circuit.admit(Instant::now());
        let after = circuit.state();
        if before != after {
            show(after);
            drop(circuit);
            let message = "Requests try whether the database answers again";
            self.log.info(action::DB_BREAKER_HALF_OPEN, message).emit();
        }
        admitted
    }

    /// A statement begins, with a connection of this pool.
    pub(crate) fn begin(&self, pool: Pool) -> Watched {
        Watched { era: self.lock().begin(), pool }
    }

    /// The statement has ended. Failures count only if a request suffers them.
    pub(crate) fn ended<T>(&self, watched: Watched, ended: &Result<T, DbError>, of_request: bool) {
        let Some(outcome) = outcome(watched.pool, ended) else { return };
        let is_answer = matches!(outcome, Outcome::Answered | Outcome::AnsweredElsewhere);
        if !is_answer && !of_request {
            return;
        }
        let mut circuit = self.lock();
        let before = circuit.state();
        circuit.ended(watched.era, outcome, Instant::now());
        let after = circuit.state();
        if before == after {
            return;
        }
        show(after);
        drop(circuit);
        match ended {
            Err(why) if after == BreakerState::Open => {
                let message = match outcome {
                    Outcome::Exhausted => {
                        "Requests that need the database are refused: no connection became free".to_owned()
                    }
                    _ => format!(
                        "Requests that need the database are refused: {MOST_FAILURES} statements failed in a row, or a probe"
                    ),
                };
                self.log.error(action::DB_BREAKER_OPENED, message, why).emit();
            }
            _ => {
                let message = "The database answers, and requests that need it are taken again";
                self.log.info(action::DB_BREAKER_CLOSED, message).emit();
            }
        }
    }
}

/// Shows the state as a metric.
fn show(state: BreakerState) {
    for each in BreakerState::ALL {
        BREAKER.of(*each).set(i64::from(*each == state));
    }
}

/// What an end says of the database, if anything: an error that it reports at once is an answer.
fn outcome<T>(pool: Pool, ended: &Result<T, DbError>) -> Option<Outcome> {
    let is_of_staff = pool == Pool::Staff;
    let failed = match ended {
        // The staff's few connections, and its role, are not those of requests in general.
        Err(DbError::AllInUse { .. } | DbError::Refused { .. }) if is_of_staff => return None,
        Err(DbError::BreakerOpen(_)) => return None,
        Err(DbError::AllInUse { .. }) => return Some(Outcome::Exhausted),
        Err(DbError::Refused { .. }) => return Some(Outcome::Refused),
        Ok(_) | Err(DbError::UnexpectedValue(_)) => false,
        Err(
            DbError::Unreachable { .. }
            | DbError::Tls { .. }
            | DbError::TlsFiles { .. }
            | DbError::UnsuitableServer { .. }
            | DbError::Timeout(_),
        ) => true,
        Err(why @ DbError::Failed(error)) => {
            let Classification { retry, connection, .. } = Classification::of(error);
            let is_lost = retry == Retry::MayHelp && connection != ConnectionFate::Stays;
            is_lost || why.is_statement_timeout()
        }
    };
    Some(match (failed, is_of_staff) {
        (true, _) => Outcome::Failed,
        (false, false) => Outcome::Answered,
        (false, true) => Outcome::AnsweredElsewhere,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect_error::ConnectError;

    #[test]
    fn what_the_database_says_at_once_is_an_answer() {
        let address = || "127.0.0.1:5432".into();
        let refused = DbError::Refused { address: address(), reason: "wrong".to_owned(), advice: "" };
        for (ended, of_service, of_staff) in [
            (Ok(()), Some(Outcome::Answered), Some(Outcome::AnsweredElsewhere)),
            (Err(DbError::unexpected("infinity")), Some(Outcome::Answered), Some(Outcome::AnsweredElsewhere)),
            (Err(DbError::Timeout(Duration::from_secs(1))), Some(Outcome::Failed), Some(Outcome::Failed)),
            (
                Err(DbError::Unreachable { address: address(), why: ConnectError::NoAnswer }),
                Some(Outcome::Failed),
                Some(Outcome::Failed),
            ),
            (Err(refused), Some(Outcome::Refused), None),
            (
                Err(DbError::AllInUse { address: address(), waited: Duration::ZERO }),
                Some(Outcome::Exhausted),
                None,
            ),
        ] {
            assert_eq!(outcome(Pool::Shared, &ended), of_service, "{ended:?}");
            assert_eq!(outcome(Pool::Staff, &ended), of_staff, "of the staff: {ended:?}");
        }
    }
}
