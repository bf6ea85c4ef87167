//! Checks that times fit each other: for cooking, for a claim, for stopping, and for the
//! supervisor's stop timeout.

use std::time::Duration;

use config::{Config, CookingSeconds};
use deadlines::stop::{LAST_STEPS, MARGIN, OVERTIME};
use domain::ServiceName;
use runtime::Exit;

use super::Services;
use crate::view::verdict::Verdict;

/// The longest heartbeat interval that workers accept, in seconds.
const MOST_HEARTBEAT: u64 = 3_600;

/// Times that the configuration does not contain, because they are set where the services are
/// started.
#[derive(Clone, Copy, Debug)]
pub struct Deployment {
    /// The workers' heartbeat interval in seconds.
    heartbeat: u64,
    /// How long a service may take to stop before it is killed.
    stop_timeout: Duration,
}

impl Deployment {
    /// Both arguments in seconds.
    pub fn new(heartbeat: u64, stop_timeout: u32) -> Result<Self, Exit> {
        if !(1..=MOST_HEARTBEAT).contains(&heartbeat) {
            let allowed = format!("allowed: 1 to {MOST_HEARTBEAT}");
            return Err(Exit::Usage(format!("--heartbeat-interval is {heartbeat} ({allowed})")));
        }
        Ok(Self { heartbeat, stop_timeout: Duration::from_secs(stop_timeout.into()) })
    }
}

/// Runs all checks. None of them asks a server.
pub fn check(config: &Config, services: &Services, deployment: Deployment) -> Vec<Verdict> {
    let (grace, cooking) = (config.shutdown.grace_seconds, &config.kitchen.cooking_seconds);
    let mut verdicts = Vec::new();
    if services.contain(ServiceName::Kitchen) {
        verdicts.push(time_to_cook(cooking, grace));
        verdicts.push(claim_lease(cooking, deployment.heartbeat));
    }
    verdicts.push(time_to_stop(grace, deployment.stop_timeout));
    verdicts
}

/// A worker finishes the orders in progress before it stops, as far as its grace period allows.
fn time_to_cook(cooking: &CookingSeconds, grace: Duration) -> Verdict {
    let check = "time_to_cook";
    let has = grace.saturating_sub(LAST_STEPS);
    let longest = longest(cooking);
    if longest <= has {
        let found =
            format!("a worker that stops has {} for its orders, which take {}", text(has), text(longest));
        return Verdict::ok(check, found);
    }
    let needed = whole_seconds(longest + LAST_STEPS);
    Verdict::warn(
        check,
        format!(
            "a worker that stops has {} for its orders, and {}",
            text(has),
            those_beyond(cooking, |time| time > has)
        ),
        format!(
            "set shutdown.grace_seconds (SHUTDOWN_GRACE_SECONDS) to {needed} or more, or lower kitchen.cooking_seconds; otherwise \
             another worker begins such orders anew"
        ),
    )
}

/// A claim that is not renewed, for example during an outage of the database, should last until the
/// order is ready.
fn claim_lease(cooking: &CookingSeconds, heartbeat: u64) -> Verdict {
    let check = "claim_lease";
    let lease = deadlines::lease(Duration::from_secs(heartbeat));
    let longest = longest(cooking);
    if longest < lease {
        let found =
            format!("a claim holds for {} without a heartbeat, orders take {}", text(lease), text(longest));
        return Verdict::ok(check, found);
    }
    let needed = longest.as_secs() / 2 + 1;
    let lower = "lower kitchen.cooking_seconds";
    let mend = if needed <= MOST_HEARTBEAT {
        format!("start the workers with --heartbeat-interval={needed} or more, or {lower}")
    } else {
        lower.to_owned()
    };
    Verdict::warn(
        check,
        format!(
            "a claim holds for {} without a heartbeat (2 × --heartbeat-interval), and {}",
            text(lease),
            those_beyond(cooking, |time| time >= lease)
        ),
        format!(
            "{mend}; otherwise another worker starts such orders again if a worker cannot reach the database in the meantime"
        ),
    )
}

