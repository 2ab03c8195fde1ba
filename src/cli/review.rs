//! `snowgauge review`

use super::{CliError, Ending, failure::print, select::SUITES_DIR};
use crate::{
    fixture::{
        Fixture,
        files::{self, FIXTURES_DIR, FilesError},
        prune,
        review::{self, SectionChange},
    },
    report::terminal::Colour,
    run::compare::counted,
    suite,
    target::Part,
};
use clap::Args;
use std::{
    collections::HashSet,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

/// Accept or reject what a new recording says otherwise than the old one, case by case.
///
/// A recording that differs in more than time lies beside the old one, with `.new` behind its
/// name. It stays there until every case in it is decided.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 nothing is left to review, 1 something is, 2 could not \
                        review.")]
pub struct ReviewArgs {
    /// A folder to search for recordings, or one of them.
    #[arg(value_name = "FIXTURES", default_value = FIXTURES_DIR)]
    fixtures: PathBuf,

    /// Take over every change.
    #[arg(long, conflicts_with = "reject_all")]
    accept_all: bool,

    /// Keep the old recordings, and remove the new ones.
    #[arg(long)]
    reject_all: bool,

    /// List recordings without a suite or case that they are of.
    #[arg(long, conflicts_with_all = ["accept_all", "reject_all"])]
    unused: bool,

    /// Remove recordings without a suite or case that they are of.
    #[arg(long, conflicts_with_all = ["accept_all", "reject_all", "unused"])]
    drop_unused: bool,

    /// Where all suites are, to tell what is unused.
    #[arg(long = "suite", value_name = "SUITE", default_value = SUITES_DIR)]
    suites: Vec<PathBuf>,
}

pub fn review(args: &ReviewArgs) -> Result<Ending, CliError> {
    if args.unused || args.drop_unused {
        return unused(args);
    }
    let pending = pending(&args.fixtures).map_err(|err| cannot(&err))?;
    if pending.is_empty() {
        print(&format!("nothing to review in `{}`\n", args.fixtures.display()))?;
        return Ok(Ending::AllPassed);
    }
    let colour = super::execute::colour();
    let mut ask: Box<dyn Ask> = match (args.accept_all, args.reject_all) {
        (true, _) => Box::new(Always(Answer::Accept)),
        (_, true) => Box::new(Always(Answer::Reject)),
        _ if io::stdin().is_terminal() && io::stdout().is_terminal() => Box::new(Person),
        _ => Box::new(Always(Answer::Skip)),
    };
    let mut tally = Tally::default();
    let mut rest = None;
    let show = &mut |text: &str| print(text);
    for new in &pending {
        match rest {
            Some(Answer::Quit) => tally.left += 1,
            _ => tally.add(one(new, colour, show, ask.as_mut(), &mut rest)?),
        }
    }
    print(&tally.in_words())?;
    Ok(if tally.left == 0 { Ending::AllPassed } else { Ending::SomeFailed })
}

/// Recordings that wait, at and below a path. One is meant by either of its names, since the one
/// that people know is the old one's.
fn pending(path: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let new = files::new_path(path);
    match new.is_file() {
        true => Ok(vec![new]),
        false => files::find_new(path),
    }
}

/// What a review came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Parts of recordings: cases, set-ups, …
    accepted: usize,
    rejected: usize,
    /// Recordings of which something is left.
    left: usize,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.left += other.left;
    }

    fn in_words(&self) -> String {
        let Self { accepted, rejected, left } = *self;
        let mut text = match accepted + rejected {
            // Only time differed, or nothing was decided.
            0 => String::new(),
            _ => format!("accepted {accepted}, rejected {rejected}\n"),
        };
        if left > 0 {
            text += &format!(
                "{} left; `snowgauge review` on a terminal asks about each, `--accept-all` and \
                 `--reject-all` decide\n",
                counted(left, "recording")
            );
        }
        text
    }
}

type Show<'a> = dyn FnMut(&str) -> Result<(), CliError> + 'a;

