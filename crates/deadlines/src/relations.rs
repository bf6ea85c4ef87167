//! What must hold between the deadlines. A value that breaks a relation does not compile.

use std::time::Duration;

use crate::{broker, database, http, kitchen, order, outbox, stop, tracking};

/// The sum of times that come one after the other, in milliseconds.
const fn ms(mut times: &[Duration]) -> u128 {
    let mut sum = 0;
    while let [first, rest @ ..] = times {
        sum += first.as_millis();
        times = rest;
    }
    sum
}

// Statements: the server ends one before the service gives up, and a relay before the server ends
// its transaction.
const _: () = {
    use broker::{CONFIRM_DEADLINE, CONNECTION_WAIT, SHORT_DEADLINE};
    use database::{
        CHANGE_DEADLINE, CONNECT_DEADLINE, PLACE_DEADLINE, RELAY_DEADLINE, SERVER_IDLE_TIMEOUT,
        SERVER_STATEMENT_TIMEOUT, SERVER_STEP_TIMEOUT, STATEMENT_DEADLINE,
    };
    assert!(ms(&[SERVER_STATEMENT_TIMEOUT]) < ms(&[STATEMENT_DEADLINE]));
    assert!(ms(&[SERVER_STATEMENT_TIMEOUT]) < ms(&[CHANGE_DEADLINE]));
    assert!(ms(&[RELAY_DEADLINE]) < ms(&[SERVER_IDLE_TIMEOUT]));
    // Who waits for a frozen service gets its turn before the server ends the wait.
    assert!(ms(&[SERVER_STEP_TIMEOUT]) < ms(&[SERVER_STATEMENT_TIMEOUT]));
    assert!(ms(&[SERVER_STATEMENT_TIMEOUT, CONNECTION_WAIT, CONFIRM_DEADLINE]) < ms(&[RELAY_DEADLINE]));
    assert!(ms(&[PLACE_DEADLINE]) == ms(&[CONNECT_DEADLINE, STATEMENT_DEADLINE]));
    assert!(ms(&[tracking::LOOKUP_DEADLINE]) == ms(&[CONNECT_DEADLINE, STATEMENT_DEADLINE]));
    assert!(ms(&[SHORT_DEADLINE]) < ms(&[CONNECTION_WAIT]));
};

// Messages: the service that wrote a row has stored it and heard the confirm before a relay sends
// it. (After a wait for the connection both may send it: the claim drops the second message.)
const _: () = {
    use database::{RELAY_DEADLINE, SERVER_STATEMENT_TIMEOUT};
    use outbox::{
        AUDIT_GRACE, FAR_AHEAD, MAX_PAUSE, POLL_INTERVAL, RELAY_GRACE, RESCUE_INTERVAL, RESEND_AFTER,
    };
    assert!(ms(&[SERVER_STATEMENT_TIMEOUT, broker::CONFIRM_DEADLINE]) <= ms(&[RELAY_GRACE]));
    // The relay has sent it before the rescuer looks for it.
    assert!(ms(&[RELAY_GRACE, POLL_INTERVAL, RELAY_DEADLINE]) < ms(&[RESEND_AFTER]));
    // The relay lets no row wait so long.
    assert!(ms(&[RELAY_GRACE]) < ms(&[FAR_AHEAD]));
    assert!(ms(&[MAX_PAUSE]) < ms(&[FAR_AHEAD]));
    // Relay and rescuer have looked before the audit reports.
    assert!(ms(&[POLL_INTERVAL, RELAY_DEADLINE]) < ms(&[AUDIT_GRACE]));
    assert!(ms(&[RESCUE_INTERVAL]) < ms(&[AUDIT_GRACE]));
};

// Dead letters: the publisher says why one failed before its consumer gives up.
const _: () = {
    use broker::{CONFIRM_DEADLINE, CONNECTION_WAIT, DEAD_LETTER_DEADLINE};
    assert!(ms(&[CONNECTION_WAIT, CONFIRM_DEADLINE]) < ms(&[DEAD_LETTER_DEADLINE]));
};