/// A service that is killed during its shutdown abandons orders and leaves clients without a
/// response.
fn time_to_stop(grace: Duration, stop_timeout: Duration) -> Verdict {
    let check = "time_to_stop";
    let takes = grace + OVERTIME;
    let found = format!("a service takes up to {} to stop, and is given {}", text(takes), text(stop_timeout));
    if stop_timeout > takes {
        return Verdict::ok(check, found);
    }
    let needed = whole_seconds(takes + MARGIN);
    Verdict::warn(
        check,
        found,
        format!(
            "set terminationGracePeriodSeconds (Kubernetes; what a preStop hook takes comes on top) or stop_grace_period (Compose) to \
             {needed} and tell it with --time-to-stop={needed}, or lower shutdown.grace_seconds (SHUTDOWN_GRACE_SECONDS)"
        ),
    )
}

fn times(cooking: &CookingSeconds) -> [(&'static str, Duration); 3] {
    [("dine_in", cooking.dine_in), ("takeout", cooking.takeout), ("delivery", cooking.delivery)]
}

fn longest(cooking: &CookingSeconds) -> Duration {
    cooking.dine_in.max(cooking.takeout).max(cooking.delivery)
}

fn those_beyond(cooking: &CookingSeconds, is_beyond: impl Fn(Duration) -> bool) -> String {
    let those = times(cooking).into_iter().filter(|(_, time)| is_beyond(*time));
    those.map(|(name, time)| format!("{name} takes {}", text(time))).collect::<Vec<_>>().join(", ")
}

fn text(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// Rounded up: a setting in whole seconds must not be too short.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::verdict::Outcome;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn cooking(delivery: f64) -> CookingSeconds {
        CookingSeconds { delivery: seconds(delivery), ..CookingSeconds::default() }
    }

    #[test]
    fn what_is_built_in_fits() {
        let all = Services(ServiceName::ALL.to_vec());
        let verdicts = check(&Config::default(), &all, Deployment::new(30, 30).unwrap());
        let outcomes: Vec<_> = verdicts.iter().map(|verdict| (&*verdict.check, verdict.outcome)).collect();
        let ok = Outcome::Ok;
        assert_eq!(outcomes, [("time_to_cook", ok), ("claim_lease", ok), ("time_to_stop", ok)]);
        let order = Services(vec![ServiceName::Order]);
        assert_eq!(check(&Config::default(), &order, Deployment::new(30, 30).unwrap()).len(), 1);
    }

    #[test]
    fn what_does_not_fit_begins_right_behind_the_limit() {
        let outcome = |verdict: Verdict| verdict.outcome;
        let grace = seconds(25.0);
        assert_eq!(outcome(time_to_cook(&cooking(15.0), grace)), Outcome::Ok);
        assert_eq!(outcome(time_to_cook(&cooking(15.1), grace)), Outcome::Warn);
        assert_eq!(outcome(claim_lease(&cooking(59.9), 30)), Outcome::Ok);
        assert_eq!(outcome(claim_lease(&cooking(60.0), 30)), Outcome::Warn);
        assert_eq!(outcome(time_to_stop(grace, seconds(28.0))), Outcome::Ok);
        assert_eq!(outcome(time_to_stop(grace, seconds(27.0))), Outcome::Warn);
    }

    #[test]
    fn what_is_advised_fits() {
        for delivery in [15.1, 60.0, 61.5, 7_199.9] {
            let advised = |verdict: &Verdict, word: &str| {
                let (_, number) = verdict.to_do.split_once(word).unwrap();
                number.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u64>().unwrap()
            };
            let cooking = cooking(delivery);
            let verdict = time_to_cook(&cooking, seconds(25.0));
            let grace = Duration::from_secs(advised(&verdict, "(SHUTDOWN_GRACE_SECONDS) to "));
            assert_eq!(time_to_cook(&cooking, grace).outcome, Outcome::Ok, "{}", verdict.to_do);
            let verdict = claim_lease(&cooking, 5);
            let heartbeat = advised(&verdict, "--heartbeat-interval=");
            assert_eq!(claim_lease(&cooking, heartbeat).outcome, Outcome::Ok, "{}", verdict.to_do);
            let verdict = time_to_stop(grace, Duration::ZERO);
            let stop_timeout = Duration::from_secs(advised(&verdict, "--time-to-stop="));
            assert_eq!(time_to_stop(grace, stop_timeout).outcome, Outcome::Ok, "{}", verdict.to_do);
        }
    }

    #[test]
    fn no_advice_is_given_that_is_refused() {
        let verdict = claim_lease(&cooking(7_200.0), 30);
        assert!(!verdict.to_do.contains("--heartbeat-interval"), "{}", verdict.to_do);
        assert!(Deployment::new(0, 30).is_err() && Deployment::new(3_601, 30).is_err());
    }
}
