//! Measuring again what looks worse, on the target that was named.

use super::GateArgs;
use crate::{
    cli::{
        CliError, Connected,
        connect::{TargetName, connect},
        execute::{execute, println_quietly},
        exit::INTERRUPTED,
        run::SCALE,
    },
    gate::Answer,
    history::{Night, SeriesKey},
    run::{self, CaseKey, Selection, compare::counted, key},
    suite::{self, Loaded},
};
use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
};

/// What is known of the target once it was asked for.
enum Ground {
    /// Nobody asked yet.
    Unknown,
    Ready(Box<(Connected, Loaded)>),
    /// Why nothing can be measured again.
    None(String),
}

/// Executes the cases again that the gate asks for: all of them once in each round, so that their
/// samples take turns.
pub struct Again<'a> {
    args: &'a GateArgs,
    tonight: &'a Night,
    ground: Ground,
    credits: f64,
    interrupted: bool,
}

impl<'a> Again<'a> {
    pub fn new(args: &'a GateArgs, tonight: &'a Night) -> Self {
        Self { args, tonight, ground: Ground::Unknown, credits: 0.0, interrupted: false }
    }

    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// One more sample of each, or why there is none.
    pub fn sample(&mut self, asked: &[SeriesKey]) -> Vec<(SeriesKey, Answer)> {
        match self.night(asked) {
            Ok(night) => answers(&night, asked),
            Err(why) => {
                let none = |it: &SeriesKey| (it.clone(), Answer::NotTaken { why: why.clone() });
                asked.iter().map(none).collect()
            }
        }
    }

    fn night(&mut self, asked: &[SeriesKey]) -> Result<Night, String> {
        if self.interrupted {
            return Err(INTERRUPTED.to_owned());
        }
        if matches!(self.ground, Ground::Unknown) {
            self.ground = match self.prepare() {
                Ok(ready) => Ground::Ready(Box::new(ready)),
                Err(why) => Ground::None(why),
            };
        }
        let ready = match &self.ground {
            Ground::Ready(ready) => ready,
            Ground::None(why) => return Err(why.clone()),
            Ground::Unknown => return Err("there is no target".to_owned()),
        };
        let (connected, loaded) = &**ready;
        let cases: BTreeSet<(&str, &str)> =
            asked.iter().map(|it| (it.suite.as_str(), it.case.as_str())).collect();
        let keys = named(loaded, &cases);
        if keys.is_empty() {
            return Err("the suites have no such case any more".to_owned());
        }
        println_quietly(&format!(
            "\nmeasured again: {} series in {}",
            asked.len(),
            counted(keys.len(), "case")
        ));
        let selection = Selection { exactly: Some(keys), ..Selection::default() };
        let in_a_line = |err: CliError| err.render().lines().next().unwrap_or_default().to_owned();
        let plan = run::plan(&loaded.suites, &loaded.data_sets, &selection)
            .map_err(|err| in_a_line(CliError::of_plan(err, loaded)))?;
        let mut options = self.args.execute.options(connected, SCALE).map_err(in_a_line)?;
        options.scale = self.tonight.scale;
        options.credits_max = self.args.execute.max_credits.map(|it| (it - self.credits).max(0.0));
        let target = connected.target.clone();
        let runs: PathBuf = self.args.execute.runs.join(AGAIN_DIR);
        let (summary, _) =
            execute(connected, target, plan, options, &runs, Vec::new()).map_err(in_a_line)?;
        self.interrupted = summary.cut_short.as_deref() == Some(INTERRUPTED);
        let night = Night::of(&summary);
        self.credits += credits(&night);
        match night.testbed == self.tonight.testbed {
            true => Ok(night),
            false => Err(format!(
                "it is on `{}`, and tonight was on `{}`",
                night.testbed, self.tonight.testbed
            )),
        }
    }

    fn prepare(&self) -> Result<(Connected, Loaded), String> {
        let args = &self.args.target;
        if args.target.is_empty() && args.connection.is_none() {
            return Err("no target was named to measure it again on".to_owned());
        }
        let name = match args.names().as_slice() {
            [TargetName::Replay] => return Err("a replay measures nothing again".to_owned()),
            [name] => *name,
            _ => return Err("several targets were named to measure it again on".to_owned()),
        };
        let in_a_line = |err: CliError| err.render().trim().replace('\n', " ");
        let connected = connect(args, name).map_err(in_a_line)?;
        let roots = match self.args.suites.is_empty() {
            true => vec![PathBuf::from(crate::cli::select::SUITES_DIR)],
            false => self.args.suites.clone(),
        };
        let loaded = suite::load(&roots).map_err(|err| in_a_line(err.into()))?;
        Ok((connected, loaded))
    }
}

/// Runs that are no nights, in the folder of runs: the latest run stays the night.
const AGAIN_DIR: &str = "again";

/// The cases of these names. Of several cases of one name only the first is known by it alone.
fn named(loaded: &Loaded, names: &BTreeSet<(&str, &str)>) -> HashSet<CaseKey> {
    let mut keys = HashSet::new();
    for suite in &loaded.suites {
        for case in &suite.cases {
            let key = key(suite, case);
            let name = (key.suite.as_str(), key.name.as_str());
            let is_first =
                !keys.iter().any(|it: &CaseKey| (&it.suite, &it.name) == (&key.suite, &key.name));
            if names.contains(&name) && is_first {
                keys.insert(key);
            }
        }
    }
    keys
}

fn credits(night: &Night) -> f64 {
    let of_run = night.quantities.iter().find(|it| it.series.metric == "credits");
    of_run.and_then(|it| it.first.reading.value()).unwrap_or_default()
}

/// What the run cost is the first one's: the others were measured beside it.
fn answers(night: &Night, asked: &[SeriesKey]) -> Vec<(SeriesKey, Answer)> {
    let mut cost = Some(credits(night));
    let answer = |it: &SeriesKey| {
        let found = night.quantities.iter().find(|quantity| quantity.series == *it);
        let answer = match found {
            Some(quantity) => {
                Answer::Sampled { sample: quantity.first.clone(), credits: cost.take() }
            }
            None => {
                let outcome = night.outcomes.iter().find(|case| case.case == it.case);
                let why = outcome.map(|it| match &it.reason {
                    Some(reason) => format!("the case was {}: {reason}", it.outcome),
                    None => "the case does not measure it any more".to_owned(),
                });
                Answer::NotTaken { why: why.unwrap_or_else(|| "the case was not run".to_owned()) }
            }
        };
        (it.clone(), answer)
    };
    asked.iter().map(answer).collect()
}
