//! The parts of one load, joined: what several machines measured, as if one had.
//!
//! Counts are added and histograms too, second by second, since all parts count from one instant.
//! The worst of what is known of the generators holds for the whole: a load is as sound as its worst
//! part. Budgets are judged again on what that comes to.

use super::{
    Exchange, Health, Histo, Judged, LoadReport, Measured, QueryMeasured, RoleMeasured, Second,
    ServerShare, WarmUpMeasured, WrittenBudget, judge, sums,
};
use crate::run::Partition;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// How far apart parts may have begun: what is added up is a second long.
const APART_MAX: TimeDelta = TimeDelta::milliseconds(500);

/// Exchanges that are kept of a query: as many as one machine keeps.
const EXCHANGES_MAX: usize = 12;

/// What one machine measured.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    pub partition: Partition,
    pub report: &'a LoadReport,
}

/// The whole. `missing` are parts that nobody has; without them it is not sound.
///
/// # Errors
///
/// The parts are not of one load, or one of them is damaged.
pub fn merge(parts: &[Part<'_>], missing: &[Partition]) -> Result<LoadReport, String> {
    let (Some(first), rest) = (parts.first(), parts.get(1..).unwrap_or_default()) else {
        return Err("there is no part of it".to_owned());
    };
    for other in rest {
        alike(first, other)?;
    }
    let all: Vec<&Measured> = parts.iter().map(|it| &it.report.measured).collect();
    let roles = first.report.measured.roles.iter().enumerate();
    let roles = roles.map(|(at, _)| role(all.iter().filter_map(|it| it.roles.get(at)).collect()));
    let roles: Result<Vec<RoleMeasured>, String> = roles.collect();
    let measured = Measured {
        workload: first.report.measured.workload.clone(),
        seed: first.report.measured.seed,
        began: all.iter().map(|it| it.began).min().unwrap_or_default(),
        lasted_us: all.iter().map(|it| it.lasted_us).max().unwrap_or_default(),
        simulated: first.report.measured.simulated.clone(),
        roles: roles?,
        health: health(parts, missing)?,
    };
    let judged = judged(&measured, &first.report.judged)?;
    Ok(LoadReport { measured, judged })
}

/// That two parts are of one load: the same requests, dealt in the same way.
fn alike(one: &Part<'_>, other: &Part<'_>) -> Result<(), String> {
    let (a, b) = (&one.report.measured, &other.report.measured);
    let queries = |it: &Measured| -> Vec<(String, String, String, bool)> {
        let roles = it.roles.iter();
        let query = |role: &RoleMeasured, it: &QueryMeasured| {
            (role.role.clone(), it.name.clone(), it.weight.to_string(), it.control)
        };
        roles.flat_map(|role| role.queries.iter().map(move |it| query(role, it))).collect()
    };
    let budgets = |it: &Part<'_>| -> Vec<String> {
        it.report.judged.iter().map(|it| it.budget.clone()).collect()
    };
    let differs = if a.seed != b.seed {
        Some(format!("seeds {} and {}", a.seed, b.seed))
    } else if a.workload != b.workload {
        Some(format!("workloads `{}` and `{}`", a.workload, b.workload))
    } else if a.simulated != b.simulated {
        Some("capacity models".to_owned())
    } else if queries(a) != queries(b) {
        Some("queries".to_owned())
    } else if budgets(one) != budgets(other) {
        Some("budgets".to_owned())
    } else {
        None
    };
    match differs {
        None => Ok(()),
        Some(what) => Err(format!(
            "parts {} and {} are not of one load: they have other {what}",
            one.partition, other.partition
        )),
    }
}

fn role(parts: Vec<&RoleMeasured>) -> Result<RoleMeasured, String> {
    let Some(first) = parts.first() else { return Err("a part has no such role".to_owned()) };
    let queries = first
        .queries
        .iter()
        .enumerate()
        .map(|(at, _)| query(parts.iter().filter_map(|it| it.queries.get(at)).collect()));
    let mut warehouses: Vec<&String> =
        parts.iter().filter_map(|it| it.warehouse.as_ref()).collect();
    warehouses.dedup();
    let rates: Option<Vec<f64>> = parts.iter().map(|it| it.wanted_rate).collect();
    Ok(RoleMeasured {
        role: first.role.clone(),
        session: first.session.clone(),
        warehouse: match warehouses.is_empty() {
            true => None,
            false => Some(warehouses.into_iter().cloned().collect::<Vec<_>>().join(",")),
        },
        sessions: parts.iter().map(|it| it.sessions).sum(),
        wanted_rate: rates.map(|it| it.iter().sum()),
        warm_up: warm_up(&parts),
        queries: queries.collect::<Result<_, _>>()?,
    })
}

fn warm_up(parts: &[&RoleMeasured]) -> WarmUpMeasured {
    let mut ended: Vec<&str> = parts.iter().map(|it| it.warm_up.ended.as_str()).collect();
    ended.sort_unstable();
    ended.dedup();
    WarmUpMeasured {
        requests: parts.iter().map(|it| it.warm_up.requests).sum(),
        lasted_us: parts.iter().map(|it| it.warm_up.lasted_us).max().unwrap_or_default(),
        ended: ended.join("; "),
    }
}

