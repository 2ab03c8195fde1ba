//! The emulator's clock. Every timestamp that a user can see comes from here.

use chrono::{DateTime, Utc};
use std::{sync::Arc, time::Duration};

/// Where the emulator gets its time from.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Real,
}

impl Clock {
    pub fn real() -> Self {
        Self(Arc::new(Inner::Real))
    }

    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Inner::Real => Utc::now(),
        }
    }

    pub async fn sleep(&self, duration: Duration) {
        match &*self.0 {
            Inner::Real => tokio::time::sleep(duration).await,
        }
    }
}
