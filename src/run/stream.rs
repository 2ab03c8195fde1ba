//! The one stream of events that every report reads.

use super::{CaseKey, Event, RunSummary, summary::Fold};
use crate::secret::Redactor;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Something that reads the events of a run as they happen: the journal, the terminal.
pub trait Reporter: Send {
    fn event(&mut self, event: &Event) -> io::Result<()>;
}

/// Where the runner sends events. Clones send to the same reporters, one event at a time.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    redactor: Redactor,
    reporters: Vec<Box<dyn Reporter>>,
    fold: Fold,
    /// The first thing that a reporter could not write.
    failure: Option<String>,
}

impl Events {
    /// `redactor` blanks secrets in every text before any reporter sees it.
    pub fn new(redactor: Redactor, reporters: Vec<Box<dyn Reporter>>) -> Self {
        let inner = Inner { redactor, reporters, fold: Fold::default(), failure: None };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    pub fn send(&self, event: Event) {
        let mut inner = self.lock();
        let event = redacted(event, &inner.redactor);
        inner.fold.event(&event);
        let Inner { reporters, failure, .. } = &mut *inner;
        for reporter in reporters {
            if let Err(err) = reporter.event(&event) {
                failure.get_or_insert_with(|| err.to_string());
            }
        }
    }

    /// All that is known so far. Cases that did not end are `not run`.
    pub fn summary(&self) -> RunSummary {
        self.lock().fold.summary()
    }

    /// Those of `cases` that did not end yet.
    pub fn not_ended(&self, cases: &[CaseKey]) -> Vec<CaseKey> {
        let inner = self.lock();
        cases.iter().filter(|it| !inner.fold.has_ended(it)).cloned().collect()
    }

    /// What a reporter could not write, such as a journal on a full disk.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// A reporter that panicked must not take the run's clean-up with it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event with known secrets blanked in every text. Servers write texts too, and some of them
/// quote what they were sent.
fn redacted(event: Event, redactor: &Redactor) -> Event {
    let Ok(mut json) = serde_json::to_value(&event) else { return event };
    match redact_json(&mut json, redactor) {
        false => event,
        // What was blanked is text, so that the shape is the same.
        true => serde_json::from_value(json).unwrap_or_else(|_| Event::Work {
            what: "an event that cannot be shown, since a secret is in its structure".to_owned(),
            took_us: 0,
            failure: None,
        }),
    }
}

/// Whether anything was blanked.
fn redact_json(json: &mut serde_json::Value, redactor: &Redactor) -> bool {
    match json {
        serde_json::Value::String(text) => {
            let clean = redactor.redact(text).into_owned();
            let changed = clean != *text;
            *text = clean;
            changed
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().fold(false, |changed, it| redact_json(it, redactor) | changed)
        }
        serde_json::Value::Object(fields) => {
            fields.values_mut().fold(false, |changed, it| redact_json(it, redactor) | changed)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<Event>>>);

    impl Reporter for Recorder {
        fn event(&mut self, event: &Event) -> io::Result<()> {
            self.0.lock().unwrap().push(event.clone());
            Ok(())
        }
    }

    #[test]
    fn secrets_are_blanked_before_any_reporter_sees_them() {
        let recorder = Recorder::default();
        let redactor = Redactor::new([Secret::new("hunter2")]);
        let events = Events::new(redactor, vec![Box::new(recorder.clone())]);

        let work = |what: &str, failure: &str| Event::Work {
            what: what.to_owned(),
            took_us: u64::MAX,
            failure: Some(failure.to_owned()),
        };
        events.send(work("log in", "bad token hunter2 for ada"));

        let seen = recorder.0.lock().unwrap().clone();
        assert_eq!(seen, [work("log in", "bad token <redacted> for ada")]);
        assert_eq!(
            events.summary().work[0].failure.as_deref(),
            Some("bad token <redacted> for ada")
        );
    }

    struct FullDisk;

    impl Reporter for FullDisk {
        fn event(&mut self, _: &Event) -> io::Result<()> {
            Err(io::Error::other("no space left on device"))
        }
    }

    #[test]
    fn a_reporter_that_cannot_write_is_known_of_and_stops_nobody() {
        let recorder = Recorder::default();
        let events =
            Events::new(Redactor::default(), vec![Box::new(FullDisk), Box::new(recorder.clone())]);
        events.send(Event::Fact { name: "region".to_owned(), value: "AWS".to_owned() });
        assert_eq!(events.failure().as_deref(), Some("no space left on device"));
        assert_eq!(recorder.0.lock().unwrap().len(), 1);
    }
}
