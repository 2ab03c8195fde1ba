//! The live client against written answers: what each of them must end in.

mod server;

use super::LiveTarget;
use crate::{
    secret::Secret,
    target::{
        Connection, Ending, Execution, LoginError, LoginRequest, Owner, Part, QueryTag, Session,
        Statement, Target, Value, connection::Auth,
    },
};
use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value as Json, json};
use server::{Answer, Server};
use std::{io::Write, sync::Arc, time::Duration};
use tokio::sync::Notify;

const QUERY: &str = "/queries/v1/query-request";
const LOGIN: &str = "/session/v1/login-request";
const RENEWAL: &str = "/session/token-request";
const ABORT: &str = "/queries/v1/abort-request";

fn target(server: &Server) -> LiveTarget {
    LiveTarget::new(Connection::loopback(server.address))
}

async fn login(server: &Server) -> Box<dyn Session> {
    target(server).login(LoginRequest::default()).await.expect("the server lets everyone in")
}

fn statement(sql: &str) -> Statement {
    let give_up_after = Duration::from_secs(20);
    Statement { sql: sql.to_owned(), give_up_after, ..Statement::default() }
}

/// Executes one statement against these answers to the query request.
async fn executed<const N: usize>(server: &Server, answers: [Answer; N]) -> Execution {
    server.on(QUERY, answers);
    login(server).await.execute(&statement("select 1")).await
}

/// Rows as lines of cells; everything else in words.
fn shown(execution: &Execution) -> String {
    match &execution.ending {
        Ending::Rows(rows) => {
            let line = |row: &Vec<Value>| {
                let cells = row.iter().zip(&rows.columns);
                cells.map(|(it, column)| it.text(&column.data_type)).collect::<Vec<_>>().join("|")
            };
            rows.rows.iter().map(line).collect::<Vec<_>>().join(" ")
        }
        Ending::Refused(refusal) => format!("refused {refusal}"),
        Ending::TimedOut { after } => format!("timed out after {after:?}"),
        Ending::Lost { cause } => format!("lost: {cause}"),
        Ending::NotRecorded { explanation } => format!("not recorded: {explanation}"),
    }
}

fn row_types() -> Json {
    json!([
        {"name": "ID", "type": "fixed", "precision": 38, "scale": 0, "nullable": false},
        {"name": "V", "type": "text", "nullable": true},
    ])
}

