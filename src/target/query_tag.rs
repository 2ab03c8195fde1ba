//! Who executes a statement.

use std::fmt;

/// Who executes a statement: a run, a suite, a case. Shown, it is the statement's `QUERY_TAG`:
/// `snowgauge/SG7F3K2QXA/limits::dml/L-09 update is rejected`. A recording files exchanges by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryTag {
    /// The run's id. Without one, nothing is tagged.
    pub run: String,
    pub owner: Owner,
    pub part: Part,
    /// The owner's cases rely on those before them.
    pub ordered: bool,
}

/// Whose work a statement is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The run's own: its objects, its questions about the target.
    #[default]
    Run,
    DataSet(String),
    Suite(String),
}

/// Which of its owner's work a statement is. Parts are executed in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Drops what killed runs left. It sees others' objects, so that it is part of no recording.
    Sweep,
    /// Makes what the rest stands in: the run's warehouse, a suite's schema.
    #[default]
    Objects,
    /// Makes the run's interactive warehouse.
    Interactive,
    /// Asks which release the target is.
    Probe,
    /// Brings a session to where it starts: at any time, any number of times.
    Sessions,
    /// The set-up of a suite, the statements of a data set.
    SetUp,
    /// A case, by id and name: `L-09 update is rejected`.
    Case(String),
    /// The requests of a case that is a load. Of them all only what they came to is recorded, as a
    /// part of the case.
    Load(String),
    /// Drops what was made, in any order.
    CleanUp,
}

impl Owner {
    /// For people.
    pub fn name(&self) -> &str {
        match self {
            Self::Run => "the run",
            Self::DataSet(name) | Self::Suite(name) => name,
        }
    }
}

impl QueryTag {
    pub fn new(run: impl Into<String>, owner: Owner, part: Part) -> Self {
        Self { run: run.into(), owner, part, ordered: false }
    }

    /// The same, of an owner whose cases rely on those before them.
    pub fn ordered(self, ordered: bool) -> Self {
        Self { ordered, ..self }
    }

    /// Another part of the same owner's work.
    pub fn part(&self, part: Part) -> Self {
        Self { part, ..self.clone() }
    }

    /// The same run's, for another.
    pub fn owner(&self, owner: Owner, part: Part) -> Self {
        Self::new(self.run.clone(), owner, part)
    }

    pub fn is_empty(&self) -> bool {
        self.run.is_empty()
    }
}

impl fmt::Display for QueryTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        write!(f, "snowgauge/{}", self.run)?;
        if let Owner::DataSet(name) | Owner::Suite(name) = &self.owner {
            write!(f, "/{name}")?;
        }
        match &self.part {
            Part::Case(name) | Part::Load(name) => write!(f, "/{name}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_who() {
        let run = QueryTag::new("SG1", Owner::Run, Part::Objects);
        assert_eq!(run.to_string(), "snowgauge/SG1");
        let suite = run.owner(Owner::Suite("limits::dml".to_owned()), Part::SetUp);
        assert_eq!(suite.to_string(), "snowgauge/SG1/limits::dml");
        let case = suite.part(Part::Case("L-09".to_owned()));
        assert_eq!(case.to_string(), "snowgauge/SG1/limits::dml/L-09");
        assert_eq!(QueryTag::default().to_string(), "");
    }
}
