//! The protocol as a driver sees it: requests over a socket, to an emulator with its engine.

mod http;

use http::{Client, Response, gzip};
use serde_json::{Value, json};
use snowgauge_emulator::{
    Emulator, EmulatorSettings,
    clock::Clock,
    engine::Settings,
    refresh::history::{RefreshRecord, RefreshTrigger},
};
use std::{collections::BTreeMap, time::Duration};

/// An emulator that answers "in progress" early and chunks small results.
async fn start() -> Emulator {
    start_with(EmulatorSettings {
        hold: Duration::from_millis(30),
        chunk_bytes: 2000,
        ..EmulatorSettings::default()
    })
    .await
}

async fn start_with(settings: EmulatorSettings) -> Emulator {
    Emulator::start(settings).await.expect("a free port on loopback")
}

async fn login(emulator: &Emulator, app: &str) -> Client {
    let mut client = Client::connect(emulator.address()).await;
    let body = json!({"data": {"CLIENT_APP_ID": app, "LOGIN_NAME": "ada", "PASSWORD": "x"}});
    let reply = client.post("/session/v1/login-request?requestId=1", &body).await.json();
    assert_eq!(reply["success"], true, "{reply}");
    client.token = text(&reply["data"]["token"]);
    client.master = text(&reply["data"]["masterToken"]);
    client
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("`{value}` is no string")).to_owned()
}

/// Executes a statement under a request id.
async fn execute_as(client: &mut Client, request_id: &str, body: Value) -> Value {
    let path = format!("/queries/v1/query-request?requestId={request_id}");
    client.post(&path, &body).await.json()
}

/// Until it has ended: on a busy machine any statement outlasts the time that a request is held.
async fn execute(client: &mut Client, sql: &str) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    let reply = execute_as(client, &id, json!({"sqlText": sql})).await;
    poll(client, reply).await
}

/// Asks until the statement has ended.
async fn poll(client: &mut Client, mut reply: Value) -> Value {
    while matches!(reply["code"].as_str(), Some("333333" | "333334")) {
        reply = client.get(&text(&reply["data"]["getResultUrl"])).await.json();
    }
    reply
}

#[tokio::test]
async fn a_login_gives_what_the_strictest_drivers_require() {
    let emulator = start().await;
    let mut client = Client::connect(emulator.address()).await;
    let body = json!({"data": {"LOGIN_NAME": "ada", "PASSWORD": "x"}});
    let reply = client.post("/session/v1/login-request", &body).await.json();
    let data = &reply["data"];
    for field in ["token", "masterToken", "serverVersion"] {
        assert!(data[field].is_string(), "{field} of {data}");
    }
    for field in ["sessionId", "validityInSeconds", "masterValidityInSeconds"] {
        assert!(data[field].is_i64(), "{field} of {data}");
    }
    assert!(data["sessionInfo"]["roleName"].is_string());
    let parameters = data["parameters"].as_array().expect("parameters");
    assert!(parameters.iter().any(|it| it["name"] == "AUTOCOMMIT" && it["value"] == true));
    assert!(reply["code"].is_null() && reply["headers"].is_null());
    emulator.stop().await;
}

#[tokio::test]
async fn listed_users_need_their_password() {
    let users = BTreeMap::from([("ada".to_owned(), "secret".to_owned())]);
    let emulator =
        start_with(EmulatorSettings { users: Some(users), ..EmulatorSettings::default() }).await;
    let mut client = Client::connect(emulator.address()).await;
    let mut login = async |password: &str| {
        let body = json!({"data": {"LOGIN_NAME": "ADA", "PASSWORD": password}});
        client.post("/session/v1/login-request", &body).await.json()
    };
    assert_eq!(login("secret").await["success"], true);
    let refused = login("wrong").await;
    assert_eq!(refused["code"], "390100");
    assert_eq!(refused["message"], "Incorrect username or password was specified.");
    emulator.stop().await;
}

