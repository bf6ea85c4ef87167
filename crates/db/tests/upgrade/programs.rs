//! Programs of the version before, running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use testkit::{Stage, eventually};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row};

use crate::version_5::{
    CLAIM, FINISH, FREE_ABANDONED, HEARTBEAT, LIFT, OPTIONS, PLACE, PRUNE, REGISTER, RESERVE, SEND_AGAIN,
    SETTLE_ORDERS, SETTLE_STATUS,
};

/// The waiting time in seconds after which a sweeper handles an order: those of the fixture, and no
/// others.
const MIN_WAIT: f64 = 3600.0;

/// A program that runs until it is told to stop.
pub struct Program {
    progress: Arc<Progress>,
    work: JoinHandle<Result<(), Error>>,
}

impl Program {
    pub fn start<W: Future<Output = Result<(), Error>> + Send + 'static>(
        work: impl FnOnce(Arc<Progress>) -> W,
    ) -> Self {
        let progress = Arc::<Progress>::default();
        let work = tokio::spawn(work(Arc::clone(&progress)));
        Self { progress, work }
    }

    /// Waits for two more rounds, so that the second one began after this call. Or for the end,
    /// which says why.
    pub async fn two_more_rounds(&self) {
        let rounds = || self.progress.rounds.load(Ordering::SeqCst);
        let seen = rounds();
        eventually("a program of the version before to go on", async || {
            (rounds() >= seen + 2 || self.work.is_finished()).then_some(())
        })
        .await;
    }

    pub async fn end(self) {
        self.progress.is_over.store(true, Ordering::SeqCst);
        let ended = self.work.await.unwrap();
        ended.unwrap_or_else(|why| panic!("a program of the version before failed: {why:?}"));
    }
}

/// The progress of a program, and whether it should stop.
#[derive(Default)]
pub struct Progress {
    rounds: AtomicUsize,
    is_over: AtomicBool,
}

impl Progress {
    fn goes_on(&self) -> bool {
        self.rounds.fetch_add(1, Ordering::SeqCst);
        !self.is_over.load(Ordering::SeqCst)
    }
}

/// A session with the programs' settings.
pub async fn session(stage: &Stage) -> Client {
    let server = &stage.servers.postgres;
    let mut settings = tokio_postgres::Config::new();
    settings.host("127.0.0.1").port(server.port).user(&server.user).password(&server.password);
    settings.dbname(&stage.name).options(OPTIONS);
    let (client, connection) = settings.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Places one order after the other, cooks it, and confirms all its messages at once.
pub async fn place_and_cook(client: Client, token: i64, progress: Arc<Progress>) -> Result<(), Error> {
    let reserve = client.prepare(RESERVE).await?;
    let place = client.prepare(PLACE).await?;
    let settle_orders = client.prepare(SETTLE_ORDERS).await?;
    let claim = client.prepare(CLAIM).await?;
    let heartbeat = client.prepare(HEARTBEAT).await?;
    let finish = client.prepare(FINISH).await?;
    let settle_status = client.prepare(SETTLE_STATUS).await?;
    let (worker, request) = (format!("chef_{token}"), vec!["a-request"]);
    client.query(REGISTER, &[&worker, &"general", &token, &30_i32]).await?;
    while progress.goes_on() {
        let id: i32 = client.query_one(&reserve, &[&1_i32]).await?.try_get(0)?;
        let (no_text, no_number, no_hash) = (vec![None::<&str>], vec![None::<i32>], vec![None::<&[u8]>]);
        let placement: [&(dyn ToSql + Sync); 16] = [
            &1_i32,
            &vec![id],
            &vec!["Jane Doe"],
            &vec!["takeout"],
            &no_number,
            &no_text,
            &vec!["24.98"],
            &vec![1_i32],
            &request,
            &no_text,
            &no_hash,
            &vec![id; 2],
            &vec!["Margherita Pizza", "Caesar Salad"],
            &vec![1_i32; 2],
            &vec!["15.99", "8.99"],
            &"order-service",
        ];
        client.query(&place, &placement).await?;
        client.query(&settle_orders, &[&vec![id]]).await?;
        let number: String =
            client.query_one("select number from orders where id = $1", &[&id]).await?.try_get(0)?;
        let wish: [&(dyn ToSql + Sync); 7] =
            [&vec![number], &vec![10.0], &request, &worker, &token, &60.0, &vec!["received"]];
        let claimed = only(client.query(&claim, &wish).await?);
        let attempt: i32 = claimed.try_get("attempt")?;
        let beat: [&(dyn ToSql + Sync); 4] = [&worker, &token, &60.0, &vec![id]];
        client.query(&heartbeat, &beat).await?;
        let cooked: [&(dyn ToSql + Sync); 6] =
            [&vec![id], &vec![attempt], &request, &worker, &token, &vec!["cooking"]];
        let finished = only(client.query(&finish, &cooked).await?);
        let told: Vec<i64> = vec![claimed.try_get("announced_id")?, finished.try_get("announced_id")?];
        client.query(&settle_status, &[&told]).await?;
    }
    Ok(())
}

/// Handles orders that wait too long.
pub async fn sweep(client: Client, progress: Arc<Progress>) -> Result<(), Error> {
    let send_again = client.prepare(SEND_AGAIN).await?;
    let lift = client.prepare(LIFT).await?;
    let free_abandoned = client.prepare(FREE_ABANDONED).await?;
    let prune = client.prepare(PRUNE).await?;
    while progress.goes_on() {
        client.query(&send_again, &[&"takeout", &MIN_WAIT, &1000_i64]).await?;
        client.query(&lift, &[&"takeout", &MIN_WAIT, &1000_i64, &10_i32]).await?;
        client.query(&free_abandoned, &[&"takeout", &MIN_WAIT, &1000_i64, &10_i32]).await?;
        client.query(&prune, &[]).await?;
    }
    Ok(())
}

fn only(rows: Vec<Row>) -> Row {
    let [row] = <[Row; 1]>::try_from(rows).unwrap();
    row
}
