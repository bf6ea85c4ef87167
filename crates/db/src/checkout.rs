//! A connection in use, and what becomes of it when its user goes away before the answer came.

use std::ops::{Deref, DerefMut};

use crate::pool::{Connection, Pooled};

/// A connection that is in use until this is dropped. Whoever is done with it says what becomes of
/// it. Who does not, went away in the middle: a client that hung up, a deadline that passed, an
/// error on the way. Its answer may be outstanding still, and the next user would wait for it
/// first. So such a connection is not used again, and the server ends what runs on it.
pub(crate) struct Checkout {
    client: Pooled,
    is_done: bool,
}

impl Checkout {
    pub(crate) fn new(client: Pooled) -> Self {
        Self { client, is_done: false }
    }

    /// Nothing is outstanding on it: the next one may have it.
    pub(crate) fn release(mut self) {
        self.is_done = true;
    }

    /// Closes it: it leads to a server that is not wanted any more, or what is outstanding has
    /// had its time and more.
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
