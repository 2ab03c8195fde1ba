//! Asking a run to end early. It still cleans up and reports.

use std::sync::Arc;
use tokio::sync::watch;

/// Held by everything that waits. Clones share one state.
#[derive(Clone, Debug)]
pub struct Stop {
    cause: Arc<watch::Sender<Option<String>>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { cause: Arc::new(watch::Sender::new(None)) }
    }
}

impl Stop {
    /// Asks for the end. The first cause is kept.
    pub fn request(&self, cause: impl Into<String>) {
        self.cause.send_if_modified(|it| match it {
            Some(_) => false,
            None => {
                *it = Some(cause.into());
                true
            }
        });
    }

    /// Why the run should end, if it should.
    pub fn cause(&self) -> Option<String> {
        self.cause.borrow().clone()
    }

    /// Waits until the end is asked for.
    pub async fn requested(&self) -> String {
        let mut receiver = self.cause.subscribe();
        loop {
            if let Some(cause) = receiver.borrow_and_update().clone() {
                return cause;
            }
            // The sender is held by `self`, so that it cannot be gone.
            if receiver.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
