//! Each rule with a run that it explains and a like one that it does not, on a target that answers
//! from a script.

use super::*;
use crate::{
    report::text,
    run::{
        CaseReport, Events, Outcome, RunId, RunOptions, RunSummary, Selection, Stop, execute, plan,
    },
    secret::Redactor,
    suite::{parse_suite, source::Source},
    target::{Ending, Reply, Scripted, Type, Value},
};
use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};

/// Steps of a case, and what is answered to statements that begin so. The rest succeeds.
struct Play {
    release: Release,
    steps: &'static str,
    answers: Vec<(&'static str, Reply)>,
}

struct Trial {
    rule: &'static str,
    yes: Play,
    no: Play,
}

fn play(steps: &'static str, answers: Vec<(&'static str, Reply)>) -> Play {
    Play { release: Release::Fallback, steps, answers }
}

fn trial(rule: &'static str, yes: Play, no: Play) -> Trial {
    Trial { rule, yes, no }
}

impl Play {
    fn on(self, release: Release) -> Self {
        Self { release, ..self }
    }

    fn run(self) -> RunSummary {
        let suite = format!("tags: [limits]\ncases:\n  - name: a\n    steps:\n{}", self.steps);
        run(&suite, self.release, self.answers)
    }

    /// The rule that explains it, if one does.
    fn told(self) -> String {
        let summary = self.run();
        let [case] = summary.cases.as_slice() else { panic!("{:?}", summary.cases) };
        assert_ne!(case.outcome, Outcome::Passed);
        match &case.diagnosis {
            Some(it) => it.rule.clone(),
            None => format!("nothing about {:?}", case.outcome),
        }
    }
}

