//! What of a session's exchanges is kept, and what stops a recording.

use super::*;
use crate::target::{Reply, Scripted, Type};
use std::fs;

const RUN: &str = "SGAAAAAAAA";

/// A script that comes to know secrets.
struct Knowing {
    script: Scripted,
    /// Told from the second statement on.
    secret: &'static str,
}

impl Target for Knowing {
    fn kind(&self) -> TargetKind {
        TargetKind::Scripted
    }

    fn place(&self) -> String {
        self.script.place()
    }

    fn secrets(&self) -> Vec<Secret> {
        let is_told = self.script.executed().len() > 1;
        ["never-said", self.secret].map(Secret::new)[..1 + usize::from(is_told)].to_vec()
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        self.script.login(request)
    }

    fn now(&self) -> DateTime<Utc> {
        self.script.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.script.sleep(duration)
    }
}

struct Recorded {
    folder: tempfile::TempDir,
    finished: Vec<Finished>,
}

impl Recorded {
    /// Of the one suite: its fixture's text, or why there is none.
    fn text(&self) -> String {
        let [Finished { path, ending, .. }] = self.finished.as_slice() else {
            panic!("{:?}", self.finished)
        };
        match ending {
            FinishedAs::Refused(cause) => {
                let left: Vec<_> = files::find_fixtures(self.folder.path()).unwrap();
                assert!(left.is_empty(), "{left:?}");
                format!("refused: {cause}")
            }
            _ => fs::read_to_string(path).unwrap(),
        }
    }
}

/// Records these statements as one suite's case.
fn record(target: impl Target + 'static, facts: &[(&str, &str)], statements: &[&str]) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(RecordOptions {
        fixtures: folder.path().to_owned(),
        kind: TargetKind::Scripted,
        capacity: None,
        known: Known::default(),
        secrets: Vec::new(),
        scale: 20_000,
        seed: 0,
    });
    for (name, value) in facts {
        let (name, value) = ((*name).to_owned(), (*value).to_owned());
        recorder.event(&Event::Fact { name, value }).unwrap();
    }
    let target = RecordingTarget::new(Arc::new(target), recorder.clone());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let part = Part::Case("a".to_owned());
        let tag = QueryTag::new(RUN, Owner::Suite("s".to_owned()), part);
        let request =
            LoginRequest { session: "standard".to_owned(), tag, ..LoginRequest::default() };
        let mut session = target.login(request).await.unwrap();
        for sql in statements {
            let statement = Statement { sql: (*sql).to_owned(), ..Statement::default() };
            session.execute(&statement).await;
        }
    });
    let finished = recorder.finish(false);
    Recorded { folder, finished }
}

fn text(value: &str) -> Reply {
    Reply::rows([("TEXT", Type::Text)], [[Value::Text(value.to_owned())]])
}

#[test]
fn a_token_that_comes_of_a_login_is_looked_for_also_in_what_was_written_before() {
    let target = || {
        let script = Scripted::new().on("SELECT 1", text("x t0k3n-of-the-day y"));
        Knowing { script: script.on("SELECT 2", text("2")), secret: "t0k3n-of-the-day" }
    };
    let said = "refused: it would hold what must not be in a fixture: a known secret";
    for statements in [&["SELECT 1", "SELECT 2"], &["SELECT 2", "SELECT 1"]] {
        let text = record(target(), &[], statements).text();
        assert!(text.starts_with(said), "{statements:?}: {text}");
    }
    let text = record(target(), &[], &["SELECT 2", "SELECT 2"]).text();
    assert!(text.contains("SELECT 2"), "{text}");
}

/// A result of these columns, all text.
fn table<const N: usize>(columns: [&str; N], rows: &[[&str; N]]) -> Reply {
    let text = |it: &str| Value::Text(it.to_owned());
    Reply::rows(columns.map(|it| (it, Type::Text)), rows.iter().map(|it| it.map(text)))
}

/// The rows of the last exchange.
fn last_rows(fixture: &str) -> Vec<String> {
    let (_, last) = fixture.rsplit_once("columns ").unwrap();
    let lines = last.lines().filter_map(|it| it.strip_prefix("> "));
    lines.map(str::to_owned).collect()
}

