use super::*;
use crate::report::sample;
use chrono::TimeDelta;
use std::sync::LazyLock;

/// Made once: it takes a second.
static NIGHT: LazyLock<Night> = LazyLock::new(|| Night::of(&sample::everything(2)));

fn night(run: &str) -> Night {
    Night { run: run.to_owned(), ..NIGHT.clone() }
}

fn judgement(
    status: Status,
    verdicts: Vec<SeriesVerdict>,
    again: Vec<(SeriesKey, Sample)>,
) -> Judgement {
    Judgement { run: "SG1".to_owned(), status, why: String::new(), verdicts, again }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_night_is_read_as_it_was_written() {
    let mut store = Store::in_memory("a test").unwrap();
    let mut night = night("SG1");
    night.seed = u64::MAX;
    night.started_at += TimeDelta::microseconds(1_234_567);
    assert_eq!(store.add(&night).unwrap(), Added::New);
    let row = store.night("SG1").unwrap();
    assert_eq!((row.seed, row.started_at), (night.seed, night.started_at));
    assert_eq!((&row.testbed, &row.simulated), (&night.testbed, &night.simulated));
    assert_eq!((row.status, row.why.as_str()), (Status::Unjudged, ""));
    let sorted = |mut all: Vec<Quantity>| {
        all.sort_by(|a, b| a.series.cmp(&b.series));
        all
    };
    assert_eq!(sorted(store.quantities(row.id).unwrap()), sorted(night.quantities.clone()));
    let mut outcomes = night.outcomes.clone();
    outcomes.sort_by(|a, b| (&a.suite, &a.case).cmp(&(&b.suite, &b.case)));
    assert_eq!(store.outcomes(row.id).unwrap(), outcomes);
    let histograms = store.distributions(row.id).unwrap();
    assert_eq!(histograms.len(), night.distributions.len());
    for it in histograms {
        assert!(night.distributions.contains(&it), "{} {}", it.role, it.of);
    }
}

#[test]
fn a_night_is_added_once_and_replaced_when_it_has_ended() {
    let mut store = Store::in_memory("a test").unwrap();
    let ended = night("SG1");
    let torn = Night { took_us: None, cut_short: Some("killed".to_owned()), ..ended.clone() };
    assert_eq!(store.add(&torn).unwrap(), Added::New);
    assert_eq!(store.add(&torn).unwrap(), Added::Known);
    assert_eq!(store.add(&ended).unwrap(), Added::Replaced);
    assert_eq!(store.add(&ended).unwrap(), Added::Known);
    assert_eq!(store.add(&torn).unwrap(), Added::Known);
    let nights = store.nights().unwrap();
    assert!(nights.len() == 1 && nights[0].has_ended(), "{nights:?}");
    assert_eq!(store.quantities(nights[0].id).unwrap().len(), ended.quantities.len());
}

#[test]
fn verdicts_are_kept_beside_the_night() {
    let mut store = Store::in_memory("a test").unwrap();
    let night = night("SG1");
    store.add(&night).unwrap();
    let series = night.quantities[0].series.clone();
    let verdict = |verdict: &str| SeriesVerdict {
        series: series.clone(),
        verdict: verdict.to_owned(),
        why: "because".to_owned(),
        estimate: Some(1.25),
    };
    store.judge(&judgement(Status::Red, vec![verdict("failed")], Vec::new())).unwrap();
    store.judge(&judgement(Status::Accepted, vec![verdict("cleared")], Vec::new())).unwrap();
    let row = store.night("SG1").unwrap();
    assert_eq!(row.status, Status::Accepted);
    assert_eq!(store.verdicts().unwrap(), [(row.id, verdict("cleared"))]);
    store.mark("SG1", Status::Invalid, "the network was down").unwrap();
    assert_eq!(store.night("SG1").unwrap().status, Status::Invalid);
    assert_eq!(store.verdicts().unwrap().len(), 1);
    let message = store.mark("SG9", Status::Red, "").unwrap_err().to_string();
    assert_eq!(message, "no night `SG9` in the history `a test`");
}

#[test]
fn samples_that_were_taken_again_are_behind_the_first() {
    let mut store = Store::in_memory("a test").unwrap();
    let night = night("SG1");
    store.add(&night).unwrap();
    let series = night.quantities.last().unwrap().series.clone();
    let sample = |value| Sample { reading: Reading::Number { value }, control: Some(2.5) };
    let unknown = SeriesKey { metric: "none".to_owned(), ..series.clone() };
    let again =
        [(series.clone(), sample(1.5)), (unknown, sample(0.5)), (series.clone(), sample(3.5))];
    // Once more, as when a night is judged a second time.
    for _ in 0..2 {
        store.judge(&judgement(Status::Red, Vec::new(), again.to_vec())).unwrap();
    }
    let points = store.points(&series).unwrap();
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].again, [sample(1.5), sample(3.5)]);
    let quantities = store.quantities(points[0].night).unwrap();
    assert_eq!(quantities.len(), night.quantities.len());
    assert_eq!(quantities.iter().map(|it| it.again.len()).sum::<usize>(), 2);
}

#[test]
fn only_a_history_is_opened() {
    let folder = folder();
    let path = folder.path().join("deep/er/history.db");
    assert!(matches!(Store::open_existing(&path), Err(HistoryError::Absent { .. })));
    drop(Store::open(&path).unwrap());
    Store::open_existing(&path).unwrap();

    let text = folder.path().join("text.db");
    fs::write(&text, "no database at all, but some words that are long enough").unwrap();
    assert!(matches!(Store::open(&text), Err(HistoryError::Foreign { .. })));
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (k)").unwrap();
    assert!(matches!(Store::open(&other), Err(HistoryError::Foreign { .. })));
    let count = Connection::open(&other).unwrap();
    let tables: i64 =
        count.query_row("SELECT count(*) FROM sqlite_schema", [], |it| it.get(0)).unwrap();
    assert_eq!(tables, 1, "nothing was changed in it");

    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let message = Store::open(&path).unwrap_err().to_string();
    assert!(message.ends_with("is of version 99, this program reads up to 1"), "{message}");
}

#[test]
fn two_that_open_a_new_file_at_once_make_it_once() {
    for _ in 0..5 {
        let folder = folder();
        let path = folder.path().join("history.db");
        std::thread::scope(|scope| {
            for at in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let mut store = Store::open(path).unwrap();
                    store.add(&night(&format!("SG{at}"))).unwrap();
                });
            }
        });
        let store = Store::open_existing(&path).unwrap();
        assert_eq!(store.nights().unwrap().len(), 4);
        assert_eq!(store.check().unwrap(), "ok");
    }
}

#[test]
fn the_schema_is_documented_as_it_is() {
    let docs = include_str!("../../../docs/history.md");
    for script in MIGRATIONS {
        assert!(docs.contains(script.trim()), "docs/history.md has another schema");
    }
    let mut store = Store::in_memory("a test").unwrap();
    store.add(&night("SG1")).unwrap();
    let query = docs.split("```sql\n").nth(2).unwrap().split("```").next().unwrap();
    store.connection.prepare(query).unwrap();
    for metric in store.series().unwrap().into_iter().map(|(it, ..)| it.metric) {
        assert!(docs.contains(&format!("`{metric}`")), "`{metric}` is not documented");
    }
}
