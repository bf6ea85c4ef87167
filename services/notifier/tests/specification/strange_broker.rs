//! Invalid frames end the connection. The subscriber logs them and reconnects.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::Stage;
use testkit::amqp_frames::{frame, method};
use testkit::fake_broker::{FakeBroker, Script};

/// Types of frames.
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// A client disconnects after this time without a heartbeat.
const MISSED_HEARTBEATS: Duration = Duration::from_secs(10);

/// The content header of a body of this size, without properties.
fn header(channel: u16, size: u64) -> Vec<u8> {
    frame(HEADER, channel, &[&[0, 60, 0, 0][..], &size.to_be_bytes(), &[0, 0]].concat())
}

/// A delivery to a consumer that was never started.
fn deliver() -> Vec<u8> {
    method(1, 60, 60, &[&b"\x01c"[..], &1_u64.to_be_bytes(), b"\0\0\0"].concat())
}

/// Invalid answers to the first method on a channel.
fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let no_end = |mut frame: Vec<u8>| {
        *frame.last_mut().unwrap() = 0;
        frame
    };
    vec![
        ("an unknown class", method(1, 61, 10, &[])),
        ("an unknown method", method(1, 60, 250, &[])),
        ("a method that is cut off", method(1, 60, 60, b"\x09c")),
        ("a method of no bytes", frame(1, 1, &[])),
        ("an unknown type of frame", frame(9, 1, b"?")),
        ("a frame without its end", no_end(method(1, 40, 11, &[]))),
        ("a frame of 4 GiB", vec![BODY, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("a heartbeat on a channel", frame(HEARTBEAT, 1, &[])),
        ("a method on a channel that is not open", method(9, 40, 11, &[])),
        ("a method of a channel outside of one", method(0, 40, 11, &[])),
        ("a content on a channel that is not open", header(9, 3)),
        ("an answer that nobody asked for", method(1, 50, 31, &[0; 4])),
        ("a second opening of the channel", method(1, 20, 11, &[0; 4])),
        ("a new secret that nobody asked for", method(0, 10, 71, &[])),
        ("the end of a channel that was not asked for", method(1, 20, 41, &[])),
        ("nothing, to whom did not ask", method(1, 60, 72, &[0])),
        ("a method of clients", method(1, 60, 40, &[0; 5])),
        ("a content of nothing", header(1, 3)),
        ("a header of no bytes", [deliver(), frame(HEADER, 1, &[])].concat()),
        ("a body of nothing", frame(BODY, 1, b"abc")),
        ("a body without its header", [deliver(), frame(BODY, 1, b"abc")].concat()),
        ("a body larger than it says", [deliver(), header(1, 2), frame(BODY, 1, b"abc")].concat()),
        ("two headers of a return", {
            let returned = method(1, 60, 50, b"\0\0\0\0\0");
            [returned, header(1, 0), header(1, 0)].concat()
        }),
    ]
}

/// A broker with these server properties. The connection stays open until the invalid frame.
fn named(properties: &[u8]) -> Script {
    let length = u32::try_from(properties.len()).unwrap().to_be_bytes();
    let arguments = [&[0, 9][..], &length, properties, b"\0\0\0\x05PLAIN\0\0\0\x05en_US"].concat();
    Script { start: method(0, 10, 10, &arguments), answer: method(1, 61, 10, &[]), ..Script::default() }
}

#[tokio::test]
async fn an_invalid_frame_ends_the_connection_and_nothing_else() {
    let stage = Stage::new().await;
    // A new stream is not available at once.
    let _first = stage.subscriber().start().await;
    let scripts =
        answers().into_iter().map(|(what, answer)| (what, Script { answer, ..Script::default() })).chain([
            ("capabilities that are none", named(b"\x0ccapabilitiesS\0\0\0\x01x")),
            ("a version that is no text", named(b"\x07versiont\x01")),
            (
                "frames of eight bytes",
                Script { tune: method(0, 10, 30, &[0, 0, 0, 0, 0, 8, 0, 10]), ..Script::default() },
            ),
        ]);
    let cases = scripts.map(async |(what, script)| {
        let begun = Instant::now();
        let broker = FakeBroker::start(script, stage.servers.rabbitmq.port).await;
        let service = stage.subscriber().env("RABBITMQ_PORT", broker.port().to_string()).start().await;
        broker.client_closed().await;
        let after = begun.elapsed();
        // A service that panics fails its test here.
        let failed = service.logged("rabbitmq_connection_failed");
        (failed.len() != 1 || after > MISSED_HEARTBEATS).then(|| format!("{what}, {after:?}: {failed:?}"))
    });
    let wrong: Vec<_> = join_all(cases).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
