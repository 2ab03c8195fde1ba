//! `snowgauge record`

use super::{
    CliError, Ending,
    connect::{FIXTURES_DIR, TargetArgs, TargetName, connect},
    execute::{ExecuteArgs, execute, println_quietly},
    exit::HELP,
    select::SUITES_DIR,
};
use crate::{
    run::{self, Selection},
    suite,
    target::{
        self, FinishedAs, LoginRequest, RecordOptions, Recorder, RecordingTarget, Statement,
        Target, TargetKind, Value,
    },
};
use clap::Args;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Run suites, and keep what the target answers as fixtures, which can be replayed without it.
///
/// What tells an account or a person is replaced before it is written, and a recording in which a
/// secret is found is not written at all. Where a fixture exists that says otherwise, the new one
/// is put beside it for `snowgauge review`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RecordArgs {
    /// Suites, or folders to search for `.slt` and `.yaml` files [default: suites].
    #[arg(value_name = "SUITE")]
    suites: Vec<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    execute: ExecuteArgs,

    /// Replace fixtures that say otherwise, without a review.
    #[arg(long)]
    replace: bool,
}

/// Orders in the data set `orders` of a recording: enough for every case, and soon built.
const SCALE: u64 = 20_000;

/// How long the account may take to say who it is.
const IDENTITY_LIMIT: Duration = Duration::from_secs(60);

pub fn record(args: RecordArgs) -> Result<Ending, CliError> {
    let name = match args.target.names().as_slice() {
        [TargetName::Replay] => {
            return Err(CliError::new("a replay says only what was recorded already")
                .hint("record a live account by `--connection`, or the emulator"));
        }
        [name] => *name,
        _ => return Err(CliError::new("a recording is made of one target at a time")),
    };
    let roots = match args.suites.is_empty() {
        true => vec![PathBuf::from(SUITES_DIR)],
        false => args.suites.clone(),
    };
    let loaded = suite::load(&roots)?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &Selection::default())
        .map_err(|err| CliError::of_plan(err, &loaded))?;

    let connected = connect(&args.target, name)?;
    let mut options = args.execute.options(&connected, SCALE)?;
    // Always the same, so that recordings differ only in what targets say.
    options.seed = args.execute.seed.unwrap_or_default();
    options.jobs = args.execute.jobs.unwrap_or(1);
    options.always_probe = true;
    let kind: TargetKind = connected.target.kind();
    let mut known = connected.known.clone();
    if kind == TargetKind::Live {
        known.identifiers.extend(connected.runtime()?.block_on(identity(&*connected.target))?);
    }
    let recorder = Recorder::new(RecordOptions {
        fixtures: args.target.fixtures.clone().unwrap_or_else(|| PathBuf::from(FIXTURES_DIR)),
        kind,
        capacity: connected.target.capacity().map(str::to_owned),
        known,
        secrets: connected.redactor.secrets().to_vec(),
        scale: options.scale,
        seed: options.seed,
    });
    let target = Arc::new(RecordingTarget::new(connected.target.clone(), recorder.clone()));
    let further = vec![Box::new(recorder.clone()) as Box<dyn run::Reporter>];
    let (summary, _) = execute(&connected, target, plan, options, &args.execute.runs, further)?;

    let mut is_whole = true;
    let mut to_review = 0;
    for finished in recorder.finish(args.replace) {
        let what = match finished.ending {
            FinishedAs::New => "recorded",
            FinishedAs::Same => "recorded, as before",
            FinishedAs::ToReview => {
                to_review += 1;
                "to review"
            }
            FinishedAs::Refused(cause) => {
                is_whole = false;
                eprintln!("error: `{}` is not recorded: {cause}", finished.path.display());
                continue;
            }
        };
        println_quietly(&format!(
            "{what}: {} ({} exchanges)",
            finished.path.display(),
            finished.exchanges
        ));
    }
    if to_review > 0 {
        println_quietly("`snowgauge review` shows what changed, and takes or leaves it");
    }
    match is_whole {
        true => Ok(Ending::of(&summary)),
        false => Ok(Ending::CouldNotRun),
    }
}