#[tokio::test]
async fn node_gets_strings_and_go_gets_an_arrow_stream() {
    let emulator = start().await;
    let mut node = login(&emulator, "JavaScript").await;
    let reply = execute(&mut node, "SELECT 1 AS N, NULL AS X").await;
    let data = &reply["data"];
    assert_eq!(data["rowset"], json!([["1", null]]), "{reply}");
    assert_eq!(data["queryResultFormat"], "json");
    assert_eq!(data["rowtype"][0]["name"], "N");
    assert_eq!(data["rowtype"][0]["type"], "fixed");
    assert_eq!((&data["total"], &data["statementTypeId"]), (&json!(1), &json!(4096)));

    let mut go = login(&emulator, "Go").await;
    let reply = execute(&mut go, "SELECT 1 AS N").await;
    assert_eq!(reply["data"]["queryResultFormat"], "arrow");
    assert!(reply["data"]["rowsetBase64"].as_str().is_some_and(|it| it.starts_with("/////")));
    assert!(reply["data"].get("rowset").is_none());
    emulator.stop().await;
}

#[tokio::test]
async fn dml_is_json_for_everyone_and_counts_its_rows() {
    let emulator = start().await;
    let mut client = login(&emulator, "PythonConnector").await;
    assert_eq!(execute(&mut client, "CREATE TABLE T (N INT)").await["success"], true);
    let reply = execute(&mut client, "INSERT INTO T VALUES (1), (2)").await;
    let data = &reply["data"];
    assert_eq!(data["rowset"], json!([["2"]]), "{reply}");
    assert_eq!(data["rowtype"][0]["name"], "number of rows inserted");
    assert_eq!(data["stats"]["numRowsInserted"], 2);
    assert_eq!(data["statementTypeId"], 0x3100);
    assert!(data["finalRoleName"].is_string());
    emulator.stop().await;
}

#[tokio::test]
async fn refusals_are_ordinary_replies_with_code_state_and_place() {
    let emulator = start().await;
    let mut client = login(&emulator, "Go").await;
    let response =
        client.post("/queries/v1/query-request?requestId=1", &json!({"sqlText": "SELEC 1"})).await;
    assert_eq!(response.status, 200);
    let reply = poll(&mut client, response.json()).await;
    assert_eq!((&reply["success"], &reply["code"]), (&json!(false), &json!("001003")), "{reply}");
    let data = &reply["data"];
    assert_eq!((&data["sqlState"], &data["line"]), (&json!("42000"), &json!(1)));
    assert!(uuid::Uuid::try_parse(&text(&data["queryId"])).is_ok());
    assert!(text(&reply["message"]).starts_with("SQL compilation error:"));
    emulator.stop().await;
}

#[tokio::test]
async fn a_statement_that_takes_longer_is_polled_to_its_end() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let sql = "SELECT SYSTEM$WAIT(100, 'MILLISECONDS')";
    let reply = execute_as(&mut client, "waits", json!({"sqlText": sql})).await;
    assert_eq!((&reply["code"], &reply["success"]), (&json!("333333"), &json!(true)), "{reply}");
    let query_id = text(&reply["data"]["queryId"]);
    let end = poll(&mut client, reply).await;
    assert_eq!((&end["data"]["total"], &end["data"]["queryId"]), (&json!(1), &json!(query_id)));
    assert!(end["data"].get("getResultUrl").is_none());

    let body = json!({"sqlText": sql, "asyncExec": true});
    let reply = execute_as(&mut client, "async", body).await;
    assert_eq!(reply["code"], "333334");
    assert_eq!(poll(&mut client, reply).await["data"]["total"], 1);
    emulator.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_the_same_statement_and_runs_once() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    execute(&mut client, "CREATE TABLE T (N INT)").await;
    let insert = json!({"sqlText": "INSERT INTO T VALUES (1)"});
    let first = execute_as(&mut client, "same", insert.clone()).await;
    let first = poll(&mut client, first).await;
    let second = execute_as(&mut client, "same", insert.clone()).await;
    assert_eq!(first, second);
    let count = execute(&mut client, "SELECT COUNT(*) FROM T").await;
    assert_eq!(count["data"]["rowset"], json!([["1"]]));

    let mut other = login(&emulator, "JavaScript").await;
    let reply = execute_as(&mut other, "same", insert).await;
    poll(&mut other, reply).await;
    let count = execute(&mut client, "SELECT COUNT(*) FROM T").await;
    assert_eq!(count["data"]["rowset"], json!([["2"]]), "request ids are of one session");
    emulator.stop().await;
}