fn run(suite: &str, release: Release, answers: Vec<(&str, Reply)>) -> RunSummary {
    let suite = parse_suite("s", Source::new("s.yaml", suite.to_owned()))
        .unwrap_or_else(|it| panic!("{it}"));
    let plan = plan(&[suite], &[], &Selection::default()).unwrap_or_else(|it| panic!("{it}"));
    let text = |value: &str| rows(&[value]);
    let mut script = Scripted::new()
        .otherwise(Reply::ending(Ending::Rows(Rows::default())))
        .on_prefix("SELECT", rows(&["1"]))
        .on("SELECT CURRENT_DATABASE()", text("DB"))
        .on("SELECT CURRENT_VERSION()", text("9.1"))
        .on("SELECT CURRENT_REGION()", text("AWS_US_EAST_1"));
    // What the probe asks: a release that is given does not outweigh what the target does.
    script = match release {
        Release::ZeroCopy => script,
        Release::Fallback => script
            .on("SELECT K FROM DB.SG1_DATA.SNOWGAUGE_PLAIN", plain_refused())
            .on_prefix("SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE'", text("FALLBACK_WAREHOUSE")),
        other => panic!("no trial is on {other}"),
    };
    for (prefix, reply) in answers {
        script = script.on_prefix(prefix, reply);
    }
    let options = RunOptions { release: Some(release), ..RunOptions::new(RunId::fixed("SG1")) };
    let events = Events::new(Redactor::default(), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(execute(plan, Arc::new(script), options, events, Stop::default()))
}

fn rows(values: &[&str]) -> Reply {
    let rows = values.iter().map(|it| [Value::Text((*it).to_owned())]);
    Reply::rows([("N", Type::Text)], rows)
}

fn slow(seconds: u64) -> Reply {
    rows(&["1"]).taking(Duration::from_secs(seconds))
}

fn refused(code: &str, sqlstate: &str, message: &str) -> Reply {
    Reply::refused(code, sqlstate, message)
}

fn timed_out(seconds: u64) -> Reply {
    let message = format!(
        "Statement reached its statement or warehouse timeout of {seconds} second(s) and was \
         canceled."
    );
    refused("000630", "57014", &message).taking(Duration::from_secs(seconds))
}

fn not_bound() -> Reply {
    refused("010402", "55000", "Table T is not bound to the current warehouse.")
}

fn plain_refused() -> Reply {
    let message = "Querying non-interactive table is not supported in interactive warehouses.";
    refused("010401", "55000", message)
}

fn statement_type(kind: &str) -> Reply {
    let message = format!("Cannot run statement type '{kind}' on an interactive warehouse.");
    refused("010404", "0A000", &message)
}

fn missing() -> Reply {
    refused("002003", "42S02", "Object 'T' does not exist or not authorized.")
}

fn denied() -> Reply {
    refused("003001", "42501", "Insufficient privileges to operate on schema 'S'")
}

fn syntax() -> Reply {
    refused("001003", "42000", "syntax error line 1 at position 6 unexpected 'WAREHOUSE'.")
}

fn no_warehouse() -> Reply {
    refused("000606", "57P03", "No active warehouse selected in the current session.")
}

const LOOKUP: &str = "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n      \
                      - { session: interactive, sql: SELECT A FROM T WHERE K = 1 }\n";
const SCAN: &str = "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n      \
                    - { session: interactive, sql: SELECT A FROM T WHERE A = 1 }\n";
const READ: &str = "      - { session: interactive, sql: SELECT A FROM T }\n";
const READ_ONE: &str =
    "      - { session: interactive, sql: SELECT A FROM T, expect: { rows: [[1]] } }\n";
const CREATE: &str = "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n";

fn trials() -> Vec<Trial> {
    vec![
        trial(
            "switched-by-create",
            play(
                "      - CREATE INTERACTIVE WAREHOUSE W\n      - CREATE TABLE X AS SELECT 1\n",
                vec![("CREATE TABLE", statement_type("CREATE_TABLE_AS_SELECT"))],
            ),
            play(
                "      - CREATE INTERACTIVE WAREHOUSE W\n      - USE WAREHOUSE SG1_STD\n      \
                 - CREATE TABLE X AS SELECT 1\n",
                vec![("CREATE TABLE", statement_type("CREATE_TABLE_AS_SELECT"))],
            ),
        ),
        trial(
            "switched-by-use",
            play(
                "      - USE WAREHOUSE {interactive}\n      - MERGE INTO T USING U ON TRUE\n",
                vec![("MERGE", statement_type("MERGE"))],
            ),
            play(
                "      - session: interactive\n        sql: MERGE INTO T USING U ON TRUE\n",
                vec![("MERGE", statement_type("MERGE"))],
            ),
        ),
        trial(
            "switched-by-use",
            play(
                "      - { session: interactive, sql: 'USE WAREHOUSE {standard}' }\n      - { session: \
                 interactive, sql: DELETE FROM T, expect: { error: any, evidence: documented } }\n",
                vec![],
            ),
            play(
                "      - { session: interactive, sql: DELETE FROM T, expect: { error: any, \
                 evidence: documented } }\n",
                vec![],
            ),
        ),
        trial(
            "fallback-is-for-timeouts",
            play(
                "      - ALTER WAREHOUSE {interactive} SET FALLBACK_WAREHOUSE = {standard}\n      \
                 - { session: interactive, sql: MERGE INTO T USING U ON TRUE }\n",
                vec![("MERGE", statement_type("MERGE"))],
            ),
            play(
                "      - ALTER WAREHOUSE {interactive} SET FALLBACK_WAREHOUSE = {standard}\n      \
                 - ALTER WAREHOUSE {interactive} UNSET FALLBACK_WAREHOUSE\n      \
                 - { session: interactive, sql: MERGE INTO T USING U ON TRUE }\n",
                vec![("MERGE", statement_type("MERGE"))],
            ),
        ),
        trial(
            "statement-type",
            play(
                "      - { session: interactive, sql: CALL P() }\n",
                vec![("CALL", statement_type("CALL"))],
            ),
            play(
                "      - { session: interactive, sql: CALL P() }\n",
                vec![("CALL", refused("002141", "42601", "Unknown procedure P"))],
            ),
        ),
        trial(
            "no-alter-interactive-warehouse",
            play("      - ALTER INTERACTIVE WAREHOUSE W RESUME\n", vec![("ALTER", syntax())]),
            play("      - ALTER WAREHOUSE W RESUMEE\n", vec![("ALTER", syntax())]),
        ),
        trial(
            "no-alter-interactive-warehouse",
            play("      - ALTER WAREHOUSE W SET TABLES = (T)\n", vec![("ALTER", syntax())]),
            play("      - ALTER WAREHOUSE W ADD TABLES (T)\n", vec![("ALTER", missing())]),
        ),
        trial(
            "tables-in-parentheses",
            play("      - ALTER WAREHOUSE W ADD TABLES T\n", vec![("ALTER", syntax())]),
            play("      - ALTER WAREHOUSE W ADD TABLES (T))\n", vec![("ALTER", syntax())]),
        ),
        trial(
            "already-running",
            play(
                "      - ALTER WAREHOUSE W RESUME\n",
                vec![("ALTER", refused("090064", "22000", "Invalid state."))],
            ),
            play("      - ALTER WAREHOUSE W RESUME\n", vec![("ALTER", missing())]),
        ),
        trial(
            "resized-while-running",
            play(
                "      - ALTER WAREHOUSE {interactive} SET WAREHOUSE_SIZE = 'SMALL'\n",
                vec![("ALTER WAREHOUSE SG1_IW SET", refused("090064", "22000", "Invalid state."))],
            ),
            play(
                "      - ALTER WAREHOUSE {standard} SET WAREHOUSE_SIZE = 'SMALL'\n      \
                 - { sql: SELECT 1, session: interactive, expect: { error: any } }\n",
                vec![("ALTER WAREHOUSE SG1_STD SET", refused("090064", "22000", "Invalid state."))],
            ),
        ),
        trial(
            "suspended-warehouse",
            play(
                "      - ALTER WAREHOUSE {interactive} SUSPEND\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", no_warehouse())],
            ),
            play(
                "      - ALTER WAREHOUSE {interactive} SUSPEND\n      - SELECT A FROM T\n",
                vec![("SELECT A", no_warehouse())],
            ),
        ),
        trial(
            "no-warehouse",
            play("      - SELECT A FROM T\n", vec![("SELECT A", no_warehouse())]),
            play("      - SELECT A FROM T\n", vec![("SELECT A", missing())]),
        ),
        trial(
            "fallback-hid-timeout",
            play(
                "      - { session: interactive, sql: SELECT A FROM T, expect: { error: any, \
                 evidence: documented } }\n",
                vec![("SELECT A", slow(7))],
            ),
            play(
                "      - { session: interactive, sql: SELECT A FROM T, expect: { error: any, \
                 evidence: documented } }\n",
                vec![("SELECT A", slow(2))],
            ),
        ),
        trial(
            "fallback-did-not-help",
            play(
                "      - ALTER WAREHOUSE {interactive} SET FALLBACK_WAREHOUSE = NOWHERE\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", timed_out(5))],
            ),
            play(
                "      - ALTER WAREHOUSE OTHER SET FALLBACK_WAREHOUSE = NOWHERE\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", timed_out(5))],
            ),
        ),
        trial(
            "shown-timeout",
            play(
                "      - SHOW PARAMETERS LIKE 'STATEMENT_TIMEOUT%' IN WAREHOUSE {interactive}\n      \
                 - { sql: SELECT V FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())), expect: { rows: [[5]] } }\n",
                vec![("SELECT V", rows(&["172800"]))],
            ),
            play(
                "      - { sql: SELECT V FROM T, expect: { rows: [[5]] } }\n",
                vec![("SELECT V", rows(&["172800"]))],
            ),
        ),
        trial(
            "shown-timeout",
            play(
                "      - ALTER WAREHOUSE {interactive} SET STATEMENT_TIMEOUT_IN_SECONDS = 45\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", timed_out(5))],
            ),
            play(READ, vec![("SELECT A", timed_out(5))]),
        ),
        trial(
            "lowered-timeout",
            play(
                "      - { session: interactive, sql: ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 2 }\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", timed_out(2))],
            ),
            play(READ, vec![("SELECT A", timed_out(5))]),
        ),
        trial(
            "cold-cache",
            play(
                "      - ALTER WAREHOUSE {interactive} RESUME IF SUSPENDED\n      \
                 - { session: interactive, sql: SELECT A FROM T, takes: [0s, 1s] }\n",
                vec![("SELECT A", slow(3))],
            ),
            play(
                "      - { session: interactive, sql: SELECT A FROM T, takes: [0s, 1s] }\n",
                vec![("SELECT A", slow(3))],
            ),
        ),
        trial(
            "other-filter",
            play(SCAN, vec![("SELECT A", timed_out(5))]),
            play(LOOKUP, vec![("SELECT A", timed_out(5))]),
        ),
        trial(
            "queued",
            play(LOOKUP, vec![("SELECT A", timed_out(5))]),
            play(SCAN, vec![("SELECT A", timed_out(5))]),
        ),
        trial(
            "five-seconds",
            play(READ, vec![("SELECT A", timed_out(5))]),
            play("      - SELECT A FROM T\n", vec![("SELECT A", timed_out(5))]),
        ),
        trial(
            "statement-timeout",
            play("      - SELECT A FROM T\n", vec![("SELECT A", timed_out(60))]),
            play(
                "      - SELECT A FROM T\n",
                vec![("SELECT A", refused("000604", "57014", "SQL execution canceled"))],
            ),
        ),
        trial(
            "little-improvement",
            play(
                "      - sql: SELECT WAREHOUSE_TYPE, MEDIAN(TOTAL_ELAPSED_TIME) FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY()) GROUP BY 1\n        \
                 expect: { rows: [[2]] }\n",
                vec![("SELECT WAREHOUSE_TYPE", rows(&["1"]))],
            ),
            play(
                "      - sql: SELECT COUNT(*) FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY())\n        \
                 expect: { rows: [[2]] }\n",
                vec![],
            ),
        ),
        trial(
            "replaced-and-detached",
            play(
                "      - ALTER WAREHOUSE {interactive} ADD TABLES (T)\n      \
                 - CREATE OR REPLACE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", not_bound())],
            ),
            play(
                "      - CREATE OR REPLACE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n      \
                 - { session: interactive, sql: SELECT A FROM T }\n",
                vec![("SELECT A", not_bound())],
            ),
        ),
        trial(
            "not-bound",
            play(READ, vec![("SELECT A", not_bound())]),
            play(READ, vec![("SELECT A", missing())]),
        ),
        trial(
            "standard-table",
            play(
                READ,
                vec![(
                    "SELECT A",
                    refused("010401", "55000", "Querying non-interactive table T is not supported"),
                )],
            ),
            play(READ, vec![("SELECT A", not_bound())]),
        ),
        trial(
            "no-cluster-keys",
            play(
                CREATE,
                vec![(
                    "CREATE INTERACTIVE TABLE",
                    refused("001420", "22023", "An interactive table must contain clustering keys"),
                )],
            ),
            play(CREATE, vec![("CREATE INTERACTIVE TABLE", syntax())]),
        ),
        trial(
            "future-tables",
            play(
                "      - GRANT SELECT ON FUTURE TABLES IN SCHEMA S TO ROLE R\n      - SELECT A FROM T\n",
                vec![("SELECT A", missing())],
            ),
            play(
                "      - GRANT SELECT ON FUTURE INTERACTIVE TABLES IN SCHEMA S TO ROLE R\n      - SELECT A FROM T\n",
                vec![("SELECT A", missing())],
            ),
        ),
        trial(
            "not-found-there",
            play(READ, vec![("SELECT A", missing())]),
            play(READ, vec![("SELECT A", missing())]).on(Release::ZeroCopy),
        ),
        trial(
            "only-overwrite",
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n      - DELETE FROM T\n",
                vec![("DELETE", refused("010405", "0A000", "DELETE is not supported"))],
            ),
            play(
                "      - CREATE TABLE T AS SELECT 1\n      - DELETE FROM T\n",
                vec![("DELETE", refused("010405", "0A000", "DELETE is not supported"))],
            ),
        ),
        trial(
            "not-refreshed-yet",
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT * FROM B\n      \
                 - INSERT INTO B VALUES (1)\n      - { sql: SELECT A FROM T, expect: { rows: [[2]] } }\n",
                vec![("SELECT A", rows(&["1"]))],
            ),
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT * FROM B\n      \
                 - { sql: SELECT A FROM T, expect: { rows: [[2]] } }\n",
                vec![("SELECT A", rows(&["1"]))],
            ),
        ),
        trial(
            "not-refreshed-yet",
            play(
                "      - CREATE DYNAMIC TABLE D TARGET_LAG = DOWNSTREAM WAREHOUSE = W AS SELECT * FROM B\n      \
                 - CREATE INTERACTIVE TABLE T CLUSTER BY (K) TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT * FROM D\n      \
                 - INSERT INTO B VALUES (1)\n      - { sql: SELECT A FROM T, expect: { rows: [[2]] } }\n",
                vec![("SELECT A", rows(&["1"]))],
            ),
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT * FROM D\n      \
                 - INSERT INTO B VALUES (1)\n      - { sql: SELECT A FROM T, expect: { rows: [[2]] } }\n",
                vec![("SELECT A", rows(&["1"]))],
            ),
        ),
        trial(
            "static-table",
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT * FROM B\n      \
                 - INSERT INTO B VALUES (1)\n      - { sql: SELECT A FROM T, expect: { rows: [[2]] } }\n",
                vec![("SELECT A", rows(&["1"]))],
            ),
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT * FROM B\n      \
                 - INSERT OVERWRITE INTO T SELECT 2\n      - { sql: SELECT A FROM T, expect: { rows: [[2]] } }\n",
                vec![("SELECT A", rows(&["1"]))],
            ),
        ),
        trial(
            "no-rows-elsewhere",
            play(
                "      - CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1\n      \
                 - { sql: SELECT A FROM T, expect: { count: 1.. } }\n",
                vec![("SELECT A", rows(&[]))],
            ),
            play(
                "      - { sql: SELECT A FROM T, expect: { count: 1.. } }\n",
                vec![("SELECT A", rows(&[]))],
            ),
        ),
        trial(
            "no-rows",
            play(READ_ONE, vec![("SELECT A", rows(&[]))]),
            play(READ_ONE, vec![("SELECT A", rows(&["2"]))]),
        ),
        trial(
            "missing-privilege",
            play("      - CREATE TABLE X (A INT)\n", vec![("CREATE TABLE", denied())]),
            play("      - CREATE TABLE X (A INT)\n", vec![("CREATE TABLE", missing())]),
        ),
        trial(
            "replication",
            play(
                "      - CREATE REPLICATION GROUP G OBJECT_TYPES = DATABASES\n",
                vec![("CREATE REPLICATION", refused("002140", "42601", "Unsupported object"))],
            ),
            play(
                "      - CREATE SHARE G\n",
                vec![("CREATE SHARE", refused("002140", "42601", "Unsupported object"))],
            ),
        ),
        trial(
            "not-available",
            play(
                CREATE,
                vec![(
                    "CREATE INTERACTIVE TABLE",
                    refused("000002", "0A000", "Unsupported feature 'INTERACTIVE TABLE'."),
                )],
            ),
            play(
                "      - CREATE TABLE T (A GEO)\n",
                vec![("CREATE TABLE", refused("000002", "0A000", "Unsupported feature 'GEO'."))],
            ),
        ),
    ]
}