// Answers: a client is answered after each server had its time, and before its request is cut.
const _: () = {
    use broker::{CONFIRM_DEADLINE, CONNECTION_WAIT};
    use database::{CONNECT_DEADLINE, PLACE_DEADLINE, STATEMENT_DEADLINE};
    use http::{
        CHECK_DEADLINE, HEARTBEAT_INTERVAL, IDLE_DEADLINE, PROBE_DEADLINE, PROXY_IDLE, REQUEST_DEADLINE,
        STREAM_DEADLINE,
    };
    use order::{ADMISSION_WAIT, ANSWER_DEADLINE, CHANGE_DEADLINE};
    let servers = ms(&[PLACE_DEADLINE, CONNECTION_WAIT, CONFIRM_DEADLINE]);
    assert!(servers < ms(&[ANSWER_DEADLINE]));
    assert!(ms(&[outbox::RELAY_GRACE]) < ms(&[ANSWER_DEADLINE]));
    assert!(ms(&[CONNECT_DEADLINE, database::CHANGE_DEADLINE]) < ms(&[CHANGE_DEADLINE]));
    // The look-up of an Idempotency-Key comes before the order.
    let lookup = ms(&[CONNECT_DEADLINE, STATEMENT_DEADLINE]);
    assert!(ms(&[ADMISSION_WAIT, ANSWER_DEADLINE]) + lookup < ms(&[REQUEST_DEADLINE]));
    assert!(ms(&[ADMISSION_WAIT, CHANGE_DEADLINE]) < ms(&[REQUEST_DEADLINE]));
    assert!(ms(&[tracking::LOOKUP_DEADLINE]) < ms(&[REQUEST_DEADLINE]));
    assert!(ms(&[tracking::JOIN_DEADLINE, tracking::LOOKUP_DEADLINE]) < ms(&[REQUEST_DEADLINE]));
    // A proxy gives a connection up before the server does: its next request meets no closed one.
    assert!(ms(&[PROXY_IDLE]) < ms(&[IDLE_DEADLINE]));
    // A stream lives on its heartbeats, for proxies and for its own deadline: one may be late.
    assert!(2 * ms(&[HEARTBEAT_INTERVAL]) < ms(&[STREAM_DEADLINE]));
    assert!(ms(&[STREAM_DEADLINE]) < ms(&[PROXY_IDLE]));
    assert!(2 * ms(&[CHECK_DEADLINE]) <= ms(&[PROBE_DEADLINE]));
};

// Workers: a heartbeat that fails once does not cost the lease.
const _: () = {
    use database::{CONNECT_DEADLINE, STATEMENT_DEADLINE};
    use kitchen::{HEARTBEAT_INTERVAL, HOLDINGS_INTERVAL, HOLDINGS_PAUSE, LEASE};
    assert!(ms(&[HEARTBEAT_INTERVAL, CONNECT_DEADLINE, STATEMENT_DEADLINE]) < ms(&[LEASE]));
    // Three reports may come late.
    assert!(3 * ms(&[HOLDINGS_INTERVAL]) <= ms(&[HOLDINGS_PAUSE]));
};

// The end of a process: the steps fit into the grace, and the grace into the time until a kill.
const _: () = {
    use stop::{CLOSE_PORT, DRAIN_DEADLINE, GRACE, KILL_AFTER, LAST_STEPS, MARGIN, OVERTIME};
    assert!(ms(&[LAST_STEPS]) < ms(&[GRACE]));
    assert!(ms(&[GRACE, OVERTIME, MARGIN]) <= ms(&[KILL_AFTER]));
    assert!(ms(&[CLOSE_PORT, DRAIN_DEADLINE, order::AFTER_ANSWERING]) < ms(&[GRACE]));
    assert!(ms(&[CLOSE_PORT, DRAIN_DEADLINE, tracking::AFTER_ANSWERING]) < ms(&[GRACE]));
};

// The end of the order service: each step has its time, with the shortest grace too.
const _: () = {
    use order::{AFTER_ANSWERING, AFTER_SENDING, AFTER_STORING, DRAIN_DEADLINE};
    assert!(ms(&[AFTER_ANSWERING]) < ms(&[stop::LAST_STEPS]));
    assert!(ms(&[AFTER_STORING, broker::CONFIRM_DEADLINE]) <= ms(&[AFTER_ANSWERING]));
    assert!(ms(&[AFTER_SENDING]) < ms(&[AFTER_STORING]));
    assert!(ms(&[DRAIN_DEADLINE, AFTER_STORING]) < ms(&[stop::GRACE]));
};

// The last steps of a worker.
const _: () = {
    use kitchen::{AFTER_CLOSING, AFTER_LEAVING, AFTER_PUBLISHING, AFTER_RETURNING, DEREGISTER_DEADLINE};
    assert!(ms(&[AFTER_LEAVING]) < ms(&[stop::LAST_STEPS]));
    assert!(ms(&[AFTER_RETURNING, DEREGISTER_DEADLINE]) < ms(&[AFTER_LEAVING]));
    assert!(ms(&[AFTER_PUBLISHING]) < ms(&[AFTER_RETURNING]));
    assert!(ms(&[AFTER_CLOSING]) < ms(&[AFTER_PUBLISHING]));
};