/// Reviews one recording.
fn one(
    new_path: &Path,
    colour: Colour,
    show: &mut Show<'_>,
    ask: &mut dyn Ask,
    rest: &mut Option<Answer>,
) -> Result<Tally, CliError> {
    let old_path = files::old_path(new_path);
    let new = files::read(new_path).map_err(|err| cannot(&err))?.fixture;
    let old = match old_path.exists() {
        true => Some(files::read(&old_path).map_err(|err| cannot(&err))?.fixture),
        false => None,
    };
    if rest.is_none() {
        show(&format!("{}\n", old_path.display()))?;
    }
    if let Some(old) = &old
        && let Some(why) = is_older(old, &new)
    {
        if let Some(Answer::Accept | Answer::All) = rest {
            show(&format!("{}\n", old_path.display()))?;
        }
        show(&format!("{why}\n"))?;
        if answered(ask, rest, "it cannot be accepted; reject it")? != Answer::Reject {
            return Ok(Tally { left: 1, ..Tally::default() });
        }
        files::remove(new_path).map_err(|err| cannot(&err))?;
        let rejected = review::changes(Some(old), &new).len().max(1);
        return Ok(Tally { rejected, ..Tally::default() });
    }
    let decided = decide(old.as_ref(), &new, colour, show, ask, rest)?;
    if let Some(fixture) = &decided.old {
        files::write(&old_path, fixture).map_err(|err| cannot(&err))?;
    }
    // The old one is on disk by now: whatever ends the program here loses nothing.
    match &decided.new {
        None => files::remove(new_path).map_err(|err| cannot(&err))?,
        Some(fixture) if *fixture != new => {
            files::write(new_path, fixture).map_err(|err| cannot(&err))?;
        }
        Some(_) => {}
    }
    Ok(Tally { left: usize::from(decided.new.is_some()), ..decided.tally })
}

/// Why a recording must not replace another: what it says was true before.
fn is_older(old: &Fixture, new: &Fixture) -> Option<String> {
    let at = |it: &Fixture| it.header.recorded_at.format("%Y-%m-%d %H:%M:%S UTC");
    (new.header.recorded_at < old.header.recorded_at).then(|| {
        format!(
            "recorded at {}, which is before the one that it would replace, of {}: record it again",
            at(new),
            at(old)
        )
    })
}

/// One answer, for what follows as well where that was asked for: then it is [`Answer::Accept`] or
/// [`Answer::Skip`].
fn answered(
    ask: &mut dyn Ask,
    rest: &mut Option<Answer>,
    question: &str,
) -> Result<Answer, CliError> {
    let answer = match *rest {
        Some(answer) => answer,
        None => ask.ask(question)?,
    };
    Ok(match answer {
        Answer::All => {
            *rest = Some(Answer::Accept);
            Answer::Accept
        }
        Answer::Quit => {
            *rest = Some(Answer::Quit);
            Answer::Skip
        }
        other => other,
    })
}

/// What is to be on disk after a review.
#[derive(Debug, PartialEq)]
struct Decided {
    /// Instead of the old recording. `None`: it stays as it is.
    old: Option<Fixture>,
    /// Instead of the new one, with what is left to decide. `None`: everything was decided.
    new: Option<Fixture>,
    /// How many parts were decided, and how.
    tally: Tally,
}

