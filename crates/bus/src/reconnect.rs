//! Keeps a connection to RabbitMQ: opens the next one when one has failed.

use std::time::Duration;

use logging::{Log, action};
use runtime::{Backoff, FailedAttempt};
use telemetry::labels::To;
use telemetry::metrics::RECONNECTS;
use tokio::time::Instant;

use crate::session::SessionError;

/// A user of a connection.
pub(crate) trait Link {
    /// A connection, with what belongs to it.
    type Opened;

    /// The message of the log line after a failure.
    const FAILED: &'static str;

    /// Whether a connection that worked or lasted is followed by the next one without a pause.
    const AT_ONCE: bool;

    /// Makes a connection. `None` if none is needed any more.
    async fn connect(&mut self) -> Option<Result<Self::Opened, SessionError>>;

    /// Uses the connection until it fails or is not needed any more.
    async fn serve(&mut self, opened: Self::Opened) -> Served;

    /// Waits before the next attempt. `None` if no connection is needed any more.
    async fn rest(&mut self, pause: Duration) -> Option<()>;
}

/// How a connection was used.
#[derive(Debug)]
pub(crate) struct Served {
    /// Why it failed; it did not if it is not needed any more.
    pub(crate) end: Result<(), SessionError>,
    /// It proved itself: the pauses start over.
    pub(crate) worked: bool,
}

/// Makes one connection after the other and has each used, until none is needed any more. The
/// pauses between them grow, unless a connection worked or lasted.
pub(crate) async fn maintain<L: Link>(link: &mut L, log: &Log) {
    let mut backoff = Backoff::for_server();
    while let Some(opened) = link.connect().await {
        let (why, at_once) = match opened {
            Err(why) => (why, false),
            Ok(opened) => {
                let since = Instant::now();
                let Served { end, worked } = link.serve(opened).await;
                if worked {
                    backoff.reset();
                }
                let lasted = backoff.reset_if_lasted(since.elapsed());
                match end {
                    Ok(()) => return,
                    Err(why) => (why, L::AT_ONCE && (worked || lasted)),
                }
            }
        };
        let failed = if at_once {
            FailedAttempt { number: 1, retry_in: Some(Duration::ZERO) }
        } else {
            backoff.failed()
        };
        RECONNECTS.of(To::Rabbitmq).inc();
        failed.describe(log.error(action::RABBITMQ_CONNECTION_FAILED, L::FAILED, &why)).emit();
        if link.rest(failed.pause()).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::time::sleep;

    use super::*;

    /// What a connection of the model does.
    #[derive(Clone, Copy)]
    enum Course {
        Refused,
        Fails { after: Duration, worked: bool },
        IsDone,
    }

    struct Model {
        courses: VecDeque<Course>,
        pauses: Vec<Duration>,
        rests: usize,
    }

    impl Model {
        async fn maintained(courses: impl IntoIterator<Item = Course>, rests: usize) -> Self {
            let (log, _flush) = logging::start_on("test", logging::Level::Error, std::io::sink());
            let mut model = Self { courses: courses.into_iter().collect(), pauses: Vec::new(), rests };
            maintain(&mut model, &log).await;
            model
        }
    }

    impl Link for Model {
        type Opened = Course;

        const FAILED: &'static str = "No connection";
        const AT_ONCE: bool = true;

        async fn connect(&mut self) -> Option<Result<Course, SessionError>> {
            match self.courses.pop_front()? {
                Course::Refused => Some(Err(SessionError::AllRefused(String::new()))),
                course => Some(Ok(course)),
            }
        }

        async fn serve(&mut self, opened: Course) -> Served {
            match opened {
                Course::Fails { after, worked } => {
                    sleep(after).await;
                    Served { end: Err(SessionError::AllRefused(String::new())), worked }
                }
                _ => Served { end: Ok(()), worked: true },
            }
        }

        async fn rest(&mut self, pause: Duration) -> Option<()> {
            self.pauses.push(pause);
            self.rests = self.rests.checked_sub(1)?;
            Some(())
        }
    }

    fn fails(after: u64, worked: bool) -> Course {
        Course::Fails { after: Duration::from_secs(after), worked }
    }

    fn is_about(pause: Duration, bound: u64) -> bool {
        let bound = Duration::from_millis(bound);
        pause >= bound / 2 && pause <= bound
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_as_long_as_nothing_works() {
        let opened_and_failed = fails(0, false);
        let courses = [Course::Refused, opened_and_failed, Course::Refused, opened_and_failed];
        let pauses = Model::maintained(courses, 9).await.pauses;
        for (pause, bound) in pauses.iter().zip([100, 200, 400, 800]) {
            assert!(is_about(*pause, bound), "{pauses:?}");
        }
        assert_eq!(pauses.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_connection_that_worked_or_lasted_the_next_one_comes_at_once() {
        for good in [fails(0, true), fails(60, false)] {
            let pauses =
                Model::maintained([Course::Refused, Course::Refused, good, Course::Refused], 9).await.pauses;
            assert_eq!(pauses[2], Duration::ZERO);
            assert!(is_about(pauses[3], 100), "{pauses:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_no_connection_is_needed_any_more() {
        let served = Model::maintained([Course::Refused, Course::IsDone, Course::Refused], 9).await;
        assert_eq!((served.pauses.len(), served.courses.len()), (1, 1));
        let rested = Model::maintained([Course::Refused, Course::Refused, Course::Refused], 1).await;
        assert_eq!((rested.pauses.len(), rested.courses.len()), (2, 1));
    }
}
