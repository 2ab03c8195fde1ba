//! Warehouses: kinds, sizes, slots and queues, timeouts, attachment, fallback.
//!
//! - This module has the warehouses by name and what can be done to one.
//! - [`size`] and `settings` know what may be set, by kind and release.
//! - `slots` is the queue; [`governor`] runs statements through it, within all limits.
//! - `show` prints; [`history`] remembers what ran.
//!
//! - [`capacity`] simulates how long queries take. It is off unless it is asked for: then every
//!   statement runs as fast as the machine does, and no cache is ever cold.

pub mod capacity;
pub mod governor;
pub mod history;
pub(crate) mod holding;
mod settings;
mod show;
pub mod size;
mod slots;

pub use settings::{attached_max, interactive_auto_suspend_min, invalid_property, invalid_value};
pub(crate) use show::PARAMETER_COLUMNS;
pub use slots::Counts;

use crate::{
    clock::Clock,
    error::SqlError,
    regression::{Regression, regressed},
    release::Release,
    store::{
        catalog::{Created, OnConflict},
        table::TableId,
    },
};
use capacity::{Capacity, warmth::Warmth};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::{Mutex, MutexGuard, RwLock};
use settings::Settings;
use slots::{Cluster, Grant, Slots};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Standard,
    Interactive,
}

impl Kind {
    /// As `SHOW WAREHOUSES` and QUERY_HISTORY print it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Standard => "STANDARD",
            Kind::Interactive => "INTERACTIVE",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Started,
    Suspended,
}

impl State {
    /// As `SHOW WAREHOUSES` prints it.
    pub fn name(self) -> &'static str {
        match self {
            State::Started => "STARTED",
            State::Suspended => "SUSPENDED",
        }
    }
}

/// What CREATE and ALTER … SET can say. `None`: not said. A value that is out of range or of the
/// wrong kind for the warehouse is refused when it is applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// `WAREHOUSE_TYPE`. It cannot turn a warehouse into an interactive one, or back.
    pub warehouse_type: Option<Kind>,
    /// As written: `XSMALL`, `'X-Small'`, `small`, …
    pub size: Option<String>,
    pub min_cluster_count: Option<u64>,
    pub max_cluster_count: Option<u64>,
    /// `Some(None)` is NULL.
    pub auto_suspend: Option<Option<u64>>,
    pub auto_resume: Option<bool>,
    pub initially_suspended: Option<bool>,
    pub comment: Option<String>,
    /// `STANDARD` or `ECONOMY`, as written. Shown, and without effect.
    pub scaling_policy: Option<String>,
    /// Shown, and without effect.
    pub enable_query_acceleration: Option<bool>,
    /// Shown, and without effect.
    pub query_acceleration_max_scale_factor: Option<u64>,
    pub max_concurrency_level: Option<u64>,
    pub statement_queued_timeout_in_seconds: Option<u64>,
    pub statement_timeout_in_seconds: Option<u64>,
    /// Not validated, as on the service (catalogue L-06). `Some(None)` unsets.
    pub fallback_warehouse: Option<Option<String>>,
    /// There are no resource monitors: any name but `NULL` is refused.
    pub resource_monitor: Option<String>,
}

/// All warehouses of the account.
pub struct Warehouses {
    pub release: Release,
    clock: Clock,
    capacity: Option<Capacity>,
    by_name: RwLock<BTreeMap<String, Arc<Warehouse>>>,
}

/// A warehouse under its name. Renaming makes a new one of the same substance: statements that
/// run on the old one go on, in the same slots.
pub struct Warehouse {
    pub name: String,
    pub kind: Kind,
    pub created_at: DateTime<Utc>,
    substance: Arc<Substance>,
}

/// What is the same before and after a renaming.
struct Substance {
    kind: Kind,
    release: Release,
    clock: Clock,
    capacity: Option<Capacity>,
    uuid: Uuid,
    state: Mutex<Inner>,
    /// Counts `ABORT ALL QUERIES`.
    aborts: watch::Sender<u64>,
}

struct Inner {
    settings: Settings,
    suspended: bool,
    resumed_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When the last statement ended, or the warehouse was resumed.
    active_at: DateTime<Utc>,
    /// In the order of attaching.
    attached: Vec<TableId>,
    slots: Slots,
    warmth: Warmth,
}