#[test]
fn each_rule_explains_what_it_is_about_and_not_its_like() {
    for Trial { rule, yes, no } in trials() {
        let steps = (yes.steps, no.steps);
        assert_eq!(yes.told(), rule, "\n{}", steps.0);
        assert_ne!(no.told(), rule, "\n{}", steps.1);
    }
}

#[test]
fn every_rule_is_tried() {
    let tried: BTreeSet<&str> = trials().iter().map(|it| it.rule).collect();
    let all: BTreeSet<&str> = RULES.iter().map(|it| it.name).collect();
    assert_eq!(tried, all);
    assert_eq!(all.len(), RULES.len());
}

#[test]
fn an_unlike_answer_that_nobody_pinned_is_explained_too() {
    let steps = "      - { session: interactive, sql: SELECT A FROM T, expect: { error: { code: \
                 \"000630\" }, evidence: unverified } }\n      - USE WAREHOUSE {interactive}\n";
    let summary = play(steps, vec![("SELECT A", not_bound())]).run();
    let case = &summary.cases[0];
    assert!(matches!(case.outcome, Outcome::Observed { .. }), "{:?}", case.outcome);
    check_told(case, "not-bound");
}

#[test]
fn a_failure_is_explained_rather_than_what_was_observed_before_it() {
    let observed = "      - { session: interactive, sql: SELECT A FROM T, expect: { error: { code: \
                    \"000630\" }, evidence: unverified } }\n";
    let failing = format!("{observed}      - SELECT B FROM T\n");
    let answers = || vec![("SELECT A", not_bound()), ("SELECT B", timed_out(60))];
    let suite = format!("cases:\n  - name: a\n    steps:\n{failing}");
    check_told(&run(&suite, Release::Fallback, answers()).cases[0], "statement-timeout");
    // A failure that no rule knows is not given the cause of something else.
    let suite = format!(
        "cases:\n  - name: a\n    steps:\n{observed}      - {{ sql: SELECT 7, expect: {{ rows: \
         [[8]] }} }}\n"
    );
    assert_eq!(run(&suite, Release::Fallback, answers()).cases[0].diagnosis, None);
}

