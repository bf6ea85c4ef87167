//! The states of a circuit breaker (Nygard, Release It!), without a clock and without a lock.
//!
//! Only what requests suffer opens it; any answer of the database closes it. A statement counts
//! only if it began after the breaker opened: what had waited before says nothing of the present.

use std::time::{Duration, Instant};

use telemetry::labels::BreakerState;

/// Failures in a row that open it.
pub(super) const MOST_FAILURES: u32 = 5;
/// For how long it refuses when it opens. Each failed probe doubles it.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(8);
/// One request is let through in this time, until a statement tells how the database is.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// How a statement of a request ended, as far as the database's health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The database answered, be it with a refusal.
    Answered,
    /// It answered on a connection that requests in general do not get.
    AnsweredElsewhere,
    /// It did not: it is away, or takes too long.
    Failed,
    /// It let nobody in as the user of requests in general.
    Refused,
    /// No connection became free in time. The next requests would wait as long for nothing.
    Exhausted,
}

/// When a statement began: before or after the breaker opened last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era(u64);

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    /// Nothing is let through until then.
    Open {
        until: Instant,
    },
    /// A probe is on its way. The next one is let through then.
    HalfOpen {
        next: Instant,
    },
}

/// A circuit breaker.
#[derive(Debug)]
pub(super) struct Circuit {
    state: State,
    /// Of the next opening.
    pause: Duration,
    /// Whether an answer elsewhere proves nothing: since it was closed last, no connection became
    /// free, or the server refused the user.
    needs_own_answer: bool,
    era: u64,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 }, pause: FIRST_PAUSE, needs_own_answer: false, era: 0 }
    }
}