#[tokio::test]
async fn a_statement_goes_on_when_its_client_is_gone() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let wait = json!({"sqlText": "SELECT SYSTEM$WAIT(60, 'MILLISECONDS')"});
    client.send("POST", "/queries/v1/query-request?requestId=lost", &wait).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    client.reconnect().await;
    let again = execute_as(&mut client, "lost", wait).await;
    assert_eq!(poll(&mut client, again).await["data"]["total"], 1);
    emulator.stop().await;
}

#[tokio::test]
async fn cancelling_by_request_or_by_query_ends_the_statement() {
    let emulator = start().await;
    let mut client = login(&emulator, "Go").await;
    let body = json!({"sqlText": "SELECT SYSTEM$WAIT(60)", "asyncExec": true});
    let cancelled = |reply: &Value| {
        assert_eq!(reply["code"], "000604", "{reply}");
        assert_eq!(reply["data"]["sqlState"], "57014");
    };

    let first = execute_as(&mut client, "first", body.clone()).await;
    let abort = json!({"requestId": "first"});
    let aborted = client.post("/queries/v1/abort-request?requestId=x", &abort).await.json();
    assert_eq!(aborted["success"], true, "{aborted}");
    cancelled(&poll(&mut client, first).await);

    let second = execute_as(&mut client, "second", body).await;
    let path = format!("/queries/{}/abort-request", text(&second["data"]["queryId"]));
    assert_eq!(client.post(&path, &json!({})).await.json()["success"], true);
    cancelled(&poll(&mut client, second).await);

    let late = client.post(&path, &json!({})).await.json();
    assert_eq!((&late["success"], &late["code"]), (&json!(false), &json!("000605")));
    assert_eq!(late["data"]["sqlState"], "01000");
    emulator.stop().await;
}

#[tokio::test]
async fn the_state_of_a_statement_can_be_watched() {
    let emulator = start().await;
    let mut client = login(&emulator, "Go").await;
    let body = json!({"sqlText": "SELECT SYSTEM$WAIT(60)", "asyncExec": true});
    let reply = execute_as(&mut client, "watched", body).await;
    let id = text(&reply["data"]["queryId"]);
    // Python writes two slashes here.
    let path = format!("/monitoring/queries//{id}");
    let watched = client.get(&path).await.json();
    assert_eq!(watched["data"]["queries"][0]["id"], json!(id));
    assert_eq!(watched["data"]["queries"][0]["status"], "RUNNING", "{watched}");
    assert!(watched["data"]["queries"][0]["errorCode"].is_string());
    client.post(&format!("/queries/{id}/abort-request"), &json!({})).await;
    poll(&mut client, reply).await;
    let watched = client.get(&path).await.json();
    assert_eq!(watched["data"]["queries"][0]["status"], "ABORTED", "{watched}");

    let unknown = format!("/monitoring/queries/{}", uuid::Uuid::new_v4());
    assert_eq!(client.get(&unknown).await.json()["data"]["queries"], json!([]));
    emulator.stop().await;
}