#[test]
fn a_limitation_that_is_gone_is_explained_too() {
    let steps = "      - { session: interactive, sql: SELECT A FROM T, expect: { error: any, \
                 evidence: documented } }\n";
    let summary = play(steps, vec![("SELECT A", slow(7))]).run();
    assert!(matches!(summary.cases[0].outcome, Outcome::Lifted { .. }));
    check_told(&summary.cases[0], "fallback-hid-timeout");
}

#[test]
fn cases_whose_set_up_failed_are_told_why() {
    let suite = "setup:\n  - CREATE TABLE X (A INT)\ncases:\n  - { name: a, sql: SELECT 1 }\n  - { \
                 name: b, sql: SELECT 2 }\n";
    let summary = run(suite, Release::Fallback, vec![("CREATE TABLE", denied())]);
    for case in &summary.cases {
        assert!(matches!(case.outcome, Outcome::NotRun { .. }), "{:?}", case.outcome);
        check_told(case, "missing-privilege");
    }
    let suite = "cases: [{ name: a, sql: SELECT 1 }]\n";
    let summary =
        run(suite, Release::Fallback, vec![("CREATE SCHEMA IF NOT EXISTS DB.SG1_S", denied())]);
    check_told(&summary.cases[0], "missing-privilege");
}

#[test]
fn cases_that_are_skipped_for_want_of_a_warehouse_are_told_why() {
    let suite = "needs: [interactive]\ncases: [{ name: a, sql: SELECT 1 }]\n";
    let refusal = refused("000002", "0A000", "Unsupported feature 'INTERACTIVE WAREHOUSE'.");
    let summary = run(suite, Release::Fallback, vec![("CREATE INTERACTIVE WAREHOUSE", refusal)]);
    assert!(matches!(summary.cases[0].outcome, Outcome::Skipped { .. }));
    check_told(&summary.cases[0], "not-available");
    // Skipped for another reason.
    let suite = "needs: [zero-copy]\ncases: [{ name: a, sql: SELECT 1 }]\n";
    assert_eq!(run(suite, Release::Fallback, vec![]).cases[0].diagnosis, None);
}

