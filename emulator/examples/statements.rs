//! Executes the statements of a file on a fresh account and says how long each took.
//!
//! `cargo run -p snowgauge-emulator --example statements -- FILE.sql`

use chrono::Utc;
use snowgauge_emulator::{
    engine::{Engine, LoginOptions, Request, Settings},
    sql::text,
};
use std::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let script = std::fs::read_to_string(path)?;
    let engine = Engine::new(Settings::default());
    let session = engine.open_session(LoginOptions { user: "ada".into(), ..Default::default() });
    for sql in text::split(&script)? {
        let started = Instant::now();
        let request = Request {
            sql: sql.to_owned(),
            binds: Default::default(),
            parameters: Default::default(),
            describe_only: false,
            query_id: uuid::Uuid::new_v4(),
            submitted_at: Utc::now(),
        };
        let reply = session.execute(request).await;
        let took = started.elapsed();
        let first: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let first: String = first.chars().take(70).collect();
        match reply.result {
            Ok(success) => {
                println!("{took:>10.1?}  {first}");
                let rows = arrow::util::pretty::pretty_format_batches(&success.result.batches)?;
                let text = rows.to_string();
                println!("{}", text.lines().take(14).collect::<Vec<_>>().join("\n"));
            }
            Err(error) => println!("{took:>10.1?}  {first}\n  {error}"),
        }
    }
    Ok(())
}