fn decide(
    old: Option<&Fixture>,
    new: &Fixture,
    colour: Colour,
    show: &mut Show<'_>,
    ask: &mut dyn Ask,
    rest: &mut Option<Answer>,
) -> Result<Decided, CliError> {
    // Once all that follows is decided, nobody has to read it.
    let mut answer = |text: &str, question: &str| -> Result<Answer, CliError> {
        if rest.is_none() {
            show(text)?;
        }
        answered(ask, rest, question)
    };
    let changes = review::changes(old, new);
    let header = old.map(|it| review::header_changes(&it.header, &new.header)).unwrap_or_default();
    let as_a_whole = !header.is_empty();
    let mut skipped: HashSet<&Part> = HashSet::new();
    let mut accepted: HashSet<&Part> = HashSet::new();

    if as_a_whole {
        let mut text = review::header_lines(&header, colour);
        for change in &changes {
            text += &format!("{}\n", review::render(change, colour));
        }
        let parts = changes.len().max(1);
        let tally = Tally::default();
        return Ok(match answer(&text, "it is a recording of something else; all of it")? {
            Answer::Accept | Answer::All => Decided {
                old: Some(new.clone()),
                new: None,
                tally: Tally { accepted: parts, ..tally },
            },
            Answer::Reject => {
                Decided { old: None, new: None, tally: Tally { rejected: parts, ..tally } }
            }
            Answer::Skip | Answer::Quit => Decided { old: None, new: Some(new.clone()), tally },
        });
    }
    for change in &changes {
        let text = format!("{}\n", review::render(change, colour));
        match answer(&text, &question(change))? {
            Answer::Accept | Answer::All => _ = accepted.insert(&change.part),
            Answer::Reject => {}
            Answer::Skip | Answer::Quit => _ = skipped.insert(&change.part),
        }
    }
    // What is left will be asked about again, and may yet be accepted.
    let decided: Vec<SectionChange> =
        changes.iter().filter(|it| !skipped.contains(&it.part)).cloned().collect();
    if let Some(warning) = review::mixed(&decided, |part| accepted.contains(part)) {
        show(&format!("warning: {warning}\n"))?;
    }
    let is_rejected = |part: &Part| !accepted.contains(part) && !skipped.contains(part);
    let merged = match (changes.is_empty(), accepted.is_empty()) {
        // All that differs is time: the new one is as good, and says what it was recorded with.
        (true, _) => Some(new.clone()),
        (false, true) => None,
        (false, false) => Some(review::merge(old, new, |part| accepted.contains(part))),
    };
    let left = match skipped.is_empty() {
        true => None,
        // What was rejected is as in the old one, so that it is not asked again.
        false => Some(review::merge(old, new, |part| !is_rejected(part))),
    };
    let rejected = changes.len() - accepted.len() - skipped.len();
    let tally = Tally { accepted: accepted.len(), rejected, left: 0 };
    Ok(Decided { old: merged, new: left, tally })
}

fn question(change: &SectionChange) -> String {
    format!("`{}`", review::part_title(&change.part))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accept,
    Reject,
    Skip,
    /// Accepts this and all that follow.
    All,
    /// Leaves this and all that follow as they are.
    Quit,
}

/// Whoever decides.
trait Ask {
    fn ask(&mut self, question: &str) -> io::Result<Answer>;
}

struct Always(Answer);

impl Ask for Always {
    fn ask(&mut self, _: &str) -> io::Result<Answer> {
        Ok(self.0)
    }
}

/// Somebody at a terminal.
struct Person;

impl Ask for Person {
    fn ask(&mut self, question: &str) -> io::Result<Answer> {
        asked(question, &mut io::stdin().lock(), &mut io::stdout().lock())
    }
}

const HELP: &str = "  a  accept: the new recording of this case is the right one
  r  reject: keep the old one
  s  skip: ask again next time
  A  accept this and all that follow
  q  quit: leave this and all that follow as they are\n";

/// Asks until there is an answer. Where the input ends, nobody is there to decide.
fn asked(
    question: &str,
    input: &mut dyn io::BufRead,
    output: &mut dyn io::Write,
) -> io::Result<Answer> {
    loop {
        write!(output, "{question}: [a]ccept [r]eject [s]kip [A]ll [q]uit ? ")?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(output)?;
            return Ok(Answer::Quit);
        }
        match line.trim() {
            "a" | "accept" => return Ok(Answer::Accept),
            "r" | "reject" => return Ok(Answer::Reject),
            "s" | "skip" => return Ok(Answer::Skip),
            "A" | "all" | "All" => return Ok(Answer::All),
            "q" | "quit" => return Ok(Answer::Quit),
            _ => output.write_all(HELP.as_bytes())?,
        }
    }
}