impl Warehouses {
    /// None yet. The clock is the real one; see [`Warehouses::with_clock`].
    pub fn new(release: Release) -> Self {
        Self::with_clock(release, Clock::real())
    }

    /// `clock` tells when a warehouse has been idle for its `AUTO_SUSPEND`. Limits of statements
    /// do not follow it: what a statement takes is real even where the calendar is not.
    pub fn with_clock(release: Release, clock: Clock) -> Self {
        Self { release, clock, capacity: None, by_name: RwLock::default() }
    }

    /// With times that are simulated.
    pub fn with_capacity(self, capacity: Option<Capacity>) -> Self {
        Self { capacity, ..self }
    }

    /// Makes a warehouse. `AlreadyThere` if its name is taken and `on_conflict` is `IfNotExists`.
    ///
    /// On the service the session's current warehouse is the new one from then on; that is the
    /// session's to do.
    pub fn create(
        &self,
        name: &str,
        kind: Kind,
        properties: Properties,
        tables: Vec<TableId>,
        on_conflict: OnConflict,
        now: DateTime<Utc>,
    ) -> Result<Created, SqlError> {
        let mut by_name = self.by_name.write();
        let created = match (by_name.contains_key(name), on_conflict) {
            (false, _) => Created::New,
            (true, OnConflict::Replace) => Created::Replaced,
            (true, OnConflict::IfNotExists) => return Ok(Created::AlreadyThere),
            (true, OnConflict::Fail) => return Err(SqlError::already_exists(name)),
        };
        let suspended = properties.initially_suspended.unwrap_or_else(|| {
            settings::initially_suspended(kind, self.release)
                ^ (kind == Kind::Interactive && regressed(Regression::InitialStateTurned))
        });
        // Naming the kind it has anyway is no change of type.
        let properties = Properties {
            warehouse_type: properties.warehouse_type.filter(|it| *it != kind),
            ..properties
        };
        let settings = Settings::new(kind, self.release).with(properties, kind, self.release)?;
        let mut slots =
            Slots::new(settings.slots(), settings.min_cluster_count, settings.max_cluster_count);
        if let Some(capacity) = &self.capacity {
            slots.order_by(capacity.parameters.of(kind).order, capacity.parameters.rng_seed);
        }
        let warehouse = Warehouse {
            name: name.to_owned(),
            kind,
            created_at: now,
            substance: Arc::new(Substance {
                kind,
                release: self.release,
                clock: self.clock.clone(),
                capacity: self.capacity.clone(),
                uuid: Uuid::new_v4(),
                state: Mutex::new(Inner {
                    settings,
                    suspended,
                    resumed_at: now,
                    updated_at: now,
                    active_at: now,
                    attached: Vec::new(),
                    slots,
                    warmth: Warmth::default(),
                }),
                aborts: watch::Sender::new(0),
            }),
        };
        if !tables.is_empty() {
            warehouse.attach(&tables)?;
        }
        by_name.insert(name.to_owned(), Arc::new(warehouse));
        Ok(created)
    }

    /// Names are as stored.
    pub fn get(&self, name: &str) -> Option<Arc<Warehouse>> {
        self.by_name.read().get(name).cloned()
    }

    /// [`Warehouses::get`] with the refusal of a name that there is not.
    pub fn find(&self, name: &str) -> Result<Arc<Warehouse>, SqlError> {
        self.get(name).ok_or_else(|| missing(name))
    }

    /// In the order of their names.
    pub fn all(&self) -> Vec<Arc<Warehouse>> {
        self.by_name.read().values().cloned().collect()
    }