/// What the account tells of itself and of who is logged in, by kind. A connection may call all
/// of it otherwise, and not name what it has by default.
const IDENTITY: [(&str, &str); 8] = [
    ("account", "CURRENT_ACCOUNT"),
    ("account", "CURRENT_ACCOUNT_NAME"),
    ("organisation", "CURRENT_ORGANIZATION_NAME"),
    ("user", "CURRENT_USER"),
    ("role", "CURRENT_ROLE"),
    ("database", "CURRENT_DATABASE"),
    ("schema", "CURRENT_SCHEMA"),
    ("warehouse", "CURRENT_WAREHOUSE"),
];

/// Those that every server has a word for.
const ALWAYS_TOLD: [&str; 2] = ["CURRENT_ACCOUNT", "CURRENT_USER"];

/// Asks on a session that is not recorded, before anything is.
async fn identity(target: &dyn Target) -> Result<Vec<(&'static str, String)>, CliError> {
    let cannot = |what: String| {
        CliError::new(format!("cannot ask who the connection is: {what}"))
            .hint("without that a recording could tell it")
    };
    let request = LoginRequest { session: "identity".to_owned(), ..LoginRequest::default() };
    let mut session = target.login(request).await.map_err(|it| cannot(it.to_string()))?;
    let mut found = Vec::new();
    let mut failure = None;
    for (kind, function) in IDENTITY {
        let statement = Statement {
            sql: format!("SELECT {function}()"),
            give_up_after: IDENTITY_LIMIT,
            ..Statement::default()
        };
        match session.execute(&statement).await.ending {
            target::Ending::Rows(rows) => {
                let value = rows.rows.first().and_then(|it| it.first());
                if let Some(Value::Text(value)) = value
                    && !value.is_empty()
                {
                    found.push((kind, value.clone()));
                }
            }
            // What a server has no word for, it does not tell.
            target::Ending::Refused(_) if !ALWAYS_TOLD.contains(&function) => {}
            target::Ending::Refused(refusal) => {
                failure.get_or_insert(format!("`{}`: {refusal}", statement.sql));
            }
            target::Ending::TimedOut { after } => {
                failure.get_or_insert(format!("no answer within {} s", after.as_secs()));
            }
            target::Ending::Lost { cause } => {
                failure.get_or_insert(cause);
            }
            target::Ending::NotRecorded { explanation } => {
                failure.get_or_insert(explanation);
            }
        }
    }
    session.close().await;
    match failure {
        Some(failure) => Err(cannot(failure)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Reply, Scripted, Type};

    fn text(value: &str) -> Reply {
        Reply::rows([("V", Type::Text)], [[Value::Text(value.to_owned())]])
    }

    fn script() -> Scripted {
        Scripted::new()
            .otherwise(Reply::rows([("V", Type::Text)], [[Value::Null]]))
            .on("SELECT CURRENT_ACCOUNT()", text("AB12345"))
            .on("SELECT CURRENT_USER()", text("ADA"))
    }

    #[track_caller]
    fn check(target: Scripted, expected: Result<&[(&'static str, &str)], &str>) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let found = runtime.block_on(identity(&target)).map_err(|err| err.render());
        let found = found.as_ref().map(|found| {
            found.iter().map(|(kind, value)| (*kind, value.as_str())).collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref().map_err(|err| err.as_str()), expected);
    }

    #[test]
    fn an_account_is_asked_who_it_is() {
        let names: &[_] = &[("account", "AB12345"), ("user", "ADA")];
        check(script(), Ok(names));
        let names: &[_] = &[("account", "AB12345"), ("organisation", "ACME"), ("user", "ADA")];
        let refused = || Reply::refused("002140", "42601", "Unknown function");
        let with = script().on("SELECT CURRENT_ORGANIZATION_NAME()", text("ACME"));
        check(with.on("SELECT CURRENT_ACCOUNT_NAME()", refused()), Ok(names));
        check(
            script().on("SELECT CURRENT_USER()", refused()),
            Err("error: cannot ask who the connection is: `SELECT CURRENT_USER()`: 002140 \
                 (42601): Unknown function\n  hint: without that a recording could tell it\n"),
        );
        check(
            script().on("SELECT CURRENT_ROLE()", Reply::lost("gone")),
            Err("error: cannot ask who the connection is: gone\n  hint: without that a \
                 recording could tell it\n"),
        );
    }
}
