//! A server with a few resources, and a client that writes and reads bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use config::{Http, Web};
use futures_util::stream;
use http_service::event_stream::{self, StreamPermit};
use http_service::resource::{postable, readable};
use http_service::{health, read_json, request_id, server};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than any deadline that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the slow resource works on a request.
const WORK: Duration = Duration::from_millis(3);

pub struct Served {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    pub task: JoinHandle<std::io::Result<()>>,
    lines: Lines,
    _log: logging::FlushOnDrop,
}

/// Answers with the length of the body.
async fn measure(request: HttpRequest, body: web::Payload) -> HttpResponse {
    match read_json(&request, body, &request_id::of(&request)).await {
        Ok(body) => HttpResponse::Ok().body(body.len().to_string()),
        Err(problem) => problem.error_response(),
    }
}

/// The same after some work, during which bytes of later requests arrive.
async fn measure_slowly(request: HttpRequest, body: web::Payload) -> HttpResponse {
    match read_json(&request, body, &request_id::of(&request)).await {
        Ok(body) => {
            tokio::time::sleep(WORK).await;
            HttpResponse::Ok().body(body.len().to_string())
        }
        Err(problem) => problem.error_response(),
    }
}

/// The length of a large response.
pub const LARGE: usize = 300_000;

/// Answers with [`LARGE`] bytes.
async fn answer_large() -> HttpResponse {
    HttpResponse::Ok().body(" ".repeat(LARGE))
}

/// Notified when the endless resource begins its work, and when that work is dropped.
pub static ENDLESS: (Notify, Notify) = (Notify::const_new(), Notify::const_new());

/// Works until the request is dropped.
async fn work_endlessly() -> HttpResponse {
    struct GivenUp;
    impl Drop for GivenUp {
        fn drop(&mut self) {
            ENDLESS.1.notify_one();
        }
    }
    let _given_up = GivenUp;
    ENDLESS.0.notify_one();
    std::future::pending().await
}

/// Notified when a silent stream is dropped: that of `/silence`, and that of `/quiet`.
pub static SILENCE_ENDED: Notify = Notify::const_new();
pub static QUIET_ENDED: Notify = Notify::const_new();

async fn stream_silence(request: HttpRequest) -> HttpResponse {
    stream_until(&request, &SILENCE_ENDED)
}

async fn stream_quiet(request: HttpRequest) -> HttpResponse {
    stream_until(&request, &QUIET_ENDED)
}

/// A comment each second.
fn stream_until(request: &HttpRequest, ended: &'static Notify) -> HttpResponse {
    struct Ended(&'static Notify);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let parts = stream::unfold(Ended(ended), |ended| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((event_stream::comment("nothing"), ended))
    });
    streamed(request, 0, parts)
}

/// What may wait for a stream of `/queued`, in bytes.
pub const QUEUE: usize = 1 << 20;

/// A comment each second, and a queue.
async fn stream_queued(request: HttpRequest) -> HttpResponse {
    let parts = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((event_stream::comment("nothing"), ()))
    });
    streamed(&request, QUEUE, parts)
}

/// As much as the client takes.
async fn stream_flood(request: HttpRequest) -> HttpResponse {
    streamed(&request, 0, stream::repeat_with(|| event_stream::comment(&"x".repeat(1_000))))
}

fn streamed(
    request: &HttpRequest,
    queue: usize,
    parts: impl stream::Stream<Item = web::Bytes> + 'static,
) -> HttpResponse {
    match StreamPermit::take_with_queue(request, queue, &request_id::of(request)) {
        Ok(permit) => permit.respond(parts),
        Err(problem) => problem.error_response(),
    }
}

impl Served {
    pub fn start(settings: &Http) -> Self {
        Self::start_with(settings, &Web::default())
    }

    /// Starts it with pages that browsers find elsewhere.
    pub fn start_with(settings: &Http, pages: &Web) -> Self {
        let listener = server::listen(settings.bind, 0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let (lines, written) = Lines::new();
        let (log, flush) = logging::start_on("order-service", logging::Level::Debug, written);
        let routes = |app: &mut web::ServiceConfig| {
            app.service(readable("/livez", health::live))
                .service(readable("/endless", work_endlessly))
                .service(readable("/large", answer_large))
                .service(readable("/silence", stream_silence))
                .service(readable("/quiet", stream_quiet))
                .service(readable("/flood", stream_flood))
                .service(readable("/queued", stream_queued))
                .service(postable("/length", measure))
                .service(postable("/slow", measure_slowly))
                .default_service(web::to(http_service::problem::not_found));
        };
        let (handle, server) = server::start(listener, settings, pages, &log, routes).unwrap();
        Self { address, handle, task: tokio::spawn(server), lines, _log: flush }
    }

    /// Waits for the next matching log line.
    pub async fn line(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.lines.find(is_it).await
    }

    pub async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Connects from another address of the loopback.
    pub async fn connect_from(&self, last: u8) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        Client(socket.connect(self.address).await.unwrap())
    }
}

/// The log's output as it is written.
struct Lines(Mutex<UnboundedReceiver<Vec<u8>>>);

struct Written(UnboundedSender<Vec<u8>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // The test may have ended.
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn new() -> (Self, Written) {
        let (sender, receiver) = unbounded_channel();
        (Self(Mutex::new(receiver)), Written(sender))
    }

    async fn find(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut receiver = self.0.lock().await;
        let mut bytes = Vec::new();
        let read = async {
            loop {
                bytes.extend(receiver.recv().await.expect("the log goes on"));
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let mut lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
                if let Some(found) = lines.find(|line| is_it(line)) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, read).await.expect("a line of the log")
    }
}

pub struct Client(pub TcpStream);

impl Client {
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads one whole response, on a connection that stays open.
    pub async fn answer(&mut self) -> String {
        let read = async {
            let mut answer = String::new();
            loop {
                if let Some((head, body)) = answer.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap()) {
                        return answer;
                    }
                }
                let mut piece = vec![0; 4_096];
                let count = self.0.read(&mut piece).await.unwrap();
                assert!(count > 0, "closed after {answer:?}");
                answer.push_str(std::str::from_utf8(&piece[..count]).unwrap());
            }
        };
        timeout(PATIENCE, read).await.expect("an answer")
    }

    pub async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.answer().await
    }

    /// Reads until the server closes the connection. A reset counts as closing.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        drop(timeout(PATIENCE, read).await.expect("the server closes the connection"));
        String::from_utf8(rest).unwrap()
    }
}

pub const LIVE: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The head of a request with a JSON body.
pub fn head(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n")
}
