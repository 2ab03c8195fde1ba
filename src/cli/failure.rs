//! What a subcommand says when it cannot do its job.

use crate::{
    run::PlanError,
    suite::{Loaded, SuiteErrors},
    target::ReplayError,
};
use std::io;

/// One or more errors, each with a place where there is one and a hint where there is advice.
#[derive(Debug)]
pub enum CliError {
    /// What is written is complete, and ends in a line break.
    Rendered(String),
    Message {
        message: String,
        hint: Option<String>,
    },
    /// Whoever read our output has gone, as `head` does. Nothing is wrong.
    BrokenPipe,
}

impl CliError {
    pub fn new(message: impl Into<String>) -> Self {
        Self::Message { message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Message { message, .. } => Self::Message { message, hint: Some(hint.into()) },
            other => other,
        }
    }

    /// As it goes to standard error.
    pub fn render(&self) -> String {
        match self {
            Self::Rendered(text) => text.clone(),
            Self::Message { message, hint } => error(message, hint.as_deref()),
            Self::BrokenPipe => String::new(),
        }
    }
}

fn error(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("error: {message}\n  hint: {hint}\n"),
        None => format!("error: {message}\n"),
    }
}

impl From<io::Error> for CliError {
    fn from(err: io::Error) -> Self {
        match err.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::new(err.to_string()),
        }
    }
}

impl From<ReplayError> for CliError {
    fn from(err: ReplayError) -> Self {
        Self::Message { message: err.message, hint: err.hint }
    }
}

impl From<crate::run::journal::JournalError> for CliError {
    fn from(err: crate::run::journal::JournalError) -> Self {
        Self::Message { message: err.to_string(), hint: err.hint() }
    }
}

impl From<SuiteErrors> for CliError {
    fn from(errors: SuiteErrors) -> Self {
        let mut text = errors.to_string();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Self::Rendered(text)
    }
}

impl CliError {
    /// Errors in suites are shown over their lines, which `loaded` has.
    pub fn of_plan(err: PlanError, loaded: &Loaded) -> Self {
        match err {
            PlanError::Nothing { message, hint } => Self::Message { message, hint },
            PlanError::Suites(errors) => SuiteErrors::new(errors, loaded.sources.clone()).into(),
        }
    }
}

/// Standard output, quiet about a reader that has gone.
pub fn print(text: &str) -> Result<(), CliError> {
    use io::Write;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_hint_below_it() {
        let text = CliError::new("no run `X`").hint("`snowgauge run` makes one").render();
        assert_eq!(text, "error: no run `X`\n  hint: `snowgauge run` makes one\n");
        let pipe = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(pipe.render(), "");
    }
}
