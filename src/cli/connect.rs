//! Which target: from what was typed to something that statements can be executed on.

use super::CliError;
use crate::{
    fixture::names::Known,
    secret::Redactor,
    suite::Release,
    target::{Connection, ConnectionError, LiveTarget, ReplayTarget, Target, replay},
};
use clap::{Args, ValueEnum};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Runtime;

/// Where fixtures are kept.
pub const FIXTURES_DIR: &str = "fixtures";

#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Where statements are executed [default: emulator, or live if a connection is named]. Of
    /// several, separated by commas, the outcomes are compared.
    #[arg(long, value_enum, value_name = "TARGET", value_delimiter = ',')]
    pub target: Vec<TargetName>,

    /// A connection of `connections.toml`, as the Snowflake CLI reads it.
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,

    /// The release that the emulator is, that fixtures are replayed of, or that a live account is
    /// believed to be. What an account does is probed all the same, and counts; that it is not
    /// what was given is told.
    #[arg(long, value_enum, value_name = "RELEASE")]
    pub release: Option<Release>,

    /// Fixtures to replay: the folder of one recording, or one that holds several [default:
    /// fixtures].
    #[arg(long, value_name = "DIR")]
    pub fixtures: Option<PathBuf>,

    /// Let what waits on the emulator take its time. Without it the emulator's clock is moved on,
    /// and a lag of five minutes takes none.
    #[arg(long)]
    pub real_time: bool,

    /// Let queries on the emulator take as long as a capacity model says: `seed`, or `seed@0.1` for
    /// a tenth of the time. Reports say that it is a simulation.
    #[arg(long, value_name = "NAME")]
    pub capacity: Option<String>,

    /// Refuse to replay what was recorded more than DAYS ago.
    #[arg(long, value_name = "DAYS")]
    pub max_age: Option<u64>,
    /// What is wrong with the emulator. Only of runs that look for it: a recording of it would be
    /// one of nothing.
    #[arg(skip)]
    pub regression: Option<String>,
    // Passwords and tokens come from the connection's file or the environment only. A flag would
    // show them in `ps`.
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum TargetName {
    /// A server on this machine, started for the run; needs no account.
    Emulator,
    /// Fixtures that were recorded of an account or the emulator; needs nothing at all.
    Replay,
    /// A real account; needs credentials and costs credits.
    Live,
}

impl TargetName {
    pub fn name(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Replay => "replay",
            Self::Live => "live",
        }
    }
}

impl TargetArgs {
    /// A live account is never a guess: it takes a connection, or the word.
    pub fn names(&self) -> Vec<TargetName> {
        match (self.target.as_slice(), &self.connection) {
            ([], Some(_)) => vec![TargetName::Live],
            ([], None) => vec![default_target()],
            (names, _) => names.to_vec(),
        }
    }

    pub fn fixtures(&self) -> &Path {
        self.fixtures.as_deref().unwrap_or(Path::new(FIXTURES_DIR))
    }
}

/// Without an emulator, what needs no account is a recording.
const fn default_target() -> TargetName {
    match cfg!(feature = "emulator") {
        true => TargetName::Emulator,
        false => TargetName::Replay,
    }
}

/// A target that can be used. Dropped, it stops what was started for it.
pub struct Connected {
    pub target: Arc<dyn Target>,
    /// Blanks the connection's secrets in whatever leaves the process.
    pub redactor: Redactor,
    /// What tells the account or a person, for a recording to leave out.
    pub known: Known,
    /// Where an account's server is: connections to one account have one.
    pub server: Option<String>,
    /// What an account is believed to be.
    pub release_given: Option<Release>,
    /// The fixtures that are replayed.
    pub replay: Option<Arc<ReplayTarget>>,
}

impl Connected {
    fn new(target: Arc<dyn Target>) -> Self {
        Self {
            target,
            redactor: Redactor::default(),
            known: Known::default(),
            server: None,
            release_given: None,
            replay: None,
        }
    }

    /// What to run on: the clock is the target's.
    pub fn runtime(&self) -> io::Result<Runtime> {
        match self.replay {
            Some(_) => ReplayTarget::runtime(),
            None => Runtime::new(),
        }
    }
}

/// Makes a target of the arguments. Nobody logs in yet.
pub fn connect(args: &TargetArgs, name: TargetName) -> Result<Connected, CliError> {
    let is_used = |used_by: TargetName| args.names().contains(&used_by);
    if let Some(connection) = &args.connection
        && !is_used(TargetName::Live)
    {
        let (what, other) = match name {
            TargetName::Replay => ("a replay opens no connection", "replay"),
            _ => ("the emulator is started for the run", "emulator"),
        };
        return Err(CliError::new(format!(
            "{what}, so that it cannot be the connection `{connection}`"
        ))
        .hint(format!("leave out one of `--target {other}` and `--connection`")));
    }
    if let Some(regression) = &args.regression
        && !is_used(TargetName::Emulator)
    {
        return Err(CliError::new(format!(
            "the regression `{regression}` can be switched on in the emulator only, not on the \
             target `{}`",
            name.name()
        ))
        .hint("leave out `--regression`, or use `--target emulator`"));
    }
    if args.real_time && !is_used(TargetName::Emulator) {
        return Err(CliError::new(format!(
            "the time of the target `{}` is what it is, and `--real-time` is for the emulator",
            name.name()
        ))
        .hint("leave it out: an account is always waited for, and a recording never"));
    }
    if let Some(capacity) = &args.capacity
        && !is_used(TargetName::Emulator)
    {
        return Err(CliError::new(format!(
            "the capacity model `{capacity}` is for the emulator, not for the target `{}`",
            name.name()
        ))
        .hint("leave out `--capacity`, or use `--target emulator`"));
    }
    match name {
        TargetName::Live => live(args),
        TargetName::Emulator => emulator(args),
        TargetName::Replay => replay(args),
    }
}

