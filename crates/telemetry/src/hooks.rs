//! What is measured when somebody asks, because it would cost too much to follow.

use std::sync::{Mutex, PoisonError};

type Hook = Box<dyn Fn() -> bool + Send>;

static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

/// Calls this before each scrape, until it says `false`: what it looks at is gone. It must not
/// wait.
pub fn before_each_scrape(hook: impl Fn() -> bool + Send + 'static) {
    HOOKS.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
}

pub(crate) fn call() {
    HOOKS.lock().unwrap_or_else(PoisonError::into_inner).retain(|hook| hook());
}