#[tokio::test]
async fn large_results_come_in_chunks_that_need_no_token() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let values: Vec<String> = (0..1000).map(|it| format!("({it})")).collect();
    execute(&mut client, "CREATE TABLE T (N INT)").await;
    execute(&mut client, &format!("INSERT INTO T VALUES {}", values.join(","))).await;
    let reply = execute(&mut client, "SELECT N FROM T ORDER BY N").await;
    let data = &reply["data"];
    assert_eq!(data["total"], 1000, "{reply}");
    let mut rows: Vec<Value> = data["rowset"].as_array().expect("inline rows").clone();
    let chunks = data["chunks"].as_array().expect("chunks").clone();
    assert!(chunks.len() > 1 && !rows.is_empty());
    let mut anonymous = Client::connect(emulator.address()).await;
    let base = format!("http://{}", emulator.address());
    for chunk in &chunks {
        let url = text(&chunk["url"]);
        let path = url.strip_prefix(&base).expect("an address of this emulator");
        let response = anonymous.get(path).await;
        assert_eq!(response.header("content-encoding"), Some("gzip"));
        // As JSON, Node would parse it before it has put the brackets round.
        assert_eq!(response.header("content-type"), Some("application/octet-stream"));
        assert_eq!(response.body.len(), chunk["compressedSize"]);
        let text = http::gunzip(&response.body);
        let more: Vec<Value> = serde_json::from_str(&format!("[{text}]")).expect("rows");
        assert_eq!(more.len(), chunk["rowCount"]);
        rows.extend(more);
    }
    let expected: Vec<Value> = (0..1000).map(|it| json!([it.to_string()])).collect();
    assert_eq!(rows, expected);

    let guessed = format!("/chunks/{}/0", uuid::Uuid::new_v4().simple());
    assert_eq!(anonymous.get(&guessed).await.status, 404);
    emulator.stop().await;
}

#[tokio::test]
async fn an_expired_session_is_renewed_and_the_request_repeated() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    execute(&mut client, "SET X = 7").await;
    emulator.expire_session_tokens();
    let refused = execute_as(&mut client, "again", json!({"sqlText": "SELECT $X"})).await;
    assert_eq!(
        refused,
        json!({
            "data": null, "code": "390112", "success": false, "headers": null,
            "message": "Your session has expired. Please login again.",
        })
    );

    let master = client.master.clone();
    let old = std::mem::replace(&mut client.token, master);
    let body = json!({"oldSessionToken": old, "requestType": "RENEW"});
    // One of the Rust clients writes two slashes here.
    let renewed = client.post("//session/token-request?requestId=2", &body).await.json();
    client.token = text(&renewed["data"]["sessionToken"]);
    assert!(renewed["data"]["validityInSecondsST"].is_i64(), "{renewed}");
    let reply = execute_as(&mut client, "again", json!({"sqlText": "SELECT $X"})).await;
    let reply = poll(&mut client, reply).await;
    assert_eq!(reply["data"]["rowset"], json!([["7"]]), "the session is the same: {reply}");
    emulator.stop().await;
}

#[tokio::test]
async fn a_closed_session_is_gone_and_an_unknown_one_invalid() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let closed = client.post("/session?delete=true", &Value::Null).await.json();
    assert_eq!(
        closed,
        json!({
            "data": null, "code": null, "message": null, "success": true, "headers": null,
        })
    );
    assert_eq!(execute(&mut client, "SELECT 1").await["code"], "390111");
    client.token = "nonsense".to_owned();
    assert_eq!(execute(&mut client, "SELECT 1").await["code"], "390104");
    let poll = client.get(&format!("/queries/{}/result", uuid::Uuid::new_v4())).await.json();
    assert_eq!(poll["code"], "390104");
    emulator.stop().await;
}