#[test]
fn what_others_have_made_and_done_is_hidden_and_the_runs_own_stays() {
    #[track_caller]
    fn check(setup: &[&str], sql: &str, answer: Reply, expected: &[&str]) {
        let script = Scripted::new().otherwise(Reply::status("done")).on(sql, answer);
        let text = record(script, &[], &[setup, &[sql]].concat()).text();
        assert_eq!(last_rows(&text), expected, "{text}");
    }
    check(
        &["CREATE WAREHOUSE SGAAAAAAAA_STD"],
        "SHOW WAREHOUSES",
        table(
            ["name", "state", "comment", "tables"],
            &[
                ["SGAAAAAAAA_STD", "STARTED", "snowgauge run", ""],
                ["PAYROLL_OF_JANE_DOE", "STARTED", "ask jane doe, ext 4711", "HR.PAY.SALARIES"],
                ["SGBBBBBBBB_STD", "SUSPENDED", "snowgauge run=SGBBBBBBBB", ""],
                ["IW", "STARTED", "", "DB.SGAAAAAAAA_S.T"],
                ["IW", "STARTED", "", "DB.SGAAAAAAAA_S.T, HR.PAY.SALARIES"],
            ],
        ),
        &[
            "«run»_STD\tSTARTED\tsnowgauge run\t\\e",
            "«name 1»\tSTARTED\t«comment 1»\t«tables 1»",
            "«name 2»\tSUSPENDED\t«comment 2»\t\\e",
            "IW\tSTARTED\t\tDB.«run»_S.T",
            "IW\tSTARTED\t\t«tables 2»",
        ],
    );
    check(
        &[],
        "SHOW ROLES",
        table(["name"], &[["HR_OF_ACME"], ["PUBLIC"]]),
        &["«name 1»", "PUBLIC"],
    );
    // What the run has sent is its own, also under another's name for it.
    check(
        &["CREATE TABLE t_base (K INT, \"Odd one\" INT) CLUSTER BY (K)"],
        "SHOW TABLES",
        table(
            ["name", "cluster_by", "comment"],
            &[["T_BASE", "LINEAR(K)", "of jane"], ["SALARIES", "LINEAR(EMPLOYEE)", "of jane"]],
        ),
        &["T_BASE\tLINEAR(K)\t«comment 1»", "«name 1»\t«cluster_by 1»\t«comment 1»"],
    );
    check(
        &["CREATE VIEW V AS SELECT 'it''s' AS C"],
        "SELECT QUERY_TEXT, ERROR_MESSAGE FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY())",
        table(
            ["QUERY_TEXT", "ERROR_MESSAGE"],
            &[
                ["create view V AS SELECT 'it''s' AS C;", ""],
                ["SELECT PAY FROM SALARIES", "no PAY for JANE"],
            ],
        ),
        &["create view V AS SELECT 'it''s' AS C;\t\\e", "«query_text 1»\t«error_message 1»"],
    );
    let id = |number| format!("01b2c3d4-0000-1234-0000-00000000000{number}");
    let script = Scripted::new().on("SELECT 1", text("x").query_id(&id(1))).on(
        "SELECT * FROM TABLE(QUERY_HISTORY())",
        {
            table(
                ["QUERY_ID", "ERROR_MESSAGE"],
                &[[&id(1), "out of time"], [&id(2), "out of JANE"]],
            )
        },
    );
    let recorded = record(script, &[], &["SELECT 1", "SELECT * FROM TABLE(QUERY_HISTORY())"]);
    let expected = ["«query 1»\tout of time", "«query 3»\t«error_message 1»"];
    assert_eq!(last_rows(&recorded.text()), expected);
    check(
        &[],
        "SHOW PARAMETERS",
        table(
            ["key", "value", "default", "level", "description", "type"],
            &[["AUTOCOMMIT", "true", "true", "", "Whether each statement is one", "BOOLEAN"]],
        ),
        &["AUTOCOMMIT\ttrue\ttrue\t\tWhether each statement is one\tBOOLEAN"],
    );
}

#[test]
fn a_name_that_is_hidden_does_not_become_the_runs_own_by_being_sent() {
    let script = Scripted::new()
        .on("SHOW ROLES", table(["name"], &[["HR_OF_ACME"]]))
        .on("SHOW GRANTS TO ROLE HR_OF_ACME", table(["name"], &[["HR_OF_ACME"]]));
    let statements = ["SHOW ROLES", "SHOW GRANTS TO ROLE HR_OF_ACME"];
    let text = record(script, &[], &statements).text();
    assert_eq!(text.matches("«name 1»").count(), 3, "{text}");
    assert!(!text.contains("HR_OF_ACME"), "{text}");
}

#[test]
fn what_is_learnt_late_is_hidden_in_what_was_kept_before() {
    let script = || {
        Scripted::new()
            .otherwise(text("HR_TEAM of «1», _HR_TEAM"))
            .on("SELECT 2", Reply::refused("001003", "42000", "not for HR_TEAM"))
            .on("SELECT 3", Reply::rows([("HR_TEAM", Type::Text)], [[Value::Null]]))
            .on("SHOW GRANTS", table(["reason"], &[["HR_TEAM"]]))
    };
    let statements = ["SELECT 1", "SELECT 2", "SELECT 3", "SHOW GRANTS", "SELECT 4"];
    let text = record(script(), &[], &statements).text();
    assert_eq!(text.matches("> «reason 1» of ««»1», _HR_TEAM").count(), 2, "{text}");
    assert!(text.contains("not for «reason 1»") && text.contains("columns «reason 1»"), "{text}");

    // What was sent in the clear cannot be found again under another name.
    let text = record(script(), &[], &["SELECT HR_TEAM", "SHOW GRANTS"]).text();
    let expected = "refused: a statement has a name in it that a later result shows to be somebody \
                    else's (a)";
    assert_eq!(text, expected);
    let text = record(script(), &[], &["USE ROLE HR_TEAM", "SHOW GRANTS"]).text();
    assert_eq!(text, expected);
}

#[test]
fn the_header_is_searched_before_it_is_written() {
    let facts = [("region", "PUBLIC.AWS_EU"), ("server_version", "9.1 of ops@acme.io")];
    let script = Scripted::new().on("SELECT 1", text("x"));
    let recorded = record(script, &facts, &["SELECT 1"]);
    let expected =
        "refused: it would hold what must not be in a fixture: an e-mail address (its header)";
    assert_eq!(recorded.text(), expected);
    let script = Scripted::new().on("SELECT 1", text("x"));
    let text = record(script, &facts[..1], &["SELECT 1"]).text();
    assert!(text.contains("region PUBLIC.AWS_EU"), "{text}");
}