fn arrow(ids: std::ops::Range<i64>) -> Vec<u8> {
    let texts: StringArray = ids.clone().map(|it| Some(format!("v{it}"))).collect();
    let ids = Int64Array::from_iter_values(ids);
    let batch =
        RecordBatch::try_from_iter([("ID", Arc::new(ids) as _), ("V", Arc::new(texts) as _)])
            .unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn one_row() -> Answer {
    Answer::data(json!({
        "rowtype": row_types(), "rowset": [["1", null]], "total": 1, "returned": 1,
        "queryId": "q-1", "queryResultFormat": "json", "statementTypeId": 4096,
    }))
}

#[tokio::test]
async fn rows_come_from_json_and_from_arrow() {
    let server = Server::start().await;
    let execution = executed(&server, [one_row()]).await;
    assert_eq!(shown(&execution), "1|NULL");
    assert_eq!(execution.query_id.as_deref(), Some("q-1"));

    let inline = STANDARD.encode(arrow(0..3));
    let answer = Answer::data(json!({
        "rowtype": row_types(), "rowsetBase64": inline, "total": 3, "returned": 3,
    }));
    assert_eq!(shown(&executed(&server, [answer]).await), "0|v0 1|v1 2|v2");

    let empty = Answer::data(json!({"rowtype": row_types(), "rowsetBase64": "", "returned": 0}));
    match executed(&server, [empty]).await.ending {
        Ending::Rows(rows) => assert_eq!((rows.columns.len(), rows.rows.len()), (2, 0)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_statement_is_sent_with_its_tag_and_binds() {
    let server = Server::start().await;
    server.on(QUERY, [one_row()]);
    let mut session = login(&server).await;
    let statement = Statement {
        binds: vec![Value::Number { digits: 5, scale: 0 }],
        tag: Some(QueryTag::new(
            "1",
            Owner::Suite("suite".to_owned()),
            Part::Case("case".to_owned()),
        )),
        ..statement("select ?")
    };
    session.execute(&statement).await;
    session.execute(&statement).await;

    let asked = server.asked(QUERY);
    let body = &asked[0].body;
    assert_eq!(body["sqlText"], "select ?");
    assert_eq!(body["bindings"], json!({"1": {"type": "FIXED", "value": "5"}}));
    assert_eq!(body["parameters"], json!({"QUERY_TAG": "snowgauge/1/suite/case"}));
    assert_eq!([&body["sequenceId"], &asked[1].body["sequenceId"]], [1, 2]);
    assert_eq!(asked[0].headers["authorization"], "Snowflake Token=\"session-1\"");
    assert_ne!(asked[0].query["requestId"], asked[1].query["requestId"]);
}

#[tokio::test]
async fn a_session_starts_as_it_was_asked_to() {
    let server = Server::start().await;
    let connection = Connection {
        schema: Some("\"Quoted\"".to_owned()),
        role: Some("r".to_owned()),
        ..Connection::loopback(server.address)
    };
    let request = LoginRequest {
        database: Some("d".to_owned()),
        role: Some("other".to_owned()),
        tag: QueryTag::new("1", Owner::Run, Part::Objects),
        ..LoginRequest::default()
    };
    LiveTarget::new(connection).login(request).await.unwrap();

    let asked = &server.asked(LOGIN)[0];
    let parameters = &asked.body["data"]["SESSION_PARAMETERS"];
    assert_eq!(parameters["QUERY_TAG"], "snowgauge/1");
    assert_eq!(parameters["USE_CACHED_RESULT"], false);
    let named = |name: &str| asked.query.get(name).map(String::as_str);
    assert_eq!(named("databaseName"), Some("d"));
    assert_eq!(named("schemaName"), Some("\"Quoted\""));
    assert_eq!(named("roleName"), Some("other"));
    assert_eq!(named("warehouse"), None);
    assert_eq!(asked.body["data"]["CLIENT_ENVIRONMENT"]["APPLICATION"], "snowgauge");
    // Nothing but the login went out.
    assert!(server.asked("/monitoring/queries/none").is_empty());
}

#[tokio::test]
async fn each_way_to_log_in_reaches_the_server() {
    let secret = || Secret::new("s");
    for (auth, field, authenticator) in [
        (Auth::Password { password: secret(), passcode: None }, "PASSWORD", Json::Null),
        (
            Auth::PasswordMfa { password: secret(), passcode: Some(secret()) },
            "PASSCODE",
            json!("USERNAME_PASSWORD_MFA"),
        ),
        (Auth::OAuth { token: secret() }, "TOKEN", json!("OAUTH")),
        (Auth::AccessToken { token: secret() }, "TOKEN", json!("PROGRAMMATIC_ACCESS_TOKEN")),
    ] {
        let server = Server::start().await;
        let connection = Connection { auth, ..Connection::loopback(server.address) };
        LiveTarget::new(connection).login(LoginRequest::default()).await.unwrap();
        let data = &server.asked(LOGIN)[0].body["data"];
        assert_eq!((&data[field], &data["AUTHENTICATOR"]), (&json!("s"), &authenticator));
    }
}

#[tokio::test]
async fn one_passcode_does_for_all_sessions() {
    let server = Server::start().await;
    let Answer::Http(_, _, _, body) = server::login() else { unreachable!() };
    let mut body: Json = serde_json::from_slice(&body).unwrap();
    body["data"]["mfaToken"] = json!("mfa-1");
    server.on(LOGIN, [Answer::json(body)]);
    let auth =
        Auth::PasswordMfa { password: Secret::new("p"), passcode: Some(Secret::new("123456")) };
    let target = LiveTarget::new(Connection { auth, ..Connection::loopback(server.address) });
    for _ in 0..2 {
        target.login(LoginRequest::default()).await.unwrap().close().await;
    }
    let asked = server.asked(LOGIN);
    let fields =
        |it: usize| [&asked[it].body["data"]["PASSCODE"], &asked[it].body["data"]["TOKEN"]];
    assert_eq!(fields(0), [&json!("123456"), &Json::Null]);
    assert_eq!(fields(1), [&Json::Null, &json!("mfa-1")]);
}

#[tokio::test]
async fn a_key_pair_signs_for_the_account_without_its_region() {
    let server = Server::start().await;
    // A key made for this test, which opens nothing, without the lines that would alarm whoever
    // looks for lost keys.
    let label = "PRIVATE KEY-----";
    let key = format!("-----BEGIN {label}\n{}-----END {label}\n", include_str!("key.b64"));
    let auth = Auth::KeyPair { private_key: Secret::new(key), passphrase: None };
    let account = "acme.eu-west-1".to_owned();
    let connection = Connection { auth, account, ..Connection::loopback(server.address) };
    LiveTarget::new(connection).login(LoginRequest::default()).await.unwrap();

    let data = &server.asked(LOGIN)[0].body["data"];
    assert_eq!(data["AUTHENTICATOR"], "SNOWFLAKE_JWT");
    let claims = data["TOKEN"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Json = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "ACME.SNOWGAUGE");
}

#[tokio::test]
async fn a_refusal_keeps_all_that_the_server_said() {
    let server = Server::start().await;
    let refusal =
        Answer::refusal("002003", "42S02", "SQL compilation error:\nObject 'T' does not exist");
    let execution = executed(&server, [refusal]).await;
    let expected = "refused 002003 (42S02): SQL compilation error:\nObject 'T' does not exist";
    assert_eq!(shown(&execution), expected);
    assert_eq!(execution.query_id.as_deref(), Some("q-refused"));
}

#[tokio::test]
async fn a_cancelled_statement_keeps_its_words_even_without_data() {
    let server = Server::start().await;
    let full = Answer::refusal("000604", "57014", "SQL execution canceled");
    let bare = Answer::service("604", "SQL execution canceled");
    let full = executed(&server, [full]).await;
    assert_eq!(shown(&full), "refused 000604 (57014): SQL execution canceled");
    let bare = executed(&server, [bare]).await;
    assert_eq!(shown(&bare), "refused 000604: SQL execution canceled");
}

fn in_progress(code: &str) -> Answer {
    Answer::json(json!({
        "data": {"queryId": "q-1", "getResultUrl": "/queries/q-1/result", "progressDesc": null},
        "code": code, "message": "in progress", "success": true,
    }))
}

#[tokio::test]
async fn a_statement_in_progress_is_asked_for_until_it_ends() {
    let server = Server::start().await;
    server.on("/queries/q-1/result", [in_progress("333333"), in_progress("333334"), one_row()]);
    assert_eq!(shown(&executed(&server, [in_progress("333333")]).await), "1|NULL");
    assert_eq!(server.asked("/queries/q-1/result").len(), 3);

    server.on("/queries/q-1/result", [Answer::refusal("000630", "57014", "timeout")]);
    let execution = executed(&server, [in_progress("333334")]).await;
    assert_eq!(shown(&execution), "refused 000630 (57014): timeout");
}

#[tokio::test]
async fn a_result_elsewhere_is_not_asked_for() {
    let server = Server::start().await;
    let elsewhere = Answer::json(json!({
        "data": {"queryId": "q-1", "getResultUrl": "//evil.example/queries"},
        "code": "333333", "success": true,
    }));
    // The address is taken for a path on the same host.
    let execution = executed(&server, [elsewhere]).await;
    assert!(shown(&execution).starts_with("lost: HTTP 404"), "{}", shown(&execution));
    let elsewhere = Answer::json(json!({
        "data": {"queryId": "q-1", "getResultUrl": "http://evil.example/queries"},
        "code": "333333", "success": true,
    }));
    let execution = executed(&server, [elsewhere]).await;
    assert_eq!(shown(&execution), "lost: the result is said to be at another host");
}

fn expired() -> Answer {
    Answer::service("390112", "Your session has expired. Please login again.")
}

fn renewed() -> Answer {
    Answer::data(json!({
        "sessionToken": "session-2", "validityInSecondsST": 3600,
        "masterToken": "master-2", "validityInSecondsMT": 14400, "sessionId": 7,
    }))
}

#[tokio::test]
async fn an_expired_session_is_renewed_and_the_statement_repeated() {
    for status in [200, 401] {
        let server = Server::start().await;
        server.on(RENEWAL, [renewed()]);
        let Answer::Http(_, kind, headers, body) = expired() else { unreachable!() };
        let expired = Answer::Http(status, kind, headers, body);
        assert_eq!(shown(&executed(&server, [expired, one_row()]).await), "1|NULL");

        let renewal = &server.asked(RENEWAL)[0];
        assert_eq!(renewal.headers["authorization"], "Snowflake Token=\"master-1\"");
        assert_eq!(renewal.body, json!({"oldSessionToken": "session-1", "requestType": "RENEW"}));
        let asked = server.asked(QUERY);
        assert_eq!(asked[0].query["requestId"], asked[1].query["requestId"]);
        assert_ne!(asked[0].query["request_guid"], asked[1].query["request_guid"]);
        assert_eq!(asked[1].headers["authorization"], "Snowflake Token=\"session-2\"");
    }
}

#[tokio::test]
async fn the_tokens_of_all_sessions_are_told_as_secrets() {
    let server = Server::start().await;
    let target = target(&server);
    assert_eq!(target.secrets(), []);
    let mut session = target.login(LoginRequest::default()).await.unwrap();
    assert_eq!(target.secrets(), ["session-1", "master-1"].map(Secret::new));

    server.on(RENEWAL, [renewed()]);
    server.on(QUERY, [expired(), one_row()]);
    session.execute(&statement("select 1")).await;
    let expected = ["session-1", "master-1", "session-2", "master-2"].map(Secret::new);
    assert_eq!(target.secrets(), expected);
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_lost_and_no_refusal() {
    let server = Server::start().await;
    server.on(RENEWAL, [Answer::service("390114", "Authentication token has expired.")]);
    let execution = executed(&server, [expired()]).await;
    let expected = "lost: the session is over: 390114: Authentication token has expired.";
    assert_eq!(shown(&execution), expected);

    let gone = Answer::service("390111", "Session no longer exists.");
    let expected = "lost: the session is over: 390111: Session no longer exists.";
    assert_eq!(shown(&executed(&server, [gone]).await), expected);

    server.on(RENEWAL, [renewed()]);
    let execution = executed(&server, [expired()]).await;
    assert!(shown(&execution).starts_with("lost: the session is over: 390112"));
}

#[tokio::test]
async fn chunks_follow_the_inline_rows_in_their_order() {
    let server = Server::start().await;
    let base = format!("http://{}", server.address);
    let places = |kind: &str| {
        json!([
            {"url": format!("{base}/{kind}/1?sig=s3cret"), "rowCount": 2, "uncompressedSize": 1},
            {"url": format!("{base}/{kind}/2?sig=s3cret"), "rowCount": 1, "uncompressedSize": 1},
        ])
    };
    // One is compressed and says so, the other is and does not.
    let encoded = |body: &[u8]| {
        let headers = vec![("content-encoding", "gzip".to_owned())];
        Answer::Http(200, "application/octet-stream", headers, gzip(body))
    };
    let silent = |body: &[u8]| Answer::Http(200, "application/octet-stream", vec![], gzip(body));
    server.on("/arrow/1", [encoded(&arrow(1..3))]);
    server.on("/arrow/2", [silent(&arrow(3..4))]);
    server.on("/json/1", [silent(b"[\"1\",\"v1\"],[\"2\",\"v2\"]")]);
    server.on("/json/2", [encoded(b"[\"3\",\"v3\"]")]);

    let answer = Answer::data(json!({
        "rowtype": row_types(), "rowsetBase64": STANDARD.encode(arrow(0..1)), "returned": 4,
        "chunks": places("arrow"), "chunkHeaders": {"x-key": "k"},
    }));
    assert_eq!(shown(&executed(&server, [answer]).await), "0|v0 1|v1 2|v2 3|v3");
    let chunk = &server.asked("/arrow/1")[0];
    assert_eq!(chunk.headers.get("x-key").map(String::as_str), Some("k"));
    assert_eq!(chunk.headers.get("authorization"), None);

    let json_answer = || {
        Answer::data(json!({
            "rowtype": row_types(), "rowset": [["0", "v0"]], "returned": 4, "qrmk": "key",
            "chunks": places("json"),
        }))
    };
    assert_eq!(shown(&executed(&server, [json_answer()]).await), "0|v0 1|v1 2|v2 3|v3");
    let key = &server.asked("/json/1")[0].headers["x-amz-server-side-encryption-customer-key"];
    assert_eq!(key, "key");

    server.on("/json/2", [Answer::status(403, "application/xml", "<Error>Expired</Error>")]);
    let expected = "lost: chunk 2: HTTP 403 Forbidden with `application/xml`, no Snowflake reply: \
                    `<Error>Expired</Error>`";
    assert_eq!(shown(&executed(&server, [json_answer()]).await), expected);

    server.on("/json/2", [Answer::Reset]);
    let lost = shown(&executed(&server, [json_answer()]).await);
    assert!(lost.starts_with("lost: chunk 2: the connection was lost before an answer"), "{lost}");
    assert!(!lost.contains("s3cret"), "{lost}");

    server.on("/json/2", [silent(b"[\"3\",\"v3\"],[\"4\",\"v4\"]")]);
    let expected = "lost: part 2 has 2 rows of 1 announced";
    assert_eq!(shown(&executed(&server, [json_answer()]).await), expected);
}

#[tokio::test]
async fn what_is_no_reply_is_a_lost_connection_that_says_what_was_seen() {
    let server = Server::start().await;
    let html = "<html>\n  <body>Sign in to the proxy</body></html>";
    let reply = r#"{"data":{"rowtype":[],"rowset":[]},"code":null,"success":true}"#;
    let strange = |rest: &str| format!("lost: HTTP {rest}");
    for (answer, expected) in [
        (
            Answer::status(200, "text/html; charset=utf-8", html),
            strange(
                "200 OK with `text/html; charset=utf-8`, no Snowflake reply (no JSON): \
                 `<html> <body>Sign in to the proxy</body></html>`",
            ),
        ),
        (
            Answer::status(502, "text/plain", "upstream is away"),
            strange("502 Bad Gateway with `text/plain`, no Snowflake reply: `upstream is away`"),
        ),
        (
            Answer::status(503, "application/json", reply),
            strange(
                "503 Service Unavailable with `application/json`, no Snowflake reply: \
                 62 bytes of JSON",
            ),
        ),
        (
            Answer::status(200, "application/json", &reply[..30]),
            strange(
                "200 OK with `application/json`, no Snowflake reply (it breaks off): \
                 30 bytes of JSON",
            ),
        ),
        (
            Answer::status(200, "application/json", "{\"a\":1}"),
            strange(
                "200 OK with `application/json`, no Snowflake reply (JSON of another shape): \
                 7 bytes of JSON",
            ),
        ),
        (
            Answer::status(200, "", ""),
            strange(
                "200 OK with no content type, no Snowflake reply (it breaks off): an empty body",
            ),
        ),
        (
            Answer::service("", "what now"),
            "lost: the reply is a failure without a code: `what now`".to_owned(),
        ),
    ] {
        assert_eq!(shown(&executed(&server, [answer]).await), expected);
    }
    for (answer, expected) in [
        (
            Answer::CutShort(reply.as_bytes().to_vec(), 20),
            "lost: HTTP 200 OK, then the body broke off: ",
        ),
        (Answer::Reset, "lost: the connection was lost before an answer: "),
    ] {
        let lost = shown(&executed(&server, [answer]).await);
        assert!(lost.starts_with(expected), "{lost}");
    }
}

#[tokio::test]
async fn a_result_with_fewer_rows_than_announced_is_no_result() {
    let server = Server::start().await;
    let short = Answer::data(json!({
        "rowtype": row_types(), "rowset": [["1", null]], "returned": 4000,
    }));
    assert_eq!(shown(&executed(&server, [short]).await), "lost: 1 rows came of 4000 announced");
    let broken = Answer::data(json!({"rowtype": row_types(), "rowset": [["x", null]]}));
    let expected = "lost: malformed rows: row 1, column `ID`: `x` is no NUMBER";
    assert_eq!(shown(&executed(&server, [broken]).await), expected);
    let file = Answer::data(json!({"command": "UPLOAD", "src_locations": []}));
    let expected = "lost: the server asks for a file transfer (UPLOAD), which is not done";
    assert_eq!(shown(&executed(&server, [file]).await), expected);
}

#[tokio::test]
async fn rows_that_dml_touches_are_counted() {
    let server = Server::start().await;
    let answer = |names: &[&str], counts: &[&str], kind: i64| {
        let row_types: Vec<_> = names
            .iter()
            .map(|it| json!({"name": it, "type": "fixed", "precision": 19, "scale": 0}))
            .collect();
        let stats = json!({"numRowsInserted": 7});
        Answer::data(json!({
            "rowtype": row_types, "rowset": [counts], "statementTypeId": kind, "stats": stats,
        }))
    };
    for (names, counts, kind, expected) in [
        (vec!["number of rows inserted"], vec!["3"], 0x3100, Some(3)),
        (
            vec!["number of rows updated", "number of multi-joined rows updated"],
            vec!["2", "1"],
            0x3200,
            Some(2),
        ),
        (
            vec!["number of rows inserted", "number of rows deleted"],
            vec!["2", "1"],
            0x3400,
            Some(3),
        ),
        (
            vec!["number of rows inserted into T", "number of rows inserted into U"],
            vec!["2", "2"],
            0x3500,
            Some(4),
        ),
        (vec!["rows_loaded"], vec!["9"], 0x3600, Some(7)),
        (vec!["number of rows inserted"], vec!["3"], 0x1000, None),
    ] {
        match executed(&server, [answer(&names, &counts, kind)]).await.ending {
            Ending::Rows(rows) => assert_eq!(rows.affected, expected, "{names:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn giving_up_stops_the_statement_on_the_server() {
    let server = Server::start().await;
    let never = Answer::After(Arc::new(Notify::new()), Box::new(Answer::Reset));
    server.on("/queries/q-1/result", [never]);
    server.on(QUERY, [in_progress("333333")]);
    server.on(ABORT, [Answer::data(Json::Null)]);
    let give_up_after = Duration::from_millis(30);
    let statement = Statement { give_up_after, ..statement("call long()") };
    let execution = login(&server).await.execute(&statement).await;

    assert_eq!(shown(&execution), "timed out after 30ms");
    assert_eq!(execution.query_id.as_deref(), Some("q-1"));
    assert!(execution.elapsed >= give_up_after, "{:?}", execution.elapsed);
    let request = &server.asked(QUERY)[0].query["requestId"];
    assert_eq!(server.asked(ABORT)[0].body, json!({"requestId": request}));
}

#[tokio::test]
async fn a_statement_is_cancelled_from_elsewhere() {
    let server = Server::start().await;
    let cancelled = Arc::new(Notify::new());
    let refusal = Answer::refusal("000604", "57014", "SQL execution canceled");
    server.on(QUERY, [Answer::After(Arc::clone(&cancelled), Box::new(refusal))]);
    // The first cancel is ahead of its statement.
    let early = Answer::service("000605", "Identified SQL statement is not currently executing.");
    server.on(ABORT, [early, Answer::data(Json::Null)]);
    let mut session = login(&server).await;
    let canceller = session.canceller();
    canceller.cancel().await;
    assert!(server.asked(ABORT).is_empty(), "there was nothing to cancel");

    let statement = statement("call long()");
    let (execution, ()) = tokio::join!(session.execute(&statement), async {
        server.was_asked(QUERY, 1).await;
        canceller.cancel().await;
        cancelled.notify_waiters();
    });
    assert_eq!(shown(&execution), "refused 000604 (57014): SQL execution canceled");
    let request = &server.asked(QUERY)[0].query["requestId"];
    assert_eq!(server.asked(ABORT)[1].body, json!({"requestId": request}));
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_stopped() {
    let server = Server::start().await;
    let never = Answer::After(Arc::new(Notify::new()), Box::new(Answer::Reset));
    server.on(QUERY, [never]);
    server.on(ABORT, [Answer::data(Json::Null)]);
    let mut session = login(&server).await;
    let statement = statement("call long()");
    tokio::select! {
        execution = session.execute(&statement) => panic!("{execution:?}"),
        () = server.was_asked(QUERY, 1) => {}
    }
    server.was_asked(ABORT, 1).await;
}

#[tokio::test]
async fn sessions_log_out_when_they_are_closed_and_when_they_are_dropped() {
    let server = Server::start().await;
    login(&server).await.close().await;
    let asked = &server.asked("/session")[0];
    assert_eq!((asked.method.as_str(), asked.query["delete"].as_str()), ("POST", "true"));
    assert_eq!(asked.headers["authorization"], "Snowflake Token=\"session-1\"");
    assert_eq!(server.asked("/session").len(), 1);

    drop(login(&server).await);
    server.was_asked("/session", 2).await;
}

async fn login_error(server: &Server, answer: Answer) -> String {
    server.on(LOGIN, [answer]);
    let connection = Connection {
        name: "prod".to_owned(),
        auth: Auth::Password { password: Secret::new("hunter2"), passcode: None },
        ..Connection::loopback(server.address)
    };
    match LiveTarget::new(connection).login(LoginRequest::default()).await {
        Ok(_) => "logged in".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_failed_login_says_why() {
    let server = Server::start().await;
    let wrong = "Incorrect username or password was specified.";
    for (answer, expected) in [
        (Answer::service("390100", wrong), format!("prod refused the login: 390100: {wrong}")),
        (
            Answer::json(json!({
                "data": {"authnMethod": "USERNAME_PASSWORD", "errorCode": "390100"},
                "code": "390100", "message": "no ada:hunter2", "success": false,
            })),
            "prod refused the login: 390100: no ada:<redacted>".to_owned(),
        ),
        (
            Answer::status(403, "text/html", "<html>forbidden</html>"),
            "cannot reach prod: HTTP 403 Forbidden with `text/html`, no Snowflake reply: \
             `<html>forbidden</html>`; is the account's name right?"
                .to_owned(),
        ),
        (
            Answer::status(200, "text/html", "<html>hunter2</html>"),
            "cannot reach prod: HTTP 200 OK with `text/html`, no Snowflake reply (no JSON): \
             `<html><redacted></html>`"
                .to_owned(),
        ),
        (
            Answer::data(json!({"token": "t"})),
            "cannot reach prod: the login succeeded, but its answer lacks a token or the session"
                .to_owned(),
        ),
    ] {
        assert_eq!(login_error(&server, answer).await, expected);
    }
    let lost = login_error(&server, Answer::Reset).await;
    let expected = "cannot reach prod: the connection was lost before an answer: ";
    assert!(lost.starts_with(expected), "{lost}");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let target = LiveTarget::new(Connection::loopback(address));
    let error = target.login(LoginRequest::default()).await.err().unwrap();
    let (place, cause) = (address.to_string(), format!("nobody answers at {address}"));
    assert_eq!(error, LoginError::Unreachable { place, cause });
}

#[tokio::test]
async fn a_connection_that_would_send_secrets_in_the_clear_is_unusable() {
    let host = Some("10.1.2.3".to_owned());
    let connection = Connection { host, ..Connection::loopback(([127, 0, 0, 1], 1).into()) };
    let error = LiveTarget::new(connection).login(LoginRequest::default()).await.err().unwrap();
    let expected = "127.0.0.1:1: `protocol = \"http\"` would send secrets to `10.1.2.3` in the clear; remove \
         `protocol`, or set `insecure_http = true` if the way there is safe";
    assert_eq!(error, LoginError::Unusable { explanation: expected.to_owned() });

    let auth = Auth::KeyPair { private_key: Secret::new("BEGIN PRIVATE KEY"), passphrase: None };
    let connection = Connection { auth, ..Connection::loopback(([127, 0, 0, 1], 1).into()) };
    let error = LiveTarget::new(connection).login(LoginRequest::default()).await.err().unwrap();
    assert!(matches!(&error, LoginError::Unusable { .. }), "{error}");
}