#[tokio::test]
async fn results_outlive_their_session_but_unknown_ones_are_612() {
    let emulator = start().await;
    let mut first = login(&emulator, "JavaScript").await;
    let id = text(&execute(&mut first, "SELECT 5").await["data"]["queryId"]);
    let mut second = login(&emulator, "JavaScript").await;
    let path = format!("/queries/{id}/result");
    assert_eq!(second.get(&path).await.json()["data"]["rowset"], json!([["5"]]));
    first.post("/session?delete=true", &Value::Null).await;
    assert_eq!(second.get(&path).await.json()["data"]["rowset"], json!([["5"]]));
    let unknown = format!("/queries/{}/result", uuid::Uuid::new_v4());
    assert_eq!(second.get(&unknown).await.json()["code"], "000612");
    emulator.stop().await;
}

#[tokio::test]
async fn binds_reach_the_statement() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let body = json!({
        "sqlText": "SELECT ?, ?, ?",
        "bindings": {
            "1": {"type": "FIXED", "value": "7"},
            "2": {"type": "TEXT", "value": "a"},
            "3": {"type": "ANY", "value": null},
        },
    });
    let reply = execute_as(&mut client, "binds", body).await;
    let reply = poll(&mut client, reply).await;
    assert_eq!(reply["data"]["rowset"], json!([["7", "a", null]]), "{reply}");
    assert_eq!(reply["data"]["numberOfBinds"], 3);
    let reply = execute_as(&mut client, "bad", json!({"sqlText": "SELECT ?", "bindings": 7})).await;
    let reply = poll(&mut client, reply).await;
    assert_eq!(reply["success"], false);
    emulator.stop().await;
}

#[tokio::test]
async fn describing_gives_columns_and_runs_nothing() {
    let emulator = start().await;
    let mut client = login(&emulator, "JDBC").await;
    let body = json!({"sqlText": "SELECT SYSTEM$WAIT(60) AS W, 1 AS N", "describeOnly": true});
    let reply = execute_as(&mut client, "describe", body).await;
    let reply = poll(&mut client, reply).await;
    assert_eq!(reply["data"]["rowtype"][1]["name"], "N", "{reply}");
    assert_eq!((&reply["data"]["total"], &reply["data"]["rowsetBase64"]), (&json!(0), &json!("")));
    emulator.stop().await;
}

#[tokio::test]
async fn bodies_may_be_packed() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let body = gzip(json!({"sqlText": "SELECT 1"}).to_string().as_bytes());
    let path = "/queries/v1/query-request?requestId=packed";
    let reply = client.exchange("POST", path, &body).await.json();
    let reply = poll(&mut client, reply).await;
    assert_eq!(reply["data"]["rowset"], json!([["1"]]));
    emulator.stop().await;
}

#[tokio::test]
async fn nonsense_is_refused_and_harms_nobody() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let deep = "[".repeat(200_000);
    let bodies: [&[u8]; 6] =
        [b"", b"{", b"[]", b"{\"sqlText\":7}", deep.as_bytes(), &[0x1f, 0x8b, 0xff, 0xff]];
    for body in bodies {
        for path in ["/queries/v1/query-request", "/session/v1/login-request"] {
            let response = client.exchange("POST", path, body).await;
            assert_eq!(response.status, 200, "{path}");
            assert_eq!(response.json()["success"], false, "{path}");
        }
    }
    for path in ["/", "/nothing", "/queries/x/result", "/queries", "/chunks/x/y", "/session"] {
        let response: Response = client.get(path).await;
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(response.json()["success"], false, "{path}");
    }
    assert_eq!(execute(&mut client, "SELECT 1").await["success"], true);
    emulator.stop().await;
}

#[tokio::test]
async fn small_endpoints_answer() {
    let emulator = start().await;
    let mut client = login(&emulator, "JavaScript").await;
    let sent = client.post("/telemetry/send", &json!({"logs": []})).await.json();
    assert_eq!((&sent["data"], &sent["success"]), (&json!("Log Received"), &json!(true)));
    let beat = client.post("/session/heartbeat?requestId=1", &Value::Null).await.json();
    assert_eq!(beat["success"], true);
    let refused = client.post("/session/authenticator-request", &json!({})).await.json();
    assert_eq!(refused["success"], false);
    emulator.stop().await;
}

