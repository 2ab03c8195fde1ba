//! Which target: from what was typed to something that statements can be executed on.

use super::CliError;
use crate::{
    secret::Redactor,
    suite::Release,
    target::{Connection, ConnectionError, LiveTarget, Target},
};
use clap::{Args, ValueEnum};
use std::{path::PathBuf, sync::Arc};

#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Where statements are executed [default: emulator, or live if a connection is named].
    #[arg(long, value_enum, value_name = "TARGET")]
    pub target: Option<TargetName>,

    /// A connection of `connections.toml`, as the Snowflake CLI reads it.
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,

    /// The release that the emulator is, or that a live account is taken for without probing it.
    #[arg(long, value_enum, value_name = "RELEASE")]
    pub release: Option<Release>,
    // Passwords and tokens come from the connection's file or the environment only. A flag would
    // show them in `ps`.
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// A server on this machine, started for the run; needs no account.
    Emulator,
    /// A real account; needs credentials and costs credits.
    Live,
}

impl TargetArgs {
    /// A live account is never a guess: it takes a connection, or the word.
    pub fn name(&self) -> TargetName {
        match (&self.target, &self.connection) {
            (Some(name), _) => *name,
            (None, Some(_)) => TargetName::Live,
            (None, None) => TargetName::Emulator,
        }
    }
}

/// A target that can be used. Dropped, it stops what was started for it.
pub struct Connected {
    pub target: Arc<dyn Target>,
    /// Blanks the connection's secrets in whatever leaves the process.
    pub redactor: Redactor,
    /// The release where it was given rather than to be probed.
    pub release_given: Option<Release>,
}

/// Makes a target of the arguments. Nobody logs in yet.
pub fn connect(args: &TargetArgs) -> Result<Connected, CliError> {
    match args.name() {
        TargetName::Live => live(args),
        TargetName::Emulator => match &args.connection {
            None => emulator(args),
            Some(name) => Err(CliError::new(format!(
                "the emulator is started for the run, so that it cannot be the connection `{name}`"
            ))
            .hint("leave out one of `--target emulator` and `--connection`")),
        },
    }
}

fn live(args: &TargetArgs) -> Result<Connected, CliError> {
    let env = |name: &str| std::env::var(name).ok();
    let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("."));
    let connection = Connection::load(args.connection.as_deref(), &env, &home)
        .map_err(|errors| CliError::Rendered(errors.iter().map(rendered).collect()))?;
    connection.base_url().map_err(|err| CliError::Rendered(rendered(&err)))?;
    for warning in &connection.warnings {
        eprintln!("warning: {warning}");
    }
    let redactor = connection.redactor();
    let target = Arc::new(LiveTarget::new(connection));
    Ok(Connected { target, redactor, release_given: args.release })
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
    let release = args.release.unwrap_or(Release::ZeroCopy);
    let target = crate::target::EmulatorTarget::start(release)
        .map_err(|err| CliError::new(format!("cannot start the emulator: {err}")))?;
    Ok(Connected { target: Arc::new(target), redactor: Redactor::default(), release_given: None })
}

#[cfg(not(feature = "emulator"))]
fn emulator(_: &TargetArgs) -> Result<Connected, CliError> {
    Err(CliError::new("this `snowgauge` was built without the emulator")
        .hint("name a connection by `--connection`, or build it with the feature `emulator`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_account_takes_a_word_for_it() {
        let args = |target, connection: Option<&str>| TargetArgs {
            target,
            connection: connection.map(str::to_owned),
            release: None,
        };
        assert_eq!(args(None, None).name(), TargetName::Emulator);
        assert_eq!(args(None, Some("ci")).name(), TargetName::Live);
        assert_eq!(args(Some(TargetName::Live), None).name(), TargetName::Live);
        let both = connect(&args(Some(TargetName::Emulator), Some("ci")));
        let Err(err) = both else { panic!("a connection that is an emulator") };
        assert_eq!(
            err.render(),
            "error: the emulator is started for the run, so that it cannot be the connection \
             `ci`\n  hint: leave out one of `--target emulator` and `--connection`\n"
        );
    }
}
