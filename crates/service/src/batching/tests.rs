//! The batcher's promises, on a statement that runs when the test lets it.

use std::sync::PoisonError;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Requests of this number and above are left out of statements for many.
const LEFT_OUT: u32 = 100;

const ONE_LANE: Limits = Limits { together: 4, lanes: 1, alone: 2, pace: Duration::ZERO };

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Refused,
    Lost,
}

/// Answers a number with its double.
struct Doubling {
    /// A permit for each statement that may end.
    gate: Semaphore,
    /// What was run, in the order in which it began.
    runs: std::sync::Mutex<Vec<(Vec<u32>, Mode)>>,
    refused: u32,
    is_lost: bool,
}

impl Statement for Arc<Doubling> {
    const BATCH: Batch = Batch::LookUp;

    type Request = u32;
    type Answer = u32;
    type Error = Fault;

    async fn run(&self, requests: &[u32], mode: Mode) -> Result<Vec<Option<u32>>, Fault> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push((requests.to_vec(), mode));
        self.gate.acquire().await.unwrap().forget();
        assert!(!requests.contains(&u32::MAX), "a statement that panics");
        if self.is_lost {
            return Err(Fault::Lost);
        }
        if requests.contains(&self.refused) {
            return Err(Fault::Refused);
        }
        let answer = |request: &u32| (mode == Mode::Alone || *request < LEFT_OUT).then_some(request * 2);
        Ok(requests.iter().map(answer).collect())
    }

    fn is_refusal(why: &Fault) -> bool {
        *why == Fault::Refused
    }
}

type Asking = JoinHandle<Result<u32, BatchError<Fault>>>;

struct Scene {
    statement: Arc<Doubling>,
    batcher: Batcher<Arc<Doubling>>,
    tasks: JoinSet<()>,
}

impl Scene {
    fn new(limits: Limits, refused: u32, is_lost: bool) -> Self {
        let runs = std::sync::Mutex::default();
        let statement = Arc::new(Doubling { gate: Semaphore::new(0), runs, refused, is_lost });
        let mut tasks = JoinSet::new();
        let batcher = Batcher::start(limits, Arc::clone(&statement), &mut tasks);
        Self { statement, batcher, tasks }
    }

    fn open(limits: Limits) -> Self {
        Self::new(limits, 0, false)
    }

    /// Asks, and lets everything happen that can.
    async fn ask(&self, request: u32) -> Asking {
        let batcher = self.batcher.clone();
        let asking = tokio::spawn(async move { batcher.ask(request).await });
        settle_down().await;
        asking
    }

    /// Lets so many statements end.
    async fn let_end(&self, statements: usize) {
        self.statement.gate.add_permits(statements);
        settle_down().await;
    }

    fn together(&self) -> Vec<Vec<u32>> {
        self.runs_in(Mode::Together)
    }

    fn alone(&self) -> Vec<Vec<u32>> {
        self.runs_in(Mode::Alone)
    }

    fn runs_in(&self, wanted: Mode) -> Vec<Vec<u32>> {
        let runs = self.statement.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.iter().filter(|(_, mode)| *mode == wanted).map(|(requests, _)| requests.clone()).collect()
    }
}