    /// False if it was not there and `if_exists`. What is attached is no longer; statements that
    /// run finish.
    pub fn drop(&self, name: &str, if_exists: bool) -> Result<bool, SqlError> {
        match self.by_name.write().remove(name) {
            Some(_) => Ok(true),
            None if if_exists => Ok(false),
            None => Err(missing(name)),
        }
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<(), SqlError> {
        let mut by_name = self.by_name.write();
        let Some(old) = by_name.get(from).cloned() else { return Err(missing(from)) };
        if by_name.contains_key(to) {
            return Err(SqlError::already_exists(to));
        }
        let new = Warehouse {
            name: to.to_owned(),
            kind: old.kind,
            created_at: old.created_at,
            substance: old.substance.clone(),
        };
        by_name.remove(from);
        by_name.insert(to.to_owned(), Arc::new(new));
        old.substance.settled().updated_at = self.clock.now();
        Ok(())
    }

    /// A table is gone: no warehouse has it any more.
    pub fn forget_table(&self, id: TableId) {
        for warehouse in self.by_name.read().values() {
            warehouse.substance.state.lock().attached.retain(|it| *it != id);
        }
    }
}

/// `002003`: there is no such warehouse.
fn missing(name: &str) -> SqlError {
    SqlError { sqlstate: "02000".into(), ..SqlError::does_not_exist("Warehouse", name) }
}

impl Warehouse {
    pub fn state(&self) -> State {
        self.substance.settled().state()
    }

    /// As `SHOW WAREHOUSES` prints it: `X-Small`, …
    pub fn size(&self) -> size::Size {
        self.substance.state.lock().settings.size
    }

    /// What runs and waits now.
    pub fn counts(&self) -> Counts {
        let inner = self.substance.settled();
        let counts = inner.slots.counts();
        match inner.state() {
            State::Started => counts,
            State::Suspended => Counts { started_clusters: 0, ..counts },
        }
    }

    /// The name in `FALLBACK_WAREHOUSE`, whether or not there is one of that name.
    pub fn fallback(&self) -> Option<String> {
        self.substance.state.lock().settings.fallback_warehouse.clone()
    }

    /// `SET …`: all properties or, with an error, none.
    pub fn set(&self, properties: Properties) -> Result<(), SqlError> {
        let Substance { kind, release, .. } = *self.substance;
        let mut inner = self.substance.settled();
        let new = inner.settings.with(properties, kind, release)?;
        if kind == Kind::Interactive
            && inner.state() == State::Started
            && new.size != inner.settings.size
            && !regressed(Regression::ResizedRunning)
        {
            return Err(self.not_resizable());
        }
        let new = match kind == Kind::Interactive && regressed(Regression::ResizeIgnored) {
            true => Settings { size: inner.settings.size, ..new },
            false => new,
        };
        self.substance.change(&mut inner, new);
        Ok(())
    }

    /// `UNSET AUTO_SUSPEND`, `UNSET FALLBACK_WAREHOUSE`, …
    pub fn unset(&self, property: &str) -> Result<(), SqlError> {
        let Substance { kind, release, .. } = *self.substance;
        let mut inner = self.substance.settled();
        if property == "FALLBACK_WAREHOUSE" && regressed(Regression::FallbackStays) {
            return Ok(());
        }
        let new = inner.settings.without(property, kind, release)?;
        self.substance.change(&mut inner, new);
        Ok(())
    }

    /// Resuming one that runs is an error, unless `if_suspended` (catalogue S-30).
    pub fn resume(&self, if_suspended: bool, now: DateTime<Utc>) -> Result<(), SqlError> {
        let mut inner = self.substance.settled();
        match inner.state() {
            State::Suspended if if_suspended && regressed(Regression::IfSuspendedIgnored) => Ok(()),
            State::Suspended => {
                inner.resume(now);
                Ok(())
            }
            State::Started if if_suspended => Ok(()),
            State::Started if !if_suspended && regressed(Regression::ResumedTwice) => Ok(()),
            State::Started => Err(SqlError::new(
                90_063,
                "22000",
                format!(
                    "Invalid state. Warehouse '{}' cannot be resumed since it is not suspended.",
                    self.name
                ),
            )),
        }
    }

    /// Lets running statements finish, and those that queue already. Suspending one that is
    /// suspended is an error.
    pub fn suspend(&self, now: DateTime<Utc>) -> Result<(), SqlError> {
        let mut inner = self.substance.settled();
        if inner.state() == State::Suspended {
            let text = format!("Invalid state. Warehouse '{}' cannot be suspended.", self.name);
            return Err(SqlError::new(90_064, "22000", text));
        }
        inner.suspended = true;
        inner.updated_at = now;
        Ok(())
    }

