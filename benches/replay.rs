//! Replays: how many recorded exchanges a second a replaying target answers.
//!
//! `cargo bench --bench replay`. All suites are replayed once, which is timed, and what they asked
//! for is written down; then the same is asked for again and again, each time as another run,
//! without the runner around it. The clock is paused, as in every replay.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use snowgauge::{
    run::{self, Events, RunId, RunOptions, Selection, Stop},
    secret::Redactor,
    suite,
    target::{
        Cancel, Ending, Execution, LoginError, LoginRequest, ReplayTarget, Session, Statement,
        Target, TargetKind, replay,
    },
};
use std::{
    error::Error,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const ROUNDS: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    println!("recording               cases   suites replayed   exchanges a second");
    for folder in replay::folders(Path::new("fixtures"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (cases, took, log) = whole(&folder)?;
        let rate = exchanges(&folder, &log)?;
        println!("{name:<22} {cases:>6} {:>15.3} s {rate:>20.0}", took.as_secs_f64());
    }
    Ok(())
}

/// The run id while it is written down.
const RUN: &str = "SGWRITTEN0";

/// All suites, from their files to their verdicts.
fn whole(folder: &Path) -> Result<(usize, Duration, Vec<Asked>), Box<dyn Error>> {
    let started_at = Instant::now();
    let loaded = suite::load(&["suites".into()])?;
    let replay = ReplayTarget::open(folder, None)?;
    let mut options = RunOptions::new(RunId::fixed(RUN));
    (options.scale, options.seed) = (replay.header().scale, replay.header().seed);
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &Selection::default())?;
    let events = Events::new(Redactor::default(), Vec::new());
    let target = Arc::new(Listening { replay, log: Arc::default() });
    let run = run::execute(plan, target.clone(), options, events, Stop::default());
    let summary = ReplayTarget::runtime()?.block_on(run);
    let log = target.log.lock().map_err(|_| "the log is broken")?.clone();
    Ok((summary.cases.len(), started_at.elapsed(), log))
}

/// What was asked for, by the number of the session.
#[derive(Clone)]
enum Asked {
    Login(LoginRequest),
    Execute(usize, Statement),
}

/// Exchanges a second.
fn exchanges(folder: &Path, log: &[Asked]) -> Result<f64, Box<dyn Error>> {
    let target = ReplayTarget::open(folder, None)?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        rounds.push(log.iter().map(|it| it.of(&format!("SG{round:08}"))).collect::<Vec<_>>());
    }
    let mut answered = 0_u64;
    let started_at = Instant::now();
    let played: Result<(), Box<dyn Error>> = ReplayTarget::runtime()?.block_on(async {
        for round in rounds {
            let mut sessions: Vec<Box<dyn Session>> = Vec::new();
            for asked in round {
                match asked {
                    Asked::Login(request) => sessions.push(target.login(request).await?),
                    Asked::Execute(session, statement) => {
                        let execution = sessions[session].execute(&statement).await;
                        if let Ending::NotRecorded { explanation } = execution.ending {
                            return Err(explanation.into());
                        }
                        answered += 1;
                    }
                }
            }
        }
        Ok(())
    });
    played?;
    Ok(answered as f64 / started_at.elapsed().as_secs_f64())
}

impl Asked {
    /// The same, of another run.
    fn of(&self, run: &str) -> Self {
        let mut asked = self.clone();
        match &mut asked {
            Self::Login(request) => request.tag.run = run.to_owned(),
            Self::Execute(_, statement) => {
                statement.sql = statement.sql.replace(RUN, run);
                if let Some(tag) = &mut statement.tag {
                    tag.run = run.to_owned();
                }
            }
        }
        asked
    }
}

/// A replay that writes down what it is asked for.
struct Listening {
    replay: ReplayTarget,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Target for Listening {
    fn kind(&self) -> TargetKind {
        self.replay.kind()
    }

    fn place(&self) -> String {
        self.replay.place()
    }

    fn labels(&self) -> Vec<&'static str> {
        self.replay.labels()
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        Box::pin(async move {
            let number = {
                let mut log = self.log.lock().unwrap();
                log.push(Asked::Login(request.clone()));
                log.iter().filter(|it| matches!(it, Asked::Login(_))).count() - 1
            };
            let inner = self.replay.login(request).await?;
            let log = self.log.clone();
            Ok(Box::new(ListeningSession { inner, number, log }) as Box<dyn Session>)
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.replay.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.replay.sleep(duration)
    }
}

struct ListeningSession {
    inner: Box<dyn Session>,
    number: usize,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Session for ListeningSession {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution> {
        self.log.lock().unwrap().push(Asked::Execute(self.number, statement.clone()));
        self.inner.execute(statement)
    }

    fn canceller(&self) -> Arc<dyn Cancel> {
        self.inner.canceller()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}