/// The clock is paused: it goes on when no task can.
async fn settle_down() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn answer(asking: Asking) -> u32 {
    asking.await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lone_request_is_carried_out_at_once() {
    let scene = Scene::open(ONE_LANE);
    scene.statement.gate.add_permits(1);
    let start = tokio::time::Instant::now();
    assert_eq!(scene.batcher.ask(7).await.unwrap(), 14);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(scene.together(), [[7]]);
}

#[tokio::test(start_paused = true)]
async fn what_queues_up_shares_the_next_statements_and_each_hears_its_own_answer() {
    let scene = Scene::open(ONE_LANE);
    let mut asking = Vec::new();
    for request in 1..=6 {
        asking.push(scene.ask(request).await);
    }
    assert_eq!(scene.together(), [[1]]);
    scene.let_end(1).await;
    assert_eq!(scene.together(), [vec![1], vec![2, 3, 4, 5]]);
    scene.let_end(2).await;
    assert_eq!(scene.together(), [vec![1], vec![2, 3, 4, 5], vec![6]]);
    for (request, asking) in (1..).zip(asking) {
        assert_eq!(answer(asking).await, request * 2);
    }
}

#[tokio::test(start_paused = true)]
async fn at_a_pace_what_comes_between_two_statements_shares_the_second_one() {
    let scene = Scene::open(Limits { pace: Duration::from_millis(100), ..ONE_LANE });
    scene.statement.gate.add_permits(2);
    assert_eq!(answer(scene.ask(1).await).await, 2);
    let (second, third) = (scene.ask(2).await, scene.ask(3).await);
    assert_eq!(scene.together(), [[1]], "the next one is still to begin");
    assert_eq!((answer(second).await, answer(third).await), (4, 6));
    assert_eq!(scene.together(), [vec![1], vec![2, 3]]);
}

#[tokio::test(start_paused = true)]
async fn no_more_statements_run_at_once_than_there_are_lanes() {
    let scene = Scene::open(Limits { lanes: 2, ..ONE_LANE });
    let mut asking = Vec::new();
    for request in 1..=4 {
        asking.push(scene.ask(request).await);
    }
    assert_eq!(scene.together(), [[1], [2]]);
    scene.let_end(1).await;
    assert_eq!(scene.together(), [vec![1], vec![2], vec![3, 4]]);
    scene.let_end(2).await;
    for (request, asking) in (1..).zip(asking) {
        assert_eq!(answer(asking).await, request * 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_together_is_carried_out_one_by_one() {
    let scene = Scene::new(ONE_LANE, 3, false);
    let mut asking = Vec::new();
    for request in 1..=4 {
        asking.push(scene.ask(request).await);
    }
    scene.let_end(2).await;
    assert_eq!(scene.together(), [vec![1], vec![2, 3, 4]]);
    scene.let_end(3).await;
    assert_eq!(scene.alone(), [[2], [3], [4]]);
    for (request, asking) in (1..).zip(asking) {
        match asking.await.unwrap() {
            Ok(answer) => assert_eq!((answer, request != 3), (request * 2, true)),
            Err(BatchError::Failed(why)) => assert_eq!((&*why, request), (&Fault::Refused, 3)),
            Err(BatchError::Ended) => panic!("{request} got no answer"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_request_that_is_refused_is_not_repeated() {
    let scene = Scene::new(ONE_LANE, 3, false);
    scene.statement.gate.add_permits(1);
    assert!(matches!(scene.batcher.ask(3).await, Err(BatchError::Failed(_))));
    assert_eq!((scene.together(), scene.alone()), (vec![vec![3]], Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_concerns_all_is_told_to_all() {
    let scene = Scene::new(ONE_LANE, 0, true);
    let mut asking = Vec::new();
    for request in 1..=3 {
        asking.push(scene.ask(request).await);
    }
    scene.let_end(2).await;
    for asking in asking {
        let Err(BatchError::Failed(why)) = asking.await.unwrap() else { panic!("it is lost") };
        assert_eq!(*why, Fault::Lost);
    }
    assert_eq!((scene.together(), scene.alone()), (vec![vec![1], vec![2, 3]], Vec::new()));
}

/// What is left out may wait for long, and holds up neither its neighbours nor the next batch.
#[tokio::test(start_paused = true)]
async fn what_is_left_out_is_carried_out_alone_beside_the_lane() {
    let scene = Scene::open(ONE_LANE);
    let mut asking = vec![scene.ask(1).await];
    for request in [100, 2, 101, 102] {
        asking.push(scene.ask(request).await);
    }
    scene.let_end(2).await;
    assert_eq!(answer(asking.remove(0)).await, 2);
    assert_eq!(answer(asking.remove(1)).await, 4);
    // No more of them at once than the limits allow.
    assert_eq!(scene.alone(), [[100], [101]]);
    asking.push(scene.ask(3).await);
    assert_eq!(scene.together(), [vec![1], vec![100, 2, 101, 102], vec![3]]);
    scene.let_end(4).await;
    assert_eq!(scene.alone(), [[100], [101], [102]]);
    for (expected, asking) in [200, 202, 204, 6].into_iter().zip(asking) {
        assert_eq!(answer(asking).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_carried_out() {
    let scene = Scene::open(ONE_LANE);
    let first = scene.ask(1).await;
    let [left, gone, also_left] = [scene.ask(2).await, scene.ask(3).await, scene.ask(100).await];
    gone.abort();
    settle_down().await;
    scene.let_end(1).await;
    assert_eq!(scene.together(), [vec![1], vec![2, 100]]);
    // Neither is what was left out meanwhile.
    also_left.abort();
    scene.let_end(1).await;
    assert_eq!((answer(first).await, answer(left).await), (2, 4));
    assert_eq!(scene.alone(), Vec::<Vec<u32>>::new());
    // A whole batch that is gone runs no statement.
    let blocking = scene.ask(4).await;
    scene.ask(5).await.abort();
    scene.let_end(2).await;
    assert_eq!(answer(blocking).await, 8);
    assert_eq!(scene.together(), [vec![1], vec![2, 100], vec![4]]);
}

#[tokio::test(start_paused = true)]
async fn the_tasks_end_with_the_last_handle() {
    let Scene { statement, batcher, mut tasks } = Scene::open(Limits { lanes: 2, ..ONE_LANE });
    statement.gate.add_permits(1);
    assert_eq!(batcher.clone().ask(1).await.unwrap(), 2);
    assert!(timeout(Duration::from_secs(1), tasks.join_next()).await.is_err());
    drop(batcher);
    assert!(tasks.join_next().await.unwrap().is_ok());
    assert!(tasks.join_next().await.unwrap().is_ok());
    assert!(tasks.join_next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_when_the_tasks_are_aborted_hears_of_it() {
    let mut scene = Scene::open(ONE_LANE);
    let [running, queued] = [scene.ask(1).await, scene.ask(2).await];
    scene.tasks.shutdown().await;
    for asking in [running, queued, scene.ask(3).await] {
        assert!(matches!(asking.await.unwrap(), Err(BatchError::Ended)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_panics_ends_its_lane_and_the_owner_sees_it() {
    let mut scene = Scene::open(ONE_LANE);
    let asking = scene.ask(u32::MAX).await;
    scene.let_end(1).await;
    assert!(matches!(asking.await.unwrap(), Err(BatchError::Ended)));
    assert!(scene.tasks.join_next().await.unwrap().unwrap_err().is_panic());
}