    /// `ABORT ALL QUERIES`: all that run or wait end as if cancelled by a user.
    pub fn abort_all(&self) {
        self.substance.aborts.send_modify(|it| *it += 1);
    }

    /// Attaching what is attached has no effect (catalogue S-24).
    pub fn attach(&self, tables: &[TableId]) -> Result<(), SqlError> {
        if self.kind != Kind::Interactive && !regressed(Regression::StandardAttaches) {
            return Err(self.not_attachable(format!(
                "Warehouse '{}' must be an interactive warehouse to have tables.",
                self.name
            )));
        }
        let mut inner = self.substance.settled();
        let mut attached = inner.attached.clone();
        for table in tables {
            let is_there = attached.contains(table);
            if is_there && regressed(Regression::SecondAttachRefused) {
                let text = format!("A table is attached to warehouse '{}' already.", self.name);
                return Err(self.not_attachable(text));
            }
            if !is_there || regressed(Regression::AttachedTwice) {
                attached.push(*table);
            }
        }
        let max = attached_max(self.substance.release);
        if max < attached.len() {
            return Err(self.not_attachable(format!(
                "Warehouse '{}' cannot have more than {max} tables.",
                self.name
            )));
        }
        inner.attached = attached;
        inner.updated_at = self.substance.clock.now();
        Ok(())
    }

    /// Detaching what is not attached has no effect. Whether the service refuses that is not
    /// public.
    pub fn detach(&self, tables: &[TableId]) -> Result<(), SqlError> {
        if self.kind != Kind::Interactive {
            return Err(self.not_attachable(format!(
                "Warehouse '{}' must be an interactive warehouse to have tables.",
                self.name
            )));
        }
        let mut inner = self.substance.settled();
        if !regressed(Regression::DetachIgnored) {
            inner.attached.retain(|it| !tables.contains(it));
        }
        inner.updated_at = self.substance.clock.now();
        Ok(())
    }

    /// In the order of attaching.
    pub fn attached(&self) -> Vec<TableId> {
        self.substance.state.lock().attached.clone()
    }

    pub fn is_attached(&self, table: TableId) -> bool {
        self.substance.state.lock().attached.contains(&table)
    }

    /// That it is refused is public (seen live), and the code where tables are attached; the text
    /// is not. Reports differ on whether suspending is enough when tables are attached: it is here.
    fn not_resizable(&self) -> SqlError {
        SqlError::new(
            90_094,
            "22000",
            format!(
                "Invalid state. Interactive warehouse '{}' cannot be resized while it is running.",
                self.name
            ),
        )
    }

    /// Neither codes nor texts of these refusals are public. The code stands next to that of a
    /// table which is not bound to the warehouse, 010402.
    fn not_attachable(&self, text: String) -> SqlError {
        SqlError::new(10_403, "55000", text)
    }
}

impl Substance {
    /// The state, after suspending it if it has been idle for long enough.
    fn settled(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.state.lock();
        inner.settle(self.clock.now());
        inner
    }

    fn change(&self, inner: &mut Inner, new: Settings) {
        inner.slots.resize(new.slots(), new.min_cluster_count, new.max_cluster_count);
        inner.settings = new;
        inner.updated_at = self.clock.now();
    }

    /// Asks for a slot, resuming the warehouse if it may resume by itself. Otherwise `000606`,
    /// which is what the service says of a suspended warehouse too.
    fn ask(&self) -> Result<Grant, SqlError> {
        let mut inner = self.settled();
        if inner.suspended {
            if !inner.settings.auto_resume && !regressed(Regression::SuspendedAnswers) {
                return Err(SqlError::no_warehouse());
            }
            inner.resume(self.clock.now());
        }
        Ok(inner.slots.ask())
    }

    fn release(&self, cluster: Cluster) {
        let mut inner = self.state.lock();
        inner.slots.release(cluster);
        inner.active_at = self.clock.now();
    }

    /// Whether statements could run on it now.
    fn is_available(&self) -> bool {
        let inner = self.settled();
        !inner.suspended || inner.settings.auto_resume
    }
}

impl Inner {
    fn state(&self) -> State {
        if self.suspended { State::Suspended } else { State::Started }
    }