fn live(args: &TargetArgs) -> Result<Connected, CliError> {
    let env = |name: &str| std::env::var(name).ok();
    let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("."));
    let connection = Connection::load(args.connection.as_deref(), &env, &home)
        .map_err(|errors| CliError::Rendered(errors.iter().map(rendered).collect()))?;
    let server = connection.base_url().map_err(|err| CliError::Rendered(rendered(&err)))?;
    for warning in &connection.warnings {
        eprintln!("warning: {warning}");
    }
    let redactor = connection.redactor();
    let known = Known { run: String::new(), identifiers: connection.identifiers() };
    let target = Arc::new(LiveTarget::new(connection));
    Ok(Connected {
        redactor,
        known,
        server: Some(server.to_string()),
        release_given: args.release,
        ..Connected::new(target)
    })
}

fn rendered(err: &ConnectionError) -> String {
    let message = CliError::new(err.to_string());
    match &err.hint {
        Some(hint) => message.hint(hint),
        None => message,
    }
    .render()
}

/// The release is probed all the same: what the emulator does is what counts.
#[cfg(feature = "emulator")]
fn emulator(args: &TargetArgs) -> Result<Connected, CliError> {
    use crate::target::{EmulatorTarget, Time};
    let release = args.release.unwrap_or(Release::ZeroCopy);
    let regression = args.regression.as_deref().map(super::emulator::regression).transpose()?;
    let time = match args.real_time {
        true => Time::Real,
        false => Time::Virtual,
    };
    let capacity = args.capacity.as_deref().map(super::emulator::capacity).transpose()?;
    let target = EmulatorTarget::start_simulated(time, release, regression, capacity)
        .map_err(|err| CliError::new(format!("cannot start the emulator: {err}")))?;
    Ok(Connected::new(Arc::new(target)))
}

#[cfg(not(feature = "emulator"))]
fn emulator(_: &TargetArgs) -> Result<Connected, CliError> {
    Err(CliError::new("this `snowgauge` was built without the emulator")
        .hint("name a connection by `--connection`, or build it with the feature `emulator`"))
}

fn replay(args: &TargetArgs) -> Result<Connected, CliError> {
    let folder = replay::folder(args.fixtures(), args.release).map_err(CliError::from)?;
    let max_age = args.max_age.map(|days| Duration::from_secs(days.saturating_mul(24 * 3600)));
    let target = Arc::new(ReplayTarget::open(&folder, max_age).map_err(CliError::from)?);
    // A recording of what was told its release was never asked for it.
    let release_given = (!target.was_probed()).then(|| target.release()).flatten();
    Ok(Connected { replay: Some(target.clone()), release_given, ..Connected::new(target) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_account_takes_a_word_for_it() {
        #[track_caller]
        fn check(target: &[TargetName], connection: Option<&str>, expected: &[TargetName]) {
            let args = TargetArgs {
                target: target.to_vec(),
                connection: connection.map(str::to_owned),
                ..TargetArgs::default()
            };
            assert_eq!(args.names(), expected);
        }
        use TargetName::{Emulator, Live, Replay};
        check(&[], None, &[default_target()]);
        check(&[], Some("ci"), &[Live]);
        check(&[Live], None, &[Live]);
        check(&[Live, Emulator, Replay], Some("ci"), &[Live, Emulator, Replay]);
    }

    #[test]
    fn a_connection_is_of_no_use_to_what_is_not_live() {
        #[track_caller]
        fn check(name: TargetName, expected: &str) {
            let args = TargetArgs {
                target: vec![name],
                connection: Some("ci".to_owned()),
                ..TargetArgs::default()
            };
            let Err(err) = connect(&args, name) else { panic!("a connection to {name:?}") };
            assert_eq!(err.render(), expected);
        }
        check(
            TargetName::Emulator,
            "error: the emulator is started for the run, so that it cannot be the connection \
             `ci`\n  hint: leave out one of `--target emulator` and `--connection`\n",
        );
        check(
            TargetName::Replay,
            "error: a replay opens no connection, so that it cannot be the connection \
             `ci`\n  hint: leave out one of `--target replay` and `--connection`\n",
        );
    }

    #[test]
    fn only_the_emulator_can_have_something_wrong() {
        let regression = Some("timeout-not-enforced".to_owned());
        let target = vec![TargetName::Replay];
        let args = TargetArgs { target, regression, ..TargetArgs::default() };
        let Err(err) = connect(&args, TargetName::Replay) else { panic!("it was switched on") };
        assert_eq!(
            err.render(),
            "error: the regression `timeout-not-enforced` can be switched on in the emulator only, \
             not on the target `replay`\n  hint: leave out `--regression`, or use `--target \
             emulator`\n",
        );
    }
}