fn query(parts: Vec<&QueryMeasured>) -> Result<QueryMeasured, String> {
    let Some(first) = parts.first() else { return Err("a part has no such query".to_owned()) };
    let mut by_second: BTreeMap<u32, Vec<&Second>> = BTreeMap::new();
    for it in parts.iter().flat_map(|it| &it.seconds) {
        by_second.entry(it.second).or_default().push(it);
    }
    let seconds = by_second.into_iter().map(|(number, parts)| second(number, &parts));
    let server: Vec<&ServerShare> = parts.iter().filter_map(|it| it.server.as_ref()).collect();
    let exchanges: Vec<Exchange> = exchanges(&parts);
    Ok(QueryMeasured {
        name: first.name.clone(),
        sql: first.sql.clone(),
        weight: first.weight,
        control: first.control,
        seconds: seconds.collect::<Result<_, _>>()?,
        server: server_share(&server)?,
        exchanges,
    })
}

/// By turns, so that each part has some.
fn exchanges(parts: &[&QueryMeasured]) -> Vec<Exchange> {
    let longest = parts.iter().map(|it| it.exchanges.len()).max().unwrap_or_default();
    let by_turns =
        (0..longest).flat_map(|at| parts.iter().filter_map(move |it| it.exchanges.get(at)));
    by_turns.take(EXCHANGES_MAX).cloned().collect()
}

fn second(number: u32, parts: &[&Second]) -> Result<Second, String> {
    let mut errors: BTreeMap<String, u64> = BTreeMap::new();
    for (class, count) in parts.iter().flat_map(|it| &it.errors) {
        *errors.entry(class.clone()).or_default() += count;
    }
    let sum = |of: fn(&Second) -> u64| parts.iter().map(|it| of(it)).sum();
    Ok(Second {
        second: number,
        due: sum(|it| it.due),
        dropped: sum(|it| it.dropped),
        ok: sum(|it| it.ok),
        wrong_rows: sum(|it| it.wrong_rows),
        errors,
        censored: added(parts.iter().map(|it| &it.censored))?,
        from_due: added(parts.iter().map(|it| &it.from_due))?,
        from_sent: added(parts.iter().map(|it| &it.from_sent))?,
    })
}

/// Histograms, by their counts.
fn added<'a>(parts: impl IntoIterator<Item = &'a Histo>) -> Result<Histo, String> {
    Histo::of(&sums::sum(parts)?)
}

fn server_share(parts: &[&ServerShare]) -> Result<Option<ServerShare>, String> {
    if parts.is_empty() {
        return Ok(None);
    }
    let found: u64 = parts.iter().map(|it| it.found).sum();
    // Of what was found, since a part of which nothing was tells nothing.
    let told: Vec<(f64, u64)> =
        parts.iter().filter_map(|it| Some((it.from_cache?, it.found))).collect();
    let told_found: u64 = told.iter().map(|(_, found)| found).sum();
    let weighted: f64 = told.iter().map(|(share, found)| share * *found as f64).sum();
    Ok(Some(ServerShare {
        found,
        of: parts.iter().map(|it| it.of).sum(),
        compile: added(parts.iter().map(|it| &it.compile))?,
        queue: added(parts.iter().map(|it| &it.queue))?,
        execute: added(parts.iter().map(|it| &it.execute))?,
        rest: added(parts.iter().map(|it| &it.rest))?,
        from_result_cache: parts.iter().map(|it| it.from_result_cache).sum(),
        from_cache: (told_found > 0).then(|| weighted / told_found as f64),
    }))
}

fn health(parts: &[Part<'_>], missing: &[Partition]) -> Result<Health, String> {
    let all = || parts.iter().map(|it| &it.report.measured.health);
    let mut unsound: Vec<String> = Vec::new();
    for Part { partition, report } in parts {
        let own = report.measured.health.unsound.iter();
        unsound.extend(own.map(|it| format!("part {partition}: {it}")));
    }
    unsound.extend(missing.iter().map(|it| format!("part {it} is missing")));
    unsound.extend(apart(parts));
    Ok(Health {
        slip: added(all().map(|it| &it.slip))?,
        pool_wait: added(all().map(|it| &it.pool_wait))?,
        busiest_cpu: all().filter_map(|it| it.busiest_cpu).reduce(f64::max),
        unsound,
    })
}

/// Why the seconds of the parts are not the same ones.
fn apart(parts: &[Part<'_>]) -> Option<String> {
    let began = |it: &Part<'_>| -> DateTime<Utc> { it.report.measured.began };
    let first = parts.iter().min_by_key(|it| began(it))?;
    let last = parts.iter().max_by_key(|it| began(it))?;
    let apart = began(last) - began(first);
    (apart > APART_MAX).then(|| {
        format!(
            "part {} began {:.1} s after part {}: what is added up was not executed at one time",
            last.partition,
            apart.as_seconds_f64(),
            first.partition
        )
    })
}

/// The budgets that the parts have, judged on the whole.
fn judged(measured: &Measured, of_part: &[Judged]) -> Result<Vec<Judged>, String> {
    let written = of_part.iter().map(|it| {
        Ok(WrittenBudget {
            budget: it
                .budget
                .parse()
                .map_err(|err| format!("the budget `{}` cannot be read: {err}", it.budget))?,
            place: it.place.clone(),
            query: it.query.clone(),
        })
    });
    let written: Result<Vec<WrittenBudget>, String> = written.collect();
    Ok(judge(measured, &written?))
}
