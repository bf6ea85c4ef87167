//! `demo`: places orders in the running cluster, and shows them on a live board.

mod api_client;
mod board;
mod summary;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use argh::FromArgs;
use devcluster::menu;
use runtime::signals::StopSignals;
use runtime::{Console, Exit, Shutdown};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::cluster::folder::LocalFolder;
use crate::cluster::state::State;
use api_client::{ApiClient, Progress};
use board::Board;

/// Redraw interval of the board.
const REDRAW: Duration = Duration::from_millis(200);
/// Interval of the status requests for unfinished orders.
const ASK: Duration = Duration::from_millis(400);

/// Places varied orders in the restaurant that `up` opened, and shows them being cooked.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// number of orders, 1 to 10000 (default 12)
    #[argh(option, default = "12", from_str_fn(parse_orders))]
    orders: usize,
    /// seconds between two orders, fractions allowed (default 1.5)
    #[argh(option, default = "1.5")]
    every: f64,
    /// seed of the random orders: the same seed, the same orders (default: random)
    #[argh(option)]
    seed: Option<u64>,
}

fn parse_orders(text: &str) -> Result<usize, String> {
    let orders = text.parse().ok().filter(|orders| (1..=10_000).contains(orders));
    orders.ok_or_else(|| "allowed are whole numbers from 1 to 10000".to_owned())
}

/// Runs the command.
pub async fn run(arguments: &Arguments, signals: &StopSignals) -> Result<(), Exit> {
    if !(0.0..=3_600.0).contains(&arguments.every) {
        return Err(Exit::Usage(format!("--every is {} (allowed: 0 to 3600 seconds)", arguments.every)));
    }
    let folder = LocalFolder::here();
    let record = State::of(&folder).open().map_err(Exit::Failed)?;
    let client = ApiClient::new(&record)?;
    let shutdown = signals.shutdown();

    let mut board = Board::default();
    run_board(arguments, client, &mut board, &shutdown).await;
    summary::show(Console::new(), &board);
    if board.refused() > 0 { Err(Exit::Logged) } else { Ok(()) }
}

/// Places the orders, and shows the board until the last of them is ready.
async fn run_board(arguments: &Arguments, client: ApiClient, board: &mut Board, shutdown: &Shutdown) {
    let (events, mut incoming) = mpsc::unbounded_channel();
    let customers = menu::customers(arguments.seed.unwrap_or_else(rand::random), arguments.orders);
    let every = Duration::from_secs_f64(arguments.every);
    let placing = tokio::spawn(place_all(customers, every, client.clone(), events.clone()));
    let asking = tokio::spawn(ask_about_all(client, events));

    let console = Console::new();
    let mut screen = Screen { console, drawn: 0, size: None };
    let mut redraw = interval(REDRAW);
    loop {
        tokio::select! {
            () = shutdown.begun() => break,
            () = console.until_unseen() => break,
            _ = redraw.tick() => screen.draw(board),
            Some(progress) = incoming.recv() => {
                if let Some(line) = board.note(progress) {
                    screen.print(&line);
                }
            }
        }
        if placing.is_finished() && incoming.is_empty() && board.is_done() {
            break;
        }
    }
    screen.draw(board);
    placing.abort();
    asking.abort();
}

async fn place_all(
    customers: Vec<menu::Customer>,
    every: Duration,
    client: ApiClient,
    events: mpsc::UnboundedSender<Progress>,
) {
    let start = Instant::now();
    for (place, customer) in (0_u32..).zip(customers) {
        sleep_until(start + every * place).await;
        let _ = events.send(client.place(customer).await);
    }
}

/// Polls the status of all unfinished orders.
async fn ask_about_all(client: ApiClient, events: mpsc::UnboundedSender<Progress>) {
    let mut last: HashMap<String, String> = HashMap::new();
    loop {
        for number in client.in_flight() {
            if let Some((status, progress)) = client.ask(&number).await
                && last.insert(number, status.clone()).as_deref() != Some(status.as_str())
            {
                let _ = events.send(progress);
            }
        }
        sleep(ASK).await;
    }
}

/// The board on a terminal, overdrawn at each change; plain lines elsewhere.
struct Screen {
    console: Console,
    drawn: usize,
    /// The terminal's size at the last drawing.
    size: Option<(usize, usize)>,
}

impl Screen {
    fn draw(&mut self, board: &Board) {
        if !self.console.can_draw() {
            return;
        }
        let size = self.console.size();
        let lines = board.lines(self.console, size.map_or(usize::MAX, |(_, rows)| rows));
        let mut text = String::new();
        if self.drawn > 0 && self.size != size {
            // A resize has wrapped or cut the last drawing, so its position is unknown.
            text.push_str("\x1b[2J\x1b[H");
        } else if self.drawn > 0 {
            // Back to the first line of the last drawing. The terminal scrolls when the board
            // grows.
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        for line in &lines {
            let _ = write!(text, "\r{}\x1b[K\n", self.console.fitted(line));
        }
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        self.size = size;
        let mut out = std::io::stdout().lock();
        // A missing reader is ignored.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn print(&self, line: &str) {
        if !self.console.can_draw() {
            self.console.print(line);
        }
    }
}