#[test]
fn what_was_refused_as_expected_needs_no_cause() {
    let steps = "      - session: interactive\n        sql: SELECT A FROM T\n        takes: [1s, 2s]\n        \
                 expect: { error: { code: \"000630\" } }\n";
    let summary = play(steps, vec![("SELECT A", timed_out(5))]).run();
    assert!(matches!(summary.cases[0].outcome, Outcome::Failed { .. }));
    assert_eq!(summary.cases[0].diagnosis, None);
}

#[test]
fn what_a_session_was_set_to_ends_with_its_case() {
    let suite = "cases:\n  - name: a\n    session: interactive\n    sql: ALTER SESSION SET \
                 STATEMENT_TIMEOUT_IN_SECONDS = 60\n  - { name: b, session: interactive, sql: SELECT \
                 A FROM T }\n";
    let summary = run(suite, Release::Fallback, vec![("SELECT A", timed_out(5))]);
    check_told(&summary.cases[1], "five-seconds");
}

#[test]
fn what_passed_needs_no_cause() {
    let steps = "      - { session: interactive, sql: SELECT A FROM T, within: 30s }\n";
    let summary = play(steps, vec![]).run();
    assert_eq!((&summary.cases[0].outcome, &summary.cases[0].diagnosis), (&Outcome::Passed, &None));
}