    fn resume(&mut self, now: DateTime<Utc>) {
        self.suspended = false;
        self.resumed_at = now;
        self.updated_at = now;
        self.active_at = now;
        if !regressed(Regression::ResumeKeepsCache) {
            self.warmth.lose();
        }
    }

    fn settle(&mut self, now: DateTime<Utc>) {
        let Some(secs) = self.settings.auto_suspend.filter(|it| 0 < *it) else { return };
        if self.suspended || !self.slots.is_idle() {
            return;
        }
        let idle = i64::try_from(secs).ok().and_then(TimeDelta::try_seconds);
        if let Some(due) = idle.and_then(|it| self.active_at.checked_add_signed(it))
            && due <= now
        {
            self.suspended = true;
            self.updated_at = due;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account with the warehouses `STD` and `IW`.
    fn account(release: Release) -> Warehouses {
        let warehouses = Warehouses::new(release);
        for (name, kind) in [("STD", Kind::Standard), ("IW", Kind::Interactive)] {
            create(&warehouses, name, kind, OnConflict::Fail).expect(name);
        }
        warehouses
    }

    fn create(
        warehouses: &Warehouses,
        name: &str,
        kind: Kind,
        on_conflict: OnConflict,
    ) -> Result<Created, SqlError> {
        let now = Utc::now();
        warehouses.create(name, kind, Properties::default(), Vec::new(), on_conflict, now)
    }

    fn get(warehouses: &Warehouses, name: &str) -> Arc<Warehouse> {
        warehouses.get(name).expect("the account has it")
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(answer: Result<T, SqlError>, code: u32, text: &str) {
        let error = answer.expect_err("this has to be refused");
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(text), "{error}");
    }

    #[test]
    fn a_taken_name_fails_is_replaced_or_left() {
        let warehouses = account(Release::ZeroCopy);
        let old = get(&warehouses, "IW");
        old.attach(&[TableId(1)]).expect("IW is interactive");
        let again = |on_conflict| create(&warehouses, "IW", Kind::Interactive, on_conflict);
        refused(again(OnConflict::Fail), 2002, "Object 'IW' already exists");
        assert_eq!(again(OnConflict::IfNotExists), Ok(Created::AlreadyThere));
        assert_eq!(get(&warehouses, "IW").attached(), [TableId(1)]);
        assert_eq!(again(OnConflict::Replace), Ok(Created::Replaced));
        assert_eq!(get(&warehouses, "IW").attached(), []);
    }

    #[test]
    fn a_new_interactive_warehouse_runs_or_waits_by_release() {
        #[track_caller]
        fn check(release: Release, state: State) {
            let warehouses = account(release);
            assert_eq!(get(&warehouses, "IW").state(), state, "{release}");
            assert_eq!(get(&warehouses, "STD").state(), State::Started, "{release}");
        }
        check(Release::Preview, State::Suspended);
        check(Release::Attached, State::Suspended);
        check(Release::Fallback, State::Suspended);
        check(Release::ZeroCopy, State::Started);
    }

    #[test]
    fn only_a_suspended_warehouse_resumes_and_only_a_running_one_suspends() {
        let warehouses = account(Release::ZeroCopy);
        let iw = get(&warehouses, "IW");
        let now = Utc::now();
        let text = "Warehouse 'IW' cannot be resumed since it is not suspended.";
        refused(iw.resume(false, now), 90_063, text);
        iw.resume(true, now).expect("IF SUSPENDED");
        iw.suspend(now).expect("it runs");
        refused(iw.suspend(now), 90_064, "Warehouse 'IW' cannot be suspended.");
        iw.resume(false, now).expect("it is suspended");
        assert_eq!(iw.state(), State::Started);
    }

    #[test]
    fn a_running_interactive_warehouse_keeps_its_size() {
        let warehouses = account(Release::ZeroCopy);
        let small = || Properties { size: Some("SMALL".to_owned()), ..Properties::default() };
        let iw = get(&warehouses, "IW");
        refused(iw.set(small()), 90_094, "cannot be resized while it is running");
        assert_eq!(iw.size(), size::Size::XSmall);
        iw.suspend(Utc::now()).expect("it runs");
        iw.set(small()).expect("it is suspended");
        assert_eq!(iw.size(), size::Size::Small);
        get(&warehouses, "STD").set(small()).expect("a standard one resizes at any time");
    }

    #[test]
    fn tables_are_attached_once_and_up_to_the_releases_limit() {
        #[track_caller]
        fn check(release: Release, max: u64) {
            let warehouses = account(release);
            let iw = get(&warehouses, "IW");
            let tables: Vec<_> = (0..max).map(TableId).collect();
            iw.attach(&tables).expect("that many are allowed");
            iw.attach(&tables).expect("they are attached already");
            let text = format!("cannot have more than {max} tables");
            refused(iw.attach(&[TableId(max)]), 10_403, &text);
            iw.detach(&[TableId(0)]).expect("IW is interactive");
            assert_eq!(iw.attached(), tables[1..]);
            refused(get(&warehouses, "STD").attach(&tables), 10_403, "must be an interactive");
        }
        check(Release::Attached, 10);
        check(Release::ZeroCopy, 100);
    }

    #[test]
    fn a_dropped_table_is_detached_everywhere() {
        let warehouses = account(Release::ZeroCopy);
        create(&warehouses, "IW2", Kind::Interactive, OnConflict::Fail).expect("IW2 is new");
        for name in ["IW", "IW2"] {
            get(&warehouses, name).attach(&[TableId(1), TableId(2)]).expect(name);
        }
        warehouses.forget_table(TableId(1));
        for name in ["IW", "IW2"] {
            assert_eq!(get(&warehouses, name).attached(), [TableId(2)]);
            assert!(!get(&warehouses, name).is_attached(TableId(1)));
        }
    }

    #[test]
    fn a_renamed_warehouse_keeps_all_but_its_name() {
        let warehouses = account(Release::ZeroCopy);
        get(&warehouses, "IW").attach(&[TableId(7)]).expect("IW is interactive");
        refused(warehouses.rename("IW", "STD"), 2002, "Object 'STD' already exists");
        refused(warehouses.rename("NO", "X"), 2003, "Warehouse 'NO' does not exist");
        warehouses.rename("IW", "IW2").expect("IW2 is free");
        assert!(warehouses.get("IW").is_none());
        assert_eq!(get(&warehouses, "IW2").attached(), [TableId(7)]);
        assert_eq!(get(&warehouses, "IW2").name, "IW2");
    }

    #[test]
    fn dropping_what_is_not_there_is_forgiven_only_when_asked() {
        let warehouses = account(Release::ZeroCopy);
        assert_eq!(warehouses.drop("IW", false), Ok(true));
        assert_eq!(warehouses.drop("IW", true), Ok(false));
        let error = warehouses.drop("IW", false).expect_err("it is gone");
        assert_eq!((error.code, &*error.sqlstate), (2003, "02000"));
    }

    #[test]
    fn an_idle_warehouse_suspends_itself() {
        let warehouses = account(Release::ZeroCopy);
        let std = get(&warehouses, "STD");
        let minute = Properties { auto_suspend: Some(Some(60)), ..Properties::default() };
        std.set(minute).expect("a minute is allowed");
        let mut inner = std.substance.state.lock();
        let start = inner.active_at;
        inner.settle(start + TimeDelta::seconds(59));
        assert_eq!(inner.state(), State::Started);
        let Grant::Admitted(cluster) = inner.slots.ask() else { panic!("all slots are free") };
        inner.settle(start + TimeDelta::seconds(600));
        assert_eq!(inner.state(), State::Started, "a statement runs");
        inner.slots.release(cluster);
        inner.settle(start + TimeDelta::seconds(600));
        assert_eq!(inner.state(), State::Suspended);
        assert_eq!(inner.updated_at, start + TimeDelta::seconds(60));
    }

    #[test]
    fn without_auto_suspend_it_never_suspends_itself() {
        let warehouses = account(Release::ZeroCopy);
        let iw = get(&warehouses, "IW");
        iw.unset("AUTO_SUSPEND").expect("it can be unset");
        let mut inner = iw.substance.state.lock();
        let start = inner.active_at;
        inner.settle(start + TimeDelta::days(365));
        assert_eq!(inner.state(), State::Started);
    }
}
