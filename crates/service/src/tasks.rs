//! The tasks of a process. Each has an owner and a name, and each is watched: one that ends too
//! early ends the process.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use runtime::Shutdown;
use tokio::task::{JoinHandle, JoinSet};

/// A task ended that nobody had asked to end. If it panicked, the log has the panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task that {does} ended unasked")]
pub struct TaskEnded {
    /// What the task does, such as `answers requests`.
    pub does: &'static str,
}

/// Tasks that run side by side, in the order in which they were added. Dropping the group aborts
/// those that still run.
///
/// `E` is what the process fails with. A task that fails says why; one that just ends, or panics,
/// is a [`TaskEnded`].
#[derive(Debug)]
pub struct Tasks<E> {
    running: Vec<Task<E>>,
}

#[derive(Debug)]
struct Task<E> {
    does: &'static str,
    handles: Handles<E>,
}

#[derive(Debug)]
enum Handles<E> {
    Own(JoinHandle<Result<(), E>>),
    Adopted(JoinHandle<()>),
    /// It ends with the first of them.
    Set(JoinSet<()>),
}

impl<E> Handles<E> {
    /// The end of the task, or of the first of a set. `None` after a panic.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<(), E>>> {
        match self {
            Self::Own(handle) => Pin::new(handle).poll(context).map(Result::ok),
            Self::Adopted(handle) => Pin::new(handle).poll(context).map(|ended| ended.ok().map(Ok)),
            Self::Set(set) => set.poll_join_next(context).map(|ended| match ended {
                Some(Err(_)) => None,
                Some(Ok(())) | None => Some(Ok(())),
            }),
        }
    }

    /// The end of all of them. `None` after a panic; of a set, the log has it.
    fn poll_all(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<(), E>>> {
        if let Self::Set(set) = self {
            while ready!(set.poll_join_next(context)).is_some() {}
            return Poll::Ready(Some(Ok(())));
        }
        self.poll_end(context)
    }

    fn abort(&mut self) {
        match self {
            Self::Own(handle) => handle.abort(),
            Self::Adopted(handle) => handle.abort(),
            Self::Set(set) => set.abort_all(),
        }
    }
}

impl<E> Drop for Handles<E> {
    fn drop(&mut self) {
        self.abort();
    }
}

/// The end of a task that should still run.
#[derive(Debug)]
pub struct Ended<E> {
    /// What the task does.
    pub does: &'static str,
    /// Why it ended.
    pub why: E,
}

impl<E: From<TaskEnded> + Send + 'static> Tasks<E> {
    /// Without tasks.
    pub fn new() -> Self {
        Self { running: Vec::new() }
    }

    /// Starts a task. What it does is its name.
    pub fn spawn(&mut self, does: &'static str, task: impl Future<Output = Result<(), E>> + Send + 'static) {
        self.running.push(Task { does, handles: Handles::Own(tokio::spawn(task)) });
    }

    /// Takes over a task that runs already.
    pub fn adopt(&mut self, does: &'static str, task: JoinHandle<()>) {
        self.running.push(Task { does, handles: Handles::Adopted(task) });
    }

    /// Takes over several that do the same: the first that ends stands for all.
    pub fn adopt_set(&mut self, does: &'static str, tasks: JoinSet<()>) {
        self.running.push(Task { does, handles: Handles::Set(tasks) });
    }

    /// Waits until one of them ends, which no longer belongs to the group then. Without tasks it
    /// waits for ever. It is safe to give up waiting.
    pub async fn ended(&mut self) -> Ended<E> {
        poll_fn(|context| {
            let ended = self.running.iter_mut().enumerate().find_map(|(place, task)| {
                match task.handles.poll_end(context) {
                    Poll::Ready(end) => Some((place, end)),
                    Poll::Pending => None,
                }
            });
            let Some((place, end)) = ended else { return Poll::Pending };
            let does = self.running.remove(place).does;
            let why = match end {
                Some(Err(why)) => why,
                Some(Ok(())) | None => TaskEnded { does }.into(),
            };
            Poll::Ready(Ended { does, why })
        })
        .await
    }

    /// Waits for a task that has been asked to end. One that ended before, as [`Tasks::ended`] has
    /// said, is not waited for.
    ///
    /// # Errors
    /// It failed, or panicked.
    pub async fn join(&mut self, does: &'static str) -> Result<(), E> {
        let Some(place) = self.running.iter().position(|task| task.does == does) else { return Ok(()) };
        let end = poll_fn(|context| match self.running.get_mut(place) {
            Some(task) => task.handles.poll_all(context),
            None => Poll::Ready(Some(Ok(()))),
        })
        .await;
        self.running.remove(place);
        end.unwrap_or_else(|| Err(TaskEnded { does }.into()))
    }

    /// As [`Tasks::join`], for as long as more than `reserve` is left of the grace. `None` if the
    /// task took longer: it is aborted then.
    pub async fn join_within_grace(
        &mut self,
        does: &'static str,
        shutdown: &Shutdown,
        reserve: Duration,
    ) -> Option<Result<(), E>> {
        let joined = shutdown.within_grace(reserve, self.join(does)).await;
        if joined.is_none() {
            self.running.retain(|task| task.does != does);
        }
        joined
    }

    /// Aborts a task, and waits until it is gone: what it waited for is given up by then.
    pub async fn stop(&mut self, does: &'static str) {
        for task in self.running.iter_mut().filter(|task| task.does == does) {
            task.handles.abort();
        }
        // A task that was aborted has nothing to say.
        let _ = self.join(does).await;
    }
}

