//! What makes time pass for refreshes: a task beside the server, or jumps of a virtual clock.

use super::{schedule::PERIOD_SECS_MIN, tick};
use crate::{engine::Engine, regression::switched};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Weak};

/// Refreshes what is due, as long as the account lives.
pub(crate) async fn keep_fresh(engine: Weak<Engine>) {
    loop {
        let (clock, pause) = {
            let Some(engine) = engine.upgrade() else { return };
            switched(engine.settings.regression, async { tick::pass(&engine) }).await;
            let clock = engine.settings.clock.clone();
            let now = clock.now();
            (clock, tick::grid(&engine).next(now, PERIOD_SECS_MIN) - now)
        };
        clock.sleep(pause.to_std().unwrap_or_default()).await;
    }
}

/// Jumps; see [`Engine::advance`].
pub(crate) async fn advance(engine: &Arc<Engine>, by: TimeDelta) -> Option<DateTime<Utc>> {
    let clock = &engine.settings.clock;
    let stopped = clock.stop().await?;
    let to = clock.now().checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
    switched(engine.settings.regression, async {
        loop {
            stopped.quiet().await;
            tick::pass(engine);
            stopped.quiet().await;
            let next = [tick::next_due(engine), stopped.next_waking()].into_iter().flatten().min();
            let Some(next) = next.filter(|it| *it <= to) else { break };
            clock.advance_to(next);
        }
        // Everything until then has been done, so this is one step.
        clock.advance_to(to);
        tick::pass(engine);
        stopped.quiet().await;
    })
    .await;
    Some(clock.now())
}
