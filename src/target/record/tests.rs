//! What of a session's exchanges is kept, and what stops a recording.

use super::*;
use crate::target::{Reply, Scripted, Type};
use std::fs;

const RUN: &str = "SGAAAAAAAA";

/// A script that comes to know secrets.
struct Knowing {
    script: Scripted,
    /// Told from the second statement on.
    secret: &'static str,
}

impl Target for Knowing {
    fn kind(&self) -> TargetKind {
        TargetKind::Scripted
    }

    fn place(&self) -> String {
        self.script.place()
    }

    fn secrets(&self) -> Vec<Secret> {
        let is_told = self.script.executed().len() > 1;
        ["never-said", self.secret].map(Secret::new)[..1 + usize::from(is_told)].to_vec()
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        self.script.login(request)
    }

    fn now(&self) -> DateTime<Utc> {
        self.script.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.script.sleep(duration)
    }
}

struct Recorded {
    folder: tempfile::TempDir,
    finished: Vec<Finished>,
}

impl Recorded {
    /// Of the one suite: its fixture's text, or why there is none.
    fn text(&self) -> String {
        let [Finished { path, ending, .. }] = self.finished.as_slice() else {
            panic!("{:?}", self.finished)
        };
        match ending {
            FinishedAs::Refused(cause) => {
                let left: Vec<_> = files::find_fixtures(self.folder.path()).unwrap();
                assert!(left.is_empty(), "{left:?}");
                format!("refused: {cause}")
            }
            _ => fs::read_to_string(path).unwrap(),
        }
    }
}

/// Records these statements as one suite's case.
fn record(target: impl Target + 'static, facts: &[(&str, &str)], statements: &[&str]) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(RecordOptions {
        fixtures: folder.path().to_owned(),
        kind: TargetKind::Scripted,
        known: Known::default(),
        secrets: Vec::new(),
        scale: 20_000,
        seed: 0,
    });
    for (name, value) in facts {
        let (name, value) = ((*name).to_owned(), (*value).to_owned());
        recorder.event(&Event::Fact { name, value }).unwrap();
    }
    let target = RecordingTarget::new(Arc::new(target), recorder.clone());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let part = Part::Case("a".to_owned());
        let tag = QueryTag::new(RUN, Owner::Suite("s".to_owned()), part);
        let request =
            LoginRequest { session: "standard".to_owned(), tag, ..LoginRequest::default() };
        let mut session = target.login(request).await.unwrap();
        for sql in statements {
            let statement = Statement { sql: (*sql).to_owned(), ..Statement::default() };
            session.execute(&statement).await;
        }
    });
    let finished = recorder.finish(false);
    Recorded { folder, finished }
}

fn text(value: &str) -> Reply {
    Reply::rows([("TEXT", Type::Text)], [[Value::Text(value.to_owned())]])
}

#[test]
fn a_token_that_comes_of_a_login_is_looked_for_also_in_what_was_written_before() {
    let target = || {
        let script = Scripted::new().on("SELECT 1", text("x t0k3n-of-the-day y"));
        Knowing { script: script.on("SELECT 2", text("2")), secret: "t0k3n-of-the-day" }
    };
    let said = "refused: it would hold what must not be in a fixture: a known secret";
    for statements in [&["SELECT 1", "SELECT 2"], &["SELECT 2", "SELECT 1"]] {
        let text = record(target(), &[], statements).text();
        assert!(text.starts_with(said), "{statements:?}: {text}");
    }
    let text = record(target(), &[], &["SELECT 2", "SELECT 2"]).text();
    assert!(text.contains("SELECT 2"), "{text}");
}
