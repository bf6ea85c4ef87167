//! The circuit breaker in front of the database: requests from outside are refused at once while
//! the database cannot answer them, rather than after a wait.
//!
//! It watches the statements of a service on the shared connections. What waits in the background
//! is never refused: it tries again by itself, and its success closes the breaker.

mod circuit;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use logging::{Log, action};
use telemetry::labels::{BreakerState, Label as _};
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
pub(crate) struct Watched(Era);

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

    /// A statement begins.
    pub(crate) fn begin(&self) -> Watched {
        Watched(self.lock().begin())
    }

    /// The statement has ended. Failures count only if a request suffers them.
    pub(crate) fn ended<T>(&self, watched: Watched, ended: &Result<T, DbError>, of_request: bool) {
        let outcome = outcome(ended);
        if outcome != Outcome::Answered && !of_request {
            return;
        }
        let mut circuit = self.lock();
        let before = circuit.state();
        circuit.ended(watched.0, outcome, Instant::now());
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
                    Outcome::Failed | Outcome::Answered => format!(
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

/// What an end says of the database: an error that it reports at once is an answer.
fn outcome<T>(ended: &Result<T, DbError>) -> Outcome {
    let failed = match ended {
        Err(DbError::AllInUse { .. }) => return Outcome::Exhausted,
        Ok(_) | Err(DbError::UnexpectedValue(_)) => false,
        Err(
            DbError::Unreachable { .. }
            | DbError::Refused { .. }
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
    if failed { Outcome::Failed } else { Outcome::Answered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect_error::ConnectError;

    #[test]
    fn what_the_database_says_at_once_is_an_answer() {
        let address = || "127.0.0.1:5432".into();
        for (ended, expected) in [
            (Ok(()), Outcome::Answered),
            (Err(DbError::unexpected("infinity")), Outcome::Answered),
            (Err(DbError::Timeout(Duration::from_secs(1))), Outcome::Failed),
            (Err(DbError::Unreachable { address: address(), why: ConnectError::NoAnswer }), Outcome::Failed),
            (Err(DbError::AllInUse { address: address(), waited: Duration::ZERO }), Outcome::Exhausted),
        ] {
            assert_eq!(outcome(&ended), expected, "{ended:?}");
        }
    }
}
