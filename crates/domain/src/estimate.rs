//! When an order will be ready: a range, from the orders ahead of it and the pace of the kitchen.

use std::time::Duration;

/// Orders that must have been finished lately, so that their pace says something.
const ENOUGH: u32 = 3;

/// How fast the kitchen finished orders of one type in the last minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Orders that were finished.
    pub finished: u32,
    /// In how much time.
    pub within: Duration,
    /// How long each cooked: one of ten took less than this,
    pub quick: Duration,
    /// half of them,
    pub usual: Duration,
    /// and nine of ten.
    pub slow: Duration,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for a cook.
    Waiting {
        /// Orders of its type that go before it.
        ahead: u32,
    },
    /// It cooks.
    Cooking {
        /// For so long.
        so_far: Duration,
    },
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// From orders that were finished in the last minutes.
    Measured,
    /// From the configured cooking times.
    Configured,
}

/// The time until an order is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Hardly before that.
    pub earliest: Duration,
    /// Hardly after that. Never before `earliest`.
    pub latest: Duration,
    /// Where it comes from.
    pub basis: Basis,
}

impl Basis {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Configured => "configured",
        }
    }
}

/// Estimates from the measured pace, or from the `configured` cooking time if too few orders were
/// finished lately.
///
/// An order waits for as long as the kitchen needs for those ahead of it, at the measured rate. A
/// kitchen that has little to do finishes few orders because few come: whoever waits for one order
/// waits no longer than that one cooks. The range is a quarter around the wait, and from a quick
/// dish to a slow one.
pub fn estimate(progress: Progress, pace: Option<Pace>, configured: Duration) -> Estimate {
    let measured = pace.filter(|pace| pace.finished >= ENOUGH);
    let basis = if measured.is_some() { Basis::Measured } else { Basis::Configured };
    let (quick, slow, interval) = match measured {
        Some(Pace { finished, within, quick, usual, slow }) => (quick, slow, (within / finished).min(usual)),
        // As if one cook did it all.
        None => (configured, configured + configured / 4, configured),
    };
    let (earliest, latest) = match progress {
        Progress::Waiting { ahead } => {
            let wait = interval.saturating_mul(ahead);
            let next = wait.saturating_add(interval);
            (
                (wait / 4).saturating_mul(3).saturating_add(quick),
                (next / 4).saturating_mul(5).saturating_add(slow),
            )
        }
        Progress::Cooking { so_far } => {
            let latest = slow.saturating_sub(so_far);
            // It takes longer than others did: it may still take a part of what they took.
            let latest = if latest.is_zero() { slow / 4 } else { latest };
            (quick.saturating_sub(so_far), latest)
        }
    };
    Estimate { earliest, latest: latest.max(earliest), basis }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIGURED: Duration = Duration::from_secs(10);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn pace(finished: u32, within: u64) -> Pace {
        let (quick, usual, slow) = (seconds(60), seconds(120), seconds(240));
        Pace { finished, within: seconds(within), quick, usual, slow }
    }

    #[test]
    fn who_waits_waits_for_those_ahead_at_the_measured_rate() {
        // One each 20 s.
        let of = |ahead| estimate(Progress::Waiting { ahead }, Some(pace(30, 600)), CONFIGURED);
        assert_eq!(of(0), Estimate { earliest: seconds(60), latest: seconds(265), basis: Basis::Measured });
        let tenth = Estimate { earliest: seconds(210), latest: seconds(515), basis: Basis::Measured };
        assert_eq!(of(10), tenth);
    }

    #[test]
    fn a_kitchen_with_little_to_do_is_not_slow() {
        let idle = estimate(Progress::Waiting { ahead: 1 }, Some(pace(3, 600)), CONFIGURED);
        assert_eq!(idle.earliest, seconds(150), "not a quarter less than 200 s of waiting");
    }

    #[test]
    fn while_it_cooks_the_range_shrinks_and_ends_with_now() {
        let of =
            |so_far| estimate(Progress::Cooking { so_far: seconds(so_far) }, Some(pace(30, 600)), CONFIGURED);
        let range = |so_far| (of(so_far).earliest.as_secs(), of(so_far).latest.as_secs());
        assert_eq!([range(0), range(100), range(239), range(500)], [(60, 240), (0, 140), (0, 1), (0, 60)]);
    }

    #[test]
    fn without_measurements_it_comes_from_the_configured_time() {
        for pace in [None, Some(pace(2, 600))] {
            let first = estimate(Progress::Waiting { ahead: 0 }, pace, CONFIGURED);
            assert_eq!((first.earliest, first.latest), (CONFIGURED, seconds(25)));
            assert_eq!(first.basis, Basis::Configured);
            let cooking = estimate(Progress::Cooking { so_far: seconds(4) }, pace, CONFIGURED);
            assert_eq!((cooking.earliest, cooking.latest), (seconds(6), Duration::from_millis(8_500)));
        }
    }

    proptest! {
        #[test]
        fn more_ahead_is_never_sooner_and_a_range_has_two_ends(
            ahead in 0..u32::MAX - 1, finished in 0..1_000_u32, within in 0..10_000_u64, so_far in 0..u64::MAX
        ) {
            let pace = Some(pace(finished, within));
            let here = estimate(Progress::Waiting { ahead }, pace, CONFIGURED);
            let behind = estimate(Progress::Waiting { ahead: ahead + 1 }, pace, CONFIGURED);
            prop_assert!(here.earliest <= behind.earliest && here.latest <= behind.latest);
            let cooking = estimate(Progress::Cooking { so_far: seconds(so_far) }, pace, CONFIGURED);
            for estimate in [here, cooking] {
                prop_assert!(estimate.earliest <= estimate.latest);
            }
        }
    }
}
