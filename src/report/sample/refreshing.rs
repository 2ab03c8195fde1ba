//! A case that saw a chain of tables being refreshed.

use crate::{
    refresh::{
        history::Refresh,
        watched::{Shown, Watched},
    },
    run::{CaseReport, Outcome},
    suite::refresh::RefreshedKind,
};
use chrono::{DateTime, TimeDelta, Utc};

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
}

/// A refresh every 48 s, of which some are out of the ordinary.
fn refreshes(took_ms: i64, odd: &[(i64, &str, Option<&str>)]) -> Vec<Refresh> {
    let refresh = |number: i64| {
        let data = number * 48_000;
        let odd = odd.iter().find(|(at, ..)| *at == number);
        let (state, action) = odd.map_or(("SUCCEEDED", Some("INCREMENTAL")), |it| (it.1, it.2));
        Refresh {
            state: state.to_owned(),
            state_message: (state == "FAILED").then(|| "division by zero".to_owned()),
            action: action.map(str::to_owned),
            trigger: Some("SCHEDULED".to_owned()),
            data_timestamp: Some(at(data)),
            started_at: Some(at(data + 700)),
            ended_at: Some(at(data + took_ms * (1 + number % 3))),
            inserted_rows: Some(if action == Some("NO_DATA") { 0 } else { 120 }),
            deleted_rows: Some(0),
            query_id: Some(format!("01b0-r{number}")),
            ..Refresh::default()
        }
    };
    (0..10).map(refresh).collect()
}

fn table(name: &str, kind: RefreshedKind, reads: &[&str], lag_ms: Option<u64>) -> Watched {
    Watched {
        table: name.to_owned(),
        kind,
        reads: reads.iter().map(|it| (*it).to_owned()).collect(),
        lag_target_ms: lag_ms,
        refreshes: Vec::new(),
        shown: Vec::new(),
    }
}

pub fn refreshing() -> CaseReport {
    let no_data = (3, "SUCCEEDED", Some("NO_DATA"));
    let orders = Watched {
        refreshes: refreshes(
            2_100,
            &[(0, "SUCCEEDED", Some("REINITIALIZE")), no_data, (5, "FAILED", Some("INCREMENTAL"))],
        ),
        shown: vec![
            Shown { changed_at: at(20_000), seen_at: at(52_000) },
            Shown { changed_at: at(230_000), seen_at: at(291_000) },
        ],
        ..table("DT_ORDERS", RefreshedKind::Dynamic, &["T_ORDERS", "T_STATUS"], Some(60_000))
    };
    let totals = Watched {
        refreshes: refreshes(4_800, &[no_data, (5, "UPSTREAM_FAILED", None), (7, "SKIPPED", None)]),
        ..table("DT_TOTALS", RefreshedKind::Dynamic, &["DT_ORDERS"], Some(60_000))
    };
    let served = Watched {
        refreshes: refreshes(1_200, &[]),
        ..table("SERVED", RefreshedKind::Interactive, &["DT_ORDERS"], Some(86_400_000))
    };
    let mut case = super::case("a chain is refreshed", Outcome::Passed);
    case.case.suite = "refresh::pipeline".to_owned();
    case.case.id = Some("R-04".to_owned());
    case.refreshes = vec![orders, totals, served];
    case
}
