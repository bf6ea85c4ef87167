//! `demo`: places orders in the running cluster, and shows them on a live board.

mod api_client;
mod board;
mod summary;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use argh::FromArgs;
use devcluster::customers::{Customer, customers};
use runtime::signals::StopSignals;
use runtime::{Console, Exit, Shutdown};
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::cluster::state::State;
use api_client::ApiClient;
use board::Board;

/// Redraw interval of the board.
const REDRAW: Duration = Duration::from_millis(200);
/// Interval of the status requests for unfinished orders.
const ASK: Duration = Duration::from_millis(400);

/// Places varied orders in the restaurant that `up` opened, from its menu if it has one, and shows
/// them being cooked.
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
    let record = State::now().open().map_err(Exit::Failed)?;
    let client = ApiClient::new(&record)?;
    let shutdown = signals.shutdown();
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let customers = customers(&client.menu().await?, seed, arguments.orders);

    let board = run_board(arguments, customers, &client, &shutdown).await;
    summary::show(Console::new(), &board);
    if board.refused() > 0 { Err(Exit::Logged) } else { Ok(()) }
}

/// Places the orders, and shows the board until the last of them is ready.
async fn run_board(
    arguments: &Arguments,
    customers: Vec<Customer>,
    client: &ApiClient,
    shutdown: &Shutdown,
) -> Board {
    let (console, board) = (Console::new(), RefCell::new(Board::default()));
    let mut screen = Screen { console, drawn: 0, size: None };
    let drawing = async {
        let mut redraw = interval(REDRAW);
        loop {
            redraw.tick().await;
            screen.draw(&board.borrow());
        }
    };
    let every = Duration::from_secs_f64(arguments.every);
    let working = async {
        tokio::join!(place_all(customers, every, client, &board), follow(arguments.orders, client, &board))
    };
    tokio::select! {
        () = shutdown.begun() => {}
        () = console.until_unseen() => {}
        () = drawing => {}
        _ = working => {}
    }
    screen.draw(&board.borrow());
    board.into_inner()
}

async fn place_all(customers: Vec<Customer>, every: Duration, client: &ApiClient, board: &RefCell<Board>) {
    let start = Instant::now();
    for (place, customer) in (0_u32..).zip(customers) {
        sleep_until(start + every * place).await;
        let answer = client.place(&customer).await;
        tell(&board.borrow_mut().answered(customer, answer));
    }
}

/// Polls the status of all unfinished orders, until all orders are placed and done.
async fn follow(orders: usize, client: &ApiClient, board: &RefCell<Board>) {
    while !board.borrow().has_answered(orders) || !board.borrow().is_done() {
        let in_flight = board.borrow().in_flight();
        for number in in_flight {
            if let Some((status, cook)) = client.ask(&number).await
                && let Some(line) = board.borrow_mut().changed(&number, status, cook)
            {
                tell(&line);
            }
        }
        sleep(ASK).await;
    }
}

/// Prints what happened, where there is no board.
fn tell(line: &str) {
    let console = Console::new();
    if !console.can_draw() {
        console.print(line);
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
}