impl<E: From<TaskEnded> + Send + 'static> Default for Tasks<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a task of a test may panic")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[derive(Debug, PartialEq, Eq, thiserror::Error)]
    enum Failed {
        #[error("no port")]
        NoPort,
        #[error(transparent)]
        TaskEnded(#[from] TaskEnded),
    }

    fn group() -> Tasks<Failed> {
        let mut tasks = Tasks::new();
        tasks.spawn("lives", std::future::pending());
        tasks
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_that_ends_is_named_with_what_it_says() {
        let mut tasks = group();
        tasks.spawn("serves", async {
            sleep(SECOND).await;
            Err(Failed::NoPort)
        });
        tasks.spawn("ends", async {
            sleep(SECOND * 2).await;
            Ok(())
        });
        tasks.adopt("is adopted", tokio::spawn(async { sleep(SECOND * 3).await }));
        let mut set = JoinSet::new();
        set.spawn(std::future::pending());
        set.spawn(async {
            sleep(SECOND * 4).await;
            panic!("one of two");
        });
        tasks.adopt_set("keeps", set);
        // Giving up waiting loses nothing.
        assert!(tokio::time::timeout(SECOND / 2, tasks.ended()).await.is_err());
        for (does, why) in [
            ("serves", Failed::NoPort),
            ("ends", TaskEnded { does: "ends" }.into()),
            ("is adopted", TaskEnded { does: "is adopted" }.into()),
            ("keeps", TaskEnded { does: "keeps" }.into()),
        ] {
            let ended = tasks.ended().await;
            assert_eq!((ended.does, ended.why), (does, why));
            assert_eq!(tasks.join(does).await, Ok(()), "what was said is not said again");
        }
        assert!(tokio::time::timeout(SECOND * 60, tasks.ended()).await.is_err(), "the other lives");
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_are_joined_by_name_and_aborted_when_the_grace_is_over() {
        let shutdown = Shutdown::within(Some(SECOND * 10));
        let mut tasks = group();
        let asked = shutdown.clone();
        tasks.spawn("stores", async move {
            asked.begun().await;
            sleep(SECOND * 2).await;
            Err(Failed::NoPort)
        });
        let mut set = JoinSet::new();
        for seconds in [1, 3] {
            set.spawn(sleep(SECOND * seconds));
        }
        tasks.adopt_set("keeps", set);
        shutdown.begin();
        assert_eq!(tasks.join_within_grace("keeps", &shutdown, SECOND * 5).await, Some(Ok(())));
        assert_eq!(tasks.join_within_grace("stores", &shutdown, SECOND * 5).await, Some(Err(Failed::NoPort)));
        assert_eq!(tasks.join_within_grace("lives", &shutdown, SECOND * 5).await, None);
        assert_eq!(tasks.join("lives").await, Ok(()), "it is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stopped_or_dropped_is_gone() {
        struct Gone(Arc<AtomicBool>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let flags = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let [stopped, of_a_set, dropped] = flags.clone().map(|flag| {
            let gone = Gone(flag);
            async move {
                let _gone = gone;
                std::future::pending::<()>().await;
            }
        });
        let mut tasks = group();
        tasks.adopt("is stopped", tokio::spawn(stopped));
        let mut set = JoinSet::new();
        set.spawn(of_a_set);
        tasks.adopt_set("is stopped, too", set);
        tasks.adopt("is dropped", tokio::spawn(dropped));
        tokio::task::yield_now().await;
        let gone = || flags.each_ref().map(|flag| flag.load(Ordering::Relaxed));
        assert_eq!(gone(), [false; 3]);
        tasks.stop("is stopped").await;
        tasks.stop("is stopped, too").await;
        assert_eq!(gone(), [true, true, false]);
        drop(tasks);
        sleep(SECOND).await;
        assert_eq!(gone(), [true; 3]);
    }
}