fn unused(args: &ReviewArgs) -> Result<Ending, CliError> {
    let loaded = suite::load(&args.suites)?;
    let found = match args.drop_unused {
        true => prune::drop_unused(&args.fixtures, &loaded),
        false => prune::read_all(&args.fixtures)
            .map(|(fixtures, blobs)| prune::unused(&fixtures, &blobs, &loaded)),
    };
    let found = found.map_err(|err| cannot(&err))?;
    if found.is_empty() {
        print(&format!("nothing in `{}` is unused\n", args.fixtures.display()))?;
        return Ok(Ending::AllPassed);
    }
    let mut text: String = found.iter().map(|it| format!("{it}\n")).collect();
    let (count, ending) = (prune::counted(found.len()), !args.drop_unused);
    text += &match ending {
        true => format!("{count}; `--drop-unused` removes them\n"),
        false => format!("removed {count}\n"),
    };
    print(&text)?;
    Ok(if ending { Ending::SomeFailed } else { Ending::AllPassed })
}

pub fn cannot(err: &FilesError) -> CliError {
    let message = CliError::new(err.to_string());
    match err.hint() {
        Some(hint) => message.hint(hint),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::review::{changes, part_title, tests::fixture};

    struct Script<'a>(std::str::Chars<'a>, Vec<String>);

    impl Ask for Script<'_> {
        fn ask(&mut self, question: &str) -> io::Result<Answer> {
            self.1.push(question.to_owned());
            let answer = self.0.next().map(|it| it.to_string()).unwrap_or_default();
            asked(question, &mut answer.as_bytes(), &mut Vec::new())
        }
    }

    const OLD: &str = "[a]\nstandard> S => 1\n[b]\nstandard> S => 1\n[c]\nstandard> S => 1";
    const NEW: &str = "[a]\nstandard> S => 2\n[b]\nstandard> S => 2\n[c]\nstandard> S => 2";

    fn parts(old: &Fixture, new: &Fixture) -> String {
        changes(Some(old), new).iter().map(|it| part_title(&it.part)).collect::<Vec<_>>().concat()
    }

    /// `accepted` are the parts that the old file gets, `left` those to be asked about next time.
    #[track_caller]
    fn check(answers: &str, asked: usize, accepted: &str, left: Option<&str>) {
        let (old, new) = (fixture(OLD, &[], 0), fixture(NEW, &[], 9));
        let mut script = Script(answers.chars(), Vec::new());
        let mut shown = 0;
        let mut show = |_: &str| {
            shown += 1;
            Ok(())
        };
        let decided =
            decide(Some(&old), &new, Colour::No, &mut show, &mut script, &mut None).unwrap();
        assert_eq!(script.1.len(), asked, "{:?}", script.1);
        assert_eq!(shown, asked, "what is not asked about is not shown");
        let skipped = left.map_or(0, str::len);
        let rejected = 3 - accepted.len() - skipped;
        assert_eq!(decided.tally, Tally { accepted: accepted.len(), rejected, left: 0 });
        let merged = decided.old.unwrap_or_else(|| old.clone());
        assert_eq!(parts(&old, &merged), accepted);
        assert_eq!(decided.new.map(|it| parts(&merged, &it)).as_deref(), left);
    }

    #[test]
    fn every_case_is_decided_for_itself() {
        check("aaa", 3, "abc", None);
        check("rrr", 3, "", None);
        check("ara", 3, "ac", None);
        check("ars", 3, "a", Some("c"));
        check("sss", 3, "", Some("abc"));
        check("rsr", 3, "", Some("b"));
    }

    #[test]
    fn one_answer_may_be_for_all_that_follow() {
        check("A", 1, "abc", None);
        check("rA", 2, "bc", None);
        check("aq", 2, "a", Some("bc"));
        check("", 1, "", Some("abc"));
    }

    #[test]
    fn a_case_and_a_set_up_of_different_recordings_are_warned_of() {
        #[track_caller]
        fn check(answers: &str, warning: Option<&str>) {
            let old = "[set-up]\nstandard> X => 1\n[a]\nstandard> S => 1\n[b]\nstandard> S => 1";
            let new = "[set-up]\nstandard> X => 2\n[a]\nstandard> S => 2\n[c]\nstandard> S => 2";
            let (old, new) = (fixture(old, &[], 0), fixture(new, &[], 9));
            let mut script = Script(answers.chars(), Vec::new());
            let mut shown = String::new();
            let mut show = |text: &str| {
                shown += text;
                Ok(())
            };
            decide(Some(&old), &new, Colour::No, &mut show, &mut script, &mut None).unwrap();
            let parts = ["`set-up`", "`a`", "`b`", "`c`"];
            assert_eq!(script.1, parts);
            let found = shown.lines().find_map(|it| it.strip_prefix("warning: "));
            let found = found.and_then(|it| it.split_once(" are of different recordings now"));
            assert_eq!(found.map(|(it, _)| it), warning, "{answers}: {shown}");
        }
        check("aaaa", None);
        check("rrrr", None);
        check("araa", Some("`set-up` and `a`"));
        // `b` is gone in the new one, `c` is not in the old one.
        check("aarr", Some("`set-up` and `b`"));
        check("rara", Some("`set-up` and `a`, `c`"));
        check("rrar", None);
        check("asss", None);
    }

    #[test]
    fn a_review_says_what_it_came_to() {
        let check = |(accepted, rejected, left), expected: &str| {
            let text = Tally { accepted, rejected, left }.in_words();
            let first = text.split_once("; ").map_or(text.as_str(), |(it, _)| it);
            assert_eq!(first, expected);
        };
        check((0, 0, 0), "");
        check((2, 1, 0), "accepted 2, rejected 1\n");
        check((1, 0, 3), "accepted 1, rejected 0\n3 recordings left");
        check((0, 0, 1), "1 recording left");
    }

    #[test]
    fn another_scale_is_decided_as_a_whole() {
        let (old, mut new) = (fixture(OLD, &[], 0), fixture(NEW, &[], 9));
        new.header.scale = 1;
        for (answer, parts, merged, left) in [
            ("a", (3, 0), Some(new.clone()), None),
            ("r", (0, 3), None, None),
            ("s", (0, 0), None, Some(new.clone())),
        ] {
            let tally = Tally { accepted: parts.0, rejected: parts.1, left: 0 };
            let expected = Decided { old: merged, new: left, tally };
            let mut script = Script(answer.chars(), Vec::new());
            let mut shown = String::new();
            let mut show = |text: &str| {
                shown += text;
                Ok(())
            };
            let decided =
                decide(Some(&old), &new, Colour::No, &mut show, &mut script, &mut None).unwrap();
            assert_eq!(decided, expected);
            assert_eq!(script.1.len(), 1);
            assert!(shown.starts_with("-scale: 20000\n+scale: 1\n"), "{shown}");
        }
    }

    #[test]
    fn time_alone_is_not_asked_about() {
        let (old, new) = (fixture(OLD, &[], 0), fixture(OLD, &[], 9));
        let mut script = Script("".chars(), Vec::new());
        let mut show = |_: &str| Ok(());
        let decided =
            decide(Some(&old), &new, Colour::No, &mut show, &mut script, &mut None).unwrap();
        assert_eq!(decided, Decided { old: Some(new), new: None, tally: Tally::default() });
        assert!(script.1.is_empty());
    }

    #[test]
    fn an_answer_that_is_none_is_asked_for_again() {
        let mut output = Vec::new();
        let answer = asked("`a`", &mut "?\nx\ns\n".as_bytes(), &mut output).unwrap();
        assert_eq!(answer, Answer::Skip);
        let output = String::from_utf8(output).unwrap();
        assert_eq!(output.matches("[A]ll").count(), 3, "{output}");
        assert_eq!(output.matches("  r  reject").count(), 2, "{output}");
    }

    /// A folder of the test's own, without anything in it.
    fn folder(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("snowgauge-review-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn a_recording_that_waits_is_found_by_either_name() {
        let root = folder("names");
        let path = root.join("limits/dml.fixture");
        let new = files::new_path(&path);
        files::write(&path, &fixture(OLD, &[], 0)).unwrap();
        assert_eq!(pending(&path).unwrap(), [] as [PathBuf; 0]);
        files::write(&new, &fixture(NEW, &[], 9)).unwrap();
        for it in [&root, &root.join("limits"), &path, &new] {
            assert_eq!(pending(it).unwrap(), std::slice::from_ref(&new), "{}", it.display());
        }
        files::remove(&path).unwrap();
        assert_eq!(pending(&path).unwrap(), [new], "without an old one, too");
        assert!(pending(&root.join("nowhere.fixture")).is_err());
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_recording_older_than_the_one_it_would_replace_is_refused() {
        let root = folder("older");
        let path = root.join("limits/dml.fixture");
        let (old, new) = (fixture(OLD, &[], 9), fixture(NEW, &[], 0));
        files::write(&path, &old).unwrap();
        files::write(&files::new_path(&path), &new).unwrap();
        let review = |ask: &mut dyn Ask, rest: &mut Option<Answer>| {
            let mut shown = String::new();
            let mut show = |text: &str| {
                shown += text;
                Ok(())
            };
            let tally = one(&files::new_path(&path), Colour::No, &mut show, ask, rest).unwrap();
            assert_eq!(files::read(&path).unwrap().fixture, old, "it stays as it is");
            (tally, shown)
        };
        let left = Tally { left: 1, ..Tally::default() };
        let (tally, shown) = review(&mut Always(Answer::Accept), &mut None);
        assert_eq!(tally, left);
        let why = "recorded at 1970-01-01 00:00:00 UTC, which is before the one that it would \
                   replace, of 1970-01-01 00:00:09 UTC: record it again\n";
        assert!(shown.ends_with(why), "{shown}");
        // It is news to those who accepted all before.
        let (tally, shown) = review(&mut Always(Answer::Skip), &mut Some(Answer::Accept));
        assert_eq!(tally, left);
        assert_eq!(shown, format!("{}\n{why}", path.display()));
        let mut rest = None;
        assert_eq!(review(&mut Script("q".chars(), Vec::new()), &mut rest).0, left);
        assert_eq!(rest, Some(Answer::Quit));
        let (tally, _) = review(&mut Always(Answer::Reject), &mut None);
        assert_eq!(tally, Tally { rejected: 3, ..Tally::default() });
        assert!(!files::new_path(&path).exists());
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn recordings_are_decided_on_disk() {
        let root = folder("disk");
        let path = root.join("emulator-preview/limits/dml.fixture");
        // Enough of them for a blob.
        let many = |word: &str| (0..5000).map(|it| format!("{it}|{word}")).collect::<Vec<_>>();
        let big = |word| format!("\n[d]\nstandard> S => {} #1", many(word).join(";"));
        let old = fixture(&format!("{OLD}{}", big("old")), &[], 0);
        let new = fixture(&format!("{NEW}{}", big("new")), &[], 9);
        files::write(&path, &old).unwrap();
        files::write(&files::new_path(&path), &new).unwrap();
        let review_one = |answers: &str| {
            let mut script = Script(answers.chars(), Vec::new());
            let mut shown = String::new();
            let mut show = |text: &str| {
                shown += text;
                Ok(())
            };
            let mut rest = None;
            let path = files::new_path(&path);
            let tally = one(&path, Colour::No, &mut show, &mut script, &mut rest).unwrap();
            assert!(shown.starts_with(&format!("{}\n", files::old_path(&path).display())));
            (tally.accepted, tally.rejected, tally.left)
        };
        assert_eq!(review_one("arss"), (1, 1, 1));
        let read = |path: &Path| files::read(path).unwrap();
        assert_eq!(parts(&old, &read(&path).fixture), "a");
        assert_eq!(parts(&read(&path).fixture, &read(&files::new_path(&path)).fixture), "cd");
        assert_eq!(review_one("ra"), (1, 1, 0));
        assert_eq!(parts(&old, &read(&path).fixture), "ad");
        assert!(!files::new_path(&path).exists());
        assert_eq!(files::find_blobs(&root).unwrap().len(), 2);
        assert_eq!(read(&path).blobs.len(), 1);

        // Of no suite: the file and both blobs.
        let dropped = prune::drop_unused(&root, &suite::Loaded::default()).unwrap();
        assert_eq!(dropped.len(), 3, "{dropped:?}");
        assert_eq!(prune::read_all(&root).unwrap(), (Vec::new(), Vec::new()));
        std::fs::remove_dir_all(root).unwrap();
    }
}
