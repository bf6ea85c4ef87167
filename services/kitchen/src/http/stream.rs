//! `GET /events`: the changes of the tickets.
//!
//! A stream begins with the whole board. So a display that comes back needs no position: it has
//! what it missed.

use std::pin::Pin;
use std::time::Duration;

use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use deadlines::http::HEARTBEAT_INTERVAL;
use domain::OrderNumber;
use domain::timestamp::Timestamp;
use futures_util::{Stream, stream};
use http_service::event_stream::{self, StreamPermit};
use http_service::staff::{Access, StaffStreamRefused};
use logging::{Log, action};
use runtime::Shutdown;
use serde::Serialize;
use telemetry::metrics::STREAMS_CUT;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::body::{BoardBody, CookingTimeBody, CutOffBody, TicketBody};
use super::{Api, of_staff};
use crate::manual::{Board, Change, Snapshot};

/// Bounds of the random pause after which a display comes back, in milliseconds.
const RETRY: std::ops::Range<u64> = 1_000..4_000;

/// The board, and its changes from now on.
#[utoipa::path(
    get, path = "/events", tag = "Tickets", operation_id = "ticket_events",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "Events `tickets`, `ticket`, `gone`, `stopping`, `heartbeat` and `cut_off` (WHATWG HTML, server-sent events)",
         content_type = "text/event-stream"),
        StaffStreamRefused,
    ),
)]
pub async fn changes(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let log = match of_staff(&request, &api, Access::Read).await {
        Ok(log) => log,
        Err(refused) => return refused,
    };
    match StreamPermit::take(&request, log.request_id()) {
        Ok(permit) => permit.respond(follow(&api, log)),
        Err(problem) => problem.error_response(),
    }
}

struct State {
    board: Board,
    changes: Receiver<Change>,
    /// What to send next.
    next: BytesMut,
    heartbeat: Interval,
    /// The worker begins to stop.
    stopping: Pin<Box<dyn Future<Output = ()>>>,
    is_stopping: bool,
    closing: Pin<Box<dyn Future<Output = ()>>>,
    has_ended: bool,
    log: Log,
}

#[derive(Serialize)]
struct GoneBody {
    order_number: OrderNumber,
    /// The board's revision with that.
    revision: u64,
}

#[derive(Serialize)]
struct HeartbeatBody {
    /// Now, by the database's clock: the proof that the board is true.
    timestamp: Timestamp,
    cooking_times: Vec<CookingTimeBody>,
}

fn follow(api: &Api, log: Log) -> impl Stream<Item = Bytes> + use<> {
    let Api { bumping, board, closing, .. } = api.clone();
    let is_stopping = bumping.shutdown.has_begun();
    let (changes, snapshot) = board.join();
    let mut next = BytesMut::from(&event_stream::retry(pause())[..]);
    next.extend_from_slice(&event("tickets", &BoardBody::of(snapshot, is_stopping)));
    let mut heartbeat = interval_at(Instant::now(), HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = until_begun(bumping.shutdown);
    let closing = until_begun(closing);
    let state =
        State { board, changes, next, heartbeat, stopping, is_stopping, closing, has_ended: false, log };
    stream::unfold(state, State::part)
}

fn until_begun(shutdown: Shutdown) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move { shutdown.begun().await })
}

impl State {
    /// The next part, as soon as there is one.
    async fn part(mut self) -> Option<(Bytes, Self)> {
        while self.next.is_empty() {
            if self.has_ended {
                return None;
            }
            tokio::select! {
                biased;
                () = &mut self.closing => self.end(),
                () = &mut self.stopping, if !self.is_stopping => {
                    self.is_stopping = true;
                    self.next.extend_from_slice(&event_stream::event(None, "stopping", "{}"));
                }
                change = self.changes.recv() => match change {
                    Ok(change) => self.add(change),
                    Err(RecvError::Lagged(_)) => {
                        STREAMS_CUT.inc();
                        self.log
                            .debug(action::STREAM_CUT, "A display did not read its stream fast enough")
                            .emit_limited();
                        self.end();
                    }
                    Err(RecvError::Closed) => self.end(),
                },
                _ = self.heartbeat.tick() => self.beat(),
            }
        }
        let part = self.next.split().freeze();
        Some((part, self))
    }

    fn add(&mut self, change: Change) {
        let part = match change {
            Change::Ticket(ticket) => event("ticket", &TicketBody::from(*ticket)),
            Change::Gone { number, revision } => event("gone", &GoneBody { order_number: number, revision }),
        };
        self.next.extend_from_slice(&part);
    }

    /// Displays take a heartbeat for the proof that what they show is true.
    fn beat(&mut self) {
        let part = match self.board.proof() {
            Ok(now) => {
                let Snapshot { cooking_times, .. } = self.board.snapshot();
                let cooking_times = cooking_times.into_iter().map(Into::into).collect();
                event("heartbeat", &HeartbeatBody { timestamp: now.into(), cooking_times })
            }
            Err(cut_off) => event("cut_off", &CutOffBody::from(cut_off)),
        };
        self.next.extend_from_slice(&part);
    }

    fn end(&mut self) {
        self.next.extend_from_slice(&event_stream::retry(pause()));
        self.has_ended = true;
    }
}

fn event(name: &str, body: &impl Serialize) -> Bytes {
    // These bodies have names for keys only, and can always be written.
    let data = serde_json::to_string(body).unwrap_or_default();
    event_stream::event(None, name, &data)
}

/// Displays of one worker do not all come back at once.
fn pause() -> Duration {
    Duration::from_millis(rand::random_range(RETRY))
}
