//! `snowgauge lint`

use super::{CliError, Ending, failure::print, select::SelectArgs};
use crate::{
    report::github::{Level, Mark},
    run::{self, PlanError, compare::counted},
    suite::{
        self, Loaded, SuiteErrors,
        lint::{self, Warning},
        span::Span,
    },
};
use clap::Args;

/// Check suites without running them: syntax, data sets, capabilities, variables and pins, and what is
/// likely a mistake, such as an expectation that cannot fail.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 nothing is wrong or there are warnings, 2 errors, or \
                        warnings with `--deny-warnings`.")]
pub struct LintArgs {
    #[command(flatten)]
    select: SelectArgs,

    /// Take warnings for errors.
    #[arg(long)]
    deny_warnings: bool,

    /// How to show what was found.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Over the lines it is about.
    Text,
    /// As annotations that GitHub shows beside a pull request's lines.
    Github,
}

pub fn lint(args: &LintArgs) -> Result<Ending, CliError> {
    let loaded = match suite::load(&args.select.roots()) {
        Ok(it) => it,
        Err(errors) => return errors_of(args.format, errors),
    };
    let errors: Vec<_> = loaded
        .data_sets
        .iter()
        .flat_map(run::check_data_set)
        .chain(loaded.suites.iter().flat_map(|it| run::check_suite(it, &loaded.data_sets)))
        .chain(loaded.suites.iter().flat_map(suite::pins::stale))
        .collect();
    if !errors.is_empty() {
        return errors_of(args.format, SuiteErrors::new(errors, loaded.sources));
    }
    let plan = match run::plan(&loaded.suites, &loaded.data_sets, &args.select.selection()) {
        Ok(it) => it,
        Err(PlanError::Suites(errors)) => {
            return errors_of(args.format, SuiteErrors::new(errors, loaded.sources));
        }
        Err(err) => return Err(CliError::of_plan(err, &loaded)),
    };
    let warnings = lint::lint(&loaded);
    let looked_at = format!(
        "{} in {}",
        counted(plan.keys().len(), "case"),
        counted(plan.suites.len(), "suite")
    );
    let found = match args.format {
        Format::Text => lint::render(&warnings, &loaded.sources),
        Format::Github => warnings.iter().map(of_github).collect(),
    };
    let summary = match (args.format, warnings.len()) {
        (Format::Github, _) => String::new(),
        (Format::Text, 0) => format!("nothing is wrong with {looked_at}\n"),
        (Format::Text, count) => {
            format!("\n{} about {looked_at}\n", counted(count, "warning"))
        }
    };
    print(&format!("{found}{summary}"))?;
    Ok(match args.deny_warnings && !warnings.is_empty() {
        true => Ending::CouldNotRun,
        false => Ending::AllPassed,
    })
}

/// What is said of warnings before a run: how many there are, or all of them where they end it.
pub fn before_run(loaded: &Loaded, deny_warnings: bool) -> Result<(), CliError> {
    let warnings = lint::lint(loaded);
    let count = counted(warnings.len(), "warning");
    match (warnings.len(), deny_warnings) {
        (0, _) => Ok(()),
        (_, false) => {
            eprintln!("warning: {count} about the suites; `snowgauge lint` shows them");
            Ok(())
        }
        (_, true) => {
            let text = lint::render(&warnings, &loaded.sources);
            Err(CliError::Rendered(format!("{text}\nerror: {count}, and they are denied\n")))
        }
    }
}

fn errors_of(format: Format, errors: SuiteErrors) -> Result<Ending, CliError> {
    if format == Format::Text {
        return Err(errors.into());
    }
    let annotations: String = errors
        .errors
        .iter()
        .map(|it| {
            let help = it.kind.help().unwrap_or_default();
            annotation(Level::Error, &it.span, "snowgauge", &it.kind.to_string(), &help)
        })
        .collect();
    print(&annotations)?;
    Ok(Ending::CouldNotRun)
}

fn of_github(it: &Warning) -> String {
    annotation(Level::Warning, &it.span, it.rule.name, &it.what, it.rule.remedy)
}

fn annotation(level: Level, span: &Span, title: &str, what: &str, help: &str) -> String {
    let file = span.file.display().to_string();
    let text = match help {
        "" => what.to_owned(),
        _ => format!("{what}\n{help}"),
    };
    // A file that could not be read has no line, and its column says nothing.
    let column = if span.line == 0 { 0 } else { span.column };
    let mark = Mark { level, file: Some(&file), line: span.line, column, title, text: &text };
    format!("{mark}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn an_annotation_holds_any_text() {
        #[track_caller]
        fn check(file: &str, line: usize, what: &str, help: &str, expected: &str) {
            let span = Span { line, column: 7, ..Span::of_file(PathBuf::from(file)) };
            assert_eq!(annotation(Level::Warning, &span, "a-rule", what, help), expected);
        }
        check(
            "a,b:c.slt",
            3,
            "100 % of it\nis wrong",
            "mend it: now",
            "::warning file=a%2Cb%3Ac.slt,line=3,col=7,title=a-rule::100 %25 of it%0Ais wrong%0A\
             mend it: now\n",
        );
        check("a.slt", 0, "gone", "", "::warning file=a.slt,title=a-rule::gone\n");
    }
}
