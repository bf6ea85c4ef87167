//! The cost of a log line for the thread that logs it. Another thread writes it to stdout.

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput};
use domain::RequestId;
use logging::{Level, action};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("log line");
    group.throughput(Throughput::Elements(1));
    let (log, flush) = logging::start_on("order-service", Level::Debug, io::sink());
    let log = log.with_request_id(RequestId::from_random(0x0123_4567_89ab_cdef));
    group.bench_function("message only", |bencher| {
        bencher.iter(|| {
            log.debug(action::ORDER_PUBLISHED, black_box("Sent order ORD_20261121_001 to the kitchen"))
                .emit();
        });
    });
    group.bench_function("with details and duration", |bencher| {
        bencher.iter(|| {
            log.debug(action::ORDER_RECEIVED, format!("Received order {}", black_box("ORD_20261121_001")))
                .detail("order_number", black_box("ORD_20261121_001"))
                .detail("priority", black_box(10))
                .took(std::time::Duration::from_millis(black_box(3)))
                .emit();
        });
    });
    let failure = io::Error::other("the connection was reset");
    group.bench_function("with an error", |bencher| {
        bencher.iter(|| {
            log.error(action::DB_QUERY_FAILED, "The order could not be stored", black_box(&failure)).emit();
        });
    });
    let (quiet, quiet_flush) = logging::start_on("order-service", Level::Info, io::sink());
    group.bench_function("below the level", |bencher| {
        bencher
            .iter(|| quiet.debug(action::ORDER_PUBLISHED, black_box("Sent an order to the kitchen")).emit());
    });
    group.finish();
    criterion.final_summary();
    drop((flush, quiet_flush));
}