impl Circuit {
    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether a request is let through.
    ///
    /// # Errors
    /// It is not: how long it is until the next one may be. Never zero.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let (State::Open { until: next } | State::HalfOpen { next }) = self.state else { return Ok(()) };
        if now < next {
            return Err(next - now);
        }
        self.state = State::HalfOpen { next: now + PROBE_INTERVAL };
        Ok(())
    }

    /// A statement begins.
    pub(super) fn begin(&self) -> Era {
        Era(self.era)
    }

    /// The statement of this era has ended.
    pub(super) fn ended(&mut self, era: Era, outcome: Outcome, now: Instant) {
        if era != self.begin() {
            return;
        }
        match (self.state, outcome) {
            // The server is well, but the next requests might wait all the same.
            (_, Outcome::AnsweredElsewhere) if self.needs_own_answer => {}
            (_, Outcome::Answered | Outcome::AnsweredElsewhere) => {
                *self = Self { era: self.era, ..Self::default() };
            }
            (State::Open { .. }, _) => {}
            (State::Closed { failures }, Outcome::Failed | Outcome::Refused)
                if failures + 1 < MOST_FAILURES =>
            {
                self.state = State::Closed { failures: failures + 1 };
                self.needs_own_answer |= outcome == Outcome::Refused;
            }
            (State::Closed { .. } | State::HalfOpen { .. }, _) => {
                self.state = State::Open { until: now + self.pause };
                self.pause = (self.pause * 2).min(MAX_PAUSE);
                self.needs_own_answer |= outcome != Outcome::Failed;
                self.era += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Pass(u64),
        Ask,
        Begin,
        End(Outcome),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let outcomes = [
            Outcome::Answered,
            Outcome::AnsweredElsewhere,
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Refused,
            Outcome::Exhausted,
        ];
        let act = prop_oneof![
            (0..3_000_u64).prop_map(Act::Pass),
            Just(Act::Ask),
            Just(Act::Begin),
            prop::sample::select(outcomes.to_vec()).prop_map(Act::End),
        ];
        prop::collection::vec(act, 0..300)
    }

    /// Opens it by failures in a row.
    fn opened(now: Instant) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..MOST_FAILURES {
            assert_eq!((circuit.state(), circuit.admit(now)), (BreakerState::Closed, Ok(())));
            circuit.ended(circuit.begin(), Outcome::Failed, now);
        }
        circuit
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_begins_the_count_anew() {
        let now = Instant::now();
        let mut circuit = Circuit::default();
        for _ in 0..10 {
            for _ in 1..MOST_FAILURES {
                circuit.ended(circuit.begin(), Outcome::Failed, now);
            }
            circuit.ended(circuit.begin(), Outcome::Answered, now);
        }
        assert_eq!(circuit.state(), BreakerState::Closed);
        assert_eq!(opened(now).admit(now), Err(FIRST_PAUSE));
    }

    #[test]
    fn one_hopeless_wait_opens_it() {
        let now = Instant::now();
        let mut circuit = Circuit::default();
        circuit.ended(circuit.begin(), Outcome::Exhausted, now);
        assert_eq!(circuit.state(), BreakerState::Open);
    }

    #[test]
    fn an_answer_elsewhere_proves_the_server_and_no_free_connection() {
        let now = Instant::now();
        let mut circuit = opened(now);
        circuit.ended(circuit.begin(), Outcome::AnsweredElsewhere, now);
        assert_eq!(circuit.state(), BreakerState::Closed);
        circuit.ended(circuit.begin(), Outcome::Exhausted, now);
        circuit.ended(circuit.begin(), Outcome::AnsweredElsewhere, now);
        assert_eq!(circuit.state(), BreakerState::Open);
        circuit.ended(circuit.begin(), Outcome::Answered, now);
        assert_eq!(circuit.state(), BreakerState::Closed);
    }

    #[test]
    fn a_refused_user_is_not_let_in_because_another_one_is() {
        let now = Instant::now();
        let mut circuit = Circuit::default();
        for _ in 0..MOST_FAILURES {
            circuit.ended(circuit.begin(), Outcome::Refused, now);
            circuit.ended(circuit.begin(), Outcome::AnsweredElsewhere, now);
        }
        assert_eq!(circuit.state(), BreakerState::Open);
        circuit.ended(circuit.begin(), Outcome::Answered, now);
        assert_eq!(circuit.state(), BreakerState::Closed);
    }

    #[test]
    fn pauses_grow_while_probes_fail() {
        let mut now = Instant::now();
        let mut circuit = opened(now);
        for seconds in [1, 2, 4, 8, 8, 8] {
            let pause = Duration::from_secs(seconds);
            assert_eq!(circuit.admit(now), Err(pause));
            now += pause;
            assert_eq!((circuit.admit(now), circuit.admit(now)), (Ok(()), Err(PROBE_INTERVAL)));
            circuit.ended(circuit.begin(), Outcome::Failed, now);
        }
        circuit.ended(circuit.begin(), Outcome::Answered, now);
        assert_eq!(circuit.admit(now), Ok(()), "whoever got an answer has proved it");
    }

    #[test]
    fn what_began_before_it_opened_does_not_count() {
        let now = Instant::now();
        let old = Circuit::default().begin();
        let mut circuit = opened(now);
        circuit.ended(old, Outcome::Answered, now);
        assert_eq!(circuit.state(), BreakerState::Open);
        let later = now + FIRST_PAUSE;
        assert_eq!(circuit.admit(later), Ok(()));
        circuit.ended(old, Outcome::Failed, later);
        assert_eq!(circuit.state(), BreakerState::HalfOpen);
    }

    proptest! {
        #[test]
        fn it_opens_only_for_a_reason_and_never_for_ever(acts in acts()) {
            let mut now = Instant::now();
            let mut circuit = Circuit::default();
            let mut begun = Vec::new();
            // Failures since the last answer, and when a request was let through last.
            let (mut failures, mut let_through) = (0, None::<Instant>);
            let mut needs_own_answer = false;
            for act in acts {
                let before = circuit.state();
                match act {
                    Act::Pass(milliseconds) => now += Duration::from_millis(milliseconds),
                    Act::Begin => begun.push(circuit.begin()),
                    Act::Ask => match circuit.admit(now) {
                        Ok(()) if before == BreakerState::Closed => {}
                        Ok(()) => {
                            prop_assert_eq!(circuit.state(), BreakerState::HalfOpen);
                            let last = let_through.replace(now);
                            prop_assert!(last.is_none_or(|last| now - last >= PROBE_INTERVAL));
                        }
                        Err(left) => {
                            prop_assert!(before != BreakerState::Closed);
                            prop_assert!(!left.is_zero() && left <= MAX_PAUSE);
                        }
                    },
                    Act::End(outcome) => {
                        let Some(era) = begun.pop() else { continue };
                        let counts = era == circuit.begin();
                        circuit.ended(era, outcome, now);
                        let after = circuit.state();
                        if !counts {
                            prop_assert_eq!(after, before);
                            continue;
                        }
                        match outcome {
                            Outcome::AnsweredElsewhere if needs_own_answer => {
                                prop_assert_eq!(after, before);
                            }
                            Outcome::Answered | Outcome::AnsweredElsewhere => {
                                prop_assert_eq!(after, BreakerState::Closed);
                                (failures, let_through, needs_own_answer) = (0, None, false);
                            }
                            Outcome::Failed | Outcome::Refused | Outcome::Exhausted => {
                                needs_own_answer |=
                                    outcome != Outcome::Failed && before != BreakerState::Open;
                                failures += 1;
                                let has_reason = outcome == Outcome::Exhausted
                                    || failures >= MOST_FAILURES
                                    || before != BreakerState::Closed;
                                prop_assert_eq!(after == BreakerState::Closed, !has_reason);
                            }
                        }
                    }
                }
                let mut later = Circuit { ..circuit };
                prop_assert_eq!(later.admit(now + MAX_PAUSE), Ok(()));
            }
        }
    }
}