#[tokio::test]
async fn stopping_cancels_what_runs_and_closes_the_port() {
    let emulator = start_with(EmulatorSettings::default()).await;
    let address = emulator.address();
    let mut client = login(&emulator, "JavaScript").await;
    let body = json!({"sqlText": "SELECT SYSTEM$WAIT(60)"});
    client.send("POST", "/queries/v1/query-request?requestId=1", &body).await;
    let mut other = login(&emulator, "JavaScript").await;
    let status = execute(&mut other, "SELECT 1").await;
    assert_eq!(status["success"], true);
    emulator.stop().await;
    assert_eq!(client.receive().await.json()["code"], "000604");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// An emulator whose clock can jump.
async fn start_virtual() -> Emulator {
    let engine = Settings { clock: Clock::virtual_time(), ..Settings::default() };
    start_with(EmulatorSettings { engine, ..EmulatorSettings::default() }).await
}

#[tokio::test]
async fn the_clock_can_be_read_and_moved_on() {
    let emulator = start_virtual().await;
    let mut client = login(&emulator, "test").await;
    let told = client.get("/emulator/clock").await.json();
    assert_eq!(told["virtual"], true, "{told}");
    let before = told["now_us"].as_i64().expect("microseconds");
    let hour = 3_600_000_000_i64;
    let moved = client.post("/emulator/clock", &json!({"advance_us": hour})).await.json();
    let after = moved["now_us"].as_i64().expect("microseconds");
    assert!((hour..hour + 10_000_000).contains(&(after - before)), "{moved}");
    let reply = execute(&mut client, "select date_part(epoch_second, current_timestamp())").await;
    let seconds: i64 = text(&reply["data"]["rowset"][0][0]).parse().expect("a number");
    assert!((0..10).contains(&(seconds - after / 1_000_000)), "{seconds} {after}");

    for body in [json!({"advance_us": -1}), json!({"advance_us": i64::MAX})] {
        let refused = client.post("/emulator/clock", &body).await;
        assert_eq!(refused.status, 400);
        assert!(text(&refused.json()["error"]).contains("a clock goes forward"));
    }
    let malformed = client.post("/emulator/clock", &json!({"advance": 1})).await.json();
    assert_eq!(malformed["success"], false);
}

#[tokio::test]
async fn a_real_clock_is_told_and_does_not_move() {
    let emulator = start().await;
    let mut client = Client::connect(emulator.address()).await;
    assert_eq!(client.get("/emulator/clock").await.json()["virtual"], false);
    let refused = client.post("/emulator/clock", &json!({"advance_us": 1})).await;
    assert_eq!(refused.status, 409);
    assert!(text(&refused.json()["error"]).contains("--virtual-time"));
}

#[tokio::test]
async fn a_table_with_a_lag_follows_its_base_when_time_passes() {
    let emulator = start_virtual().await;
    let mut client = login(&emulator, "test").await;
    for sql in [
        "create table base (id int)",
        "create interactive table it cluster by (id) target_lag = '1 minute' \
         warehouse = compute_wh as select id from base",
        "insert into base values (1), (2)",
    ] {
        let reply = execute(&mut client, sql).await;
        assert_eq!(reply["success"], true, "{reply}");
    }
    let minute = json!({"advance_us": 60_000_000});
    assert_eq!(client.post("/emulator/clock", &minute).await.status, 200);
    let reply = execute(&mut client, "select count(*) from it").await;
    assert_eq!(reply["data"]["rowset"], json!([["2"]]));
    let records = emulator.engine().refresher.records();
    let is_it = |it: &RefreshRecord| {
        it.trigger == RefreshTrigger::Scheduled
            && it.statistics.is_some_and(|it| it.inserted_rows == 2)
    };
    assert!(records.iter().any(is_it), "{records:?}");
}