#[track_caller]
fn check_told(case: &CaseReport, rule: &str) {
    assert_eq!(case.diagnosis.as_ref().map(|it| it.rule.as_str()), Some(rule), "{case:?}");
}

/// The seven rows of the seed's troubleshooting table, and the rule that stands for each.
#[test]
fn every_row_of_the_seeds_table_is_printed() {
    let rows = [
        ("queries return no rows", "no-rows-elsewhere", "`USE WAREHOUSE` of an interactive one"),
        ("object not found", "not-found-there", "ADD TABLES (…)`"),
        ("data does not appear", "not-refreshed-yet", "for twice the lag"),
        ("latency is still high", "cold-cache", "20 to 30 queries"),
        ("concurrent queries fail", "queued", "fewer queries at a time"),
        ("little improvement", "little-improvement", "100 to 150 queries at a time"),
        ("queries time out after five seconds", "five-seconds", "dynamic table"),
    ];
    for (row, rule, remedy) in rows {
        let trial = trials().into_iter().find(|it| it.rule == rule);
        let summary = trial.unwrap_or_else(|| panic!("{row}: no trial of {rule}")).yes.run();
        let printed = text::details(&summary.cases[0]);
        for part in [format!("[{rule}]"), remedy.to_owned(), "seed: troubleshooting".to_owned()] {
            assert!(printed.contains(&part), "{row}: no `{part}` in\n{printed}");
        }
    }
}

#[test]
fn names_of_rules_are_words_of_their_own() {
    for rule in RULES {
        let is_name = rule.name.bytes().all(|it| it.is_ascii_lowercase() || it == b'-');
        assert!(is_name, "{}", rule.name);
        let texts = [rule.cause, rule.remedy, rule.source];
        assert!(texts.iter().all(|it| !it.is_empty() && !it.contains('|')), "{}", rule.name);
    }
}

#[test]
fn the_document_lists_every_rule() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/diagnosis.md");
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(&table()), "docs/diagnosis.md should have this table:\n{}", table());
}
