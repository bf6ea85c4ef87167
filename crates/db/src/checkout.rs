//! A connection in use, which is closed if its user goes away before the answer came.

use std::ops::{Deref, DerefMut};

use crate::pool::{Connection, Pooled};

/// A connection that is in use until it is dropped. Its user calls [`release`](Self::release) or
/// [`discard`](Self::discard). Dropped without either, its statement was cancelled: by a client
/// that hung up, a deadline, or an error. An answer may be pending, which the next user would
/// receive. So the connection is closed, and the server is told to cancel the statement.
pub(crate) struct Checkout {
    client: Pooled,
    is_done: bool,
}

impl Checkout {
    pub(crate) fn new(client: Pooled) -> Self {
        Self { client, is_done: false }
    }

    /// Nothing is pending: returns it to the pool.
    pub(crate) fn release(mut self) {
        self.is_done = true;
    }

    /// Closes it: its server is no longer suitable, or a statement exceeded its deadline.
    pub(crate) fn discard(mut self) {
        self.is_done = true;
        self.client.close();
    }
}

impl Deref for Checkout {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.client
    }
}

impl DerefMut for Checkout {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.client
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if !self.is_done {
            self.client.abandon();
        }
    }
}
