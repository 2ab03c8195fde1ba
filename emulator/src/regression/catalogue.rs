//! Every regression: its name, the behaviours it violates, the releases it can show on, and what
//! it does.
//!
//! Ids are of the catalogue of behaviours, as suites have them. A regression is on a release only
//! where the rule is there in that release.

use super::Release::{self, Attached, Fallback, Preview, ZeroCopy};

const ALWAYS: &[Release] = &Release::ALL;
const BEFORE_ZERO_COPY: &[Release] = &[Preview, Attached, Fallback];
const SINCE_ATTACHED: &[Release] = &[Attached, Fallback, ZeroCopy];
const SINCE_FALLBACK: &[Release] = &[Fallback, ZeroCopy];
const ZERO_COPY: &[Release] = &[ZeroCopy];

macro_rules! catalogue {
    ($($regression:ident $name:literal [$($id:literal),+] $releases:expr, $what:literal;)+) => {
        /// A deviation that can be switched on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Regression {
            $(#[doc = $what] $regression,)+
        }

        impl Regression {
            pub const ALL: &[Regression] = &[$(Regression::$regression),+];

            /// As the command line has it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$regression => $name,)+
                }
            }

            /// The behaviours that it violates.
            pub fn ids(self) -> &'static [&'static str] {
                match self {
                    $(Self::$regression => &[$($id),+],)+
                }
            }

            /// The releases on which it can show.
            pub fn releases(self) -> &'static [Release] {
                match self {
                    $(Self::$regression => $releases,)+
                }
            }

            /// What it does, in a line.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$regression => $what,)+
                }
            }
        }
    };
}

catalogue! {
    // Setting up: interactive tables.
    StandardTableReadable "standard-table-readable" ["S-01"] BEFORE_ZERO_COPY,
        "an interactive warehouse reads standard tables";
    StandardTableRefused "standard-table-refused" ["S-01", "L-33"] ZERO_COPY,
        "an interactive warehouse refuses standard tables";
    CountOneTooMany "count-one-too-many" ["S-10", "S-15", "L-25"] ALWAYS,
        "COUNT(*) of an interactive table is one too many";
    CreateLosesARow "create-loses-a-row" ["S-02"] ALWAYS,
        "a new interactive table lacks the last row of its query";
    ClusterByOptional "cluster-by-optional" ["S-03"] ALWAYS,
        "an interactive table without CLUSTER BY is created";
    ClusterByText "cluster-by-text" ["S-03"] ALWAYS,
        "the refusal of a missing CLUSTER BY has another text";
    ColumnListRefused "column-list-refused" ["S-04"] ALWAYS,
        "an interactive table cannot be created from a column list";
    LaggingTableEmpty "lagging-table-empty" ["S-05"] ALWAYS,
        "a table with a lag holds nothing until it is refreshed";
    LaggingTableSuspended "lagging-table-suspended" ["S-05", "M-01"] SINCE_FALLBACK,
        "a new table with a lag is not scheduled";
    LagInSeconds "lag-in-seconds" ["S-05", "S-06", "S-09"] SINCE_FALLBACK,
        "a lag reads back in seconds";
    LagMinimumLifted "lag-minimum-lifted" ["S-07", "S-09"] ALWAYS,
        "a lag may be shorter than a minute";
    LagMinimumCode "lag-minimum-code" ["S-07"] ALWAYS,
        "the refusal of a short lag has another code";
    LagRoundedDown "lag-rounded-down" ["S-08"] SINCE_FALLBACK,
        "a lag is cut to whole minutes";
    LagInMinutes "lag-in-minutes" ["S-09"] ALWAYS,
        "a lag without a unit is in minutes";
    LagMinimumFiveMinutes "lag-minimum-five-minutes" ["S-05", "S-06", "S-10"] ALWAYS,
        "the shortest lag is five minutes";
    LagWithoutWarehouse "lag-without-warehouse" ["S-11"] ALWAYS,
        "a lag needs no refresh warehouse";
    WarehouseWithoutLag "warehouse-without-lag" ["S-12"] ALWAYS,
        "a refresh warehouse needs no lag";
    RefusedTableMade "refused-table-made" ["S-03", "S-07", "S-11", "S-12", "S-14"] ALWAYS,
        "an interactive table that is refused for its lag or warehouse is there all the same";
    InteractiveCreatesTables "interactive-creates-tables" ["S-13"] ALWAYS,
        "an interactive warehouse creates interactive tables";
    IfNotExistsReplaces "if-not-exists-replaces" ["S-15"] ALWAYS,
        "CREATE INTERACTIVE TABLE IF NOT EXISTS replaces a table";
    IfNotExistsCreatesNothing "if-not-exists-creates-nothing" ["S-15"] ALWAYS,
        "CREATE INTERACTIVE TABLE IF NOT EXISTS never creates one";
    ReplaceIfNotExists "replace-if-not-exists" ["S-16"] ALWAYS,
        "OR REPLACE and IF NOT EXISTS go together";
    TransientInteractive "transient-interactive" ["S-17"] ALWAYS,
        "there are transient interactive tables";
    InteractiveCloned "interactive-cloned" ["S-18"] ALWAYS,
        "an interactive table is cloned";

    // Setting up: interactive warehouses.
    CreateKeepsWarehouse "create-keeps-warehouse" ["S-19"] ALWAYS,
        "creating a warehouse does not make it current";
    TwoClusters "two-clusters" ["S-20"] ALWAYS,
        "a new interactive warehouse has two clusters";
    SizeInOneWord "size-in-one-word" ["S-20", "S-31"] ALWAYS,
        "SHOW WAREHOUSES prints sizes as they are written in statements";
    KindShownStandard "kind-shown-standard" ["S-20", "M-05"] ALWAYS,
        "SHOW WAREHOUSES calls interactive warehouses standard";
    InitialStateTurned "initial-state-turned" ["S-21"] &[Preview, Attached, ZeroCopy],
        "a new interactive warehouse runs where it should wait, and waits where it should run";
    AutoSuspendMinimumLifted "auto-suspend-minimum-lifted" ["S-22"] SINCE_FALLBACK,
        "an interactive warehouse may suspend after ten minutes";
    AutoSuspendDay "auto-suspend-day" ["S-23"] ZERO_COPY,
        "an interactive warehouse suspends after a day at least";
    AttachedTwice "attached-twice" ["S-24"] SINCE_ATTACHED,
        "attaching a table twice lists it twice";
    SecondAttachRefused "second-attach-refused" ["S-24"] ALWAYS,
        "attaching an attached table is refused";
    AttachWithoutParentheses "attach-without-parentheses" ["S-25"] ALWAYS,
        "ADD TABLES takes a name without parentheses";
    StandardAttaches "standard-attaches" ["S-26"] ALWAYS,
        "a standard warehouse takes tables";
    DetachDropsTable "detach-drops-table" ["S-27"] ALWAYS,
        "detaching a table drops it";
    DetachIgnored "detach-ignored" ["S-27", "L-32"] ALWAYS,
        "detaching a table does nothing";
    AlterInteractiveWarehouse "alter-interactive-warehouse" ["S-28"] ALWAYS,
        "there is ALTER INTERACTIVE WAREHOUSE";
    SetTables "set-tables" ["S-29"] ALWAYS,
        "ALTER WAREHOUSE SET TABLES is accepted";
    ResumedTwice "resumed-twice" ["S-30"] ALWAYS,
        "a running warehouse can be resumed";
    IfSuspendedIgnored "if-suspended-ignored" ["S-30"] ALWAYS,
        "RESUME IF SUSPENDED leaves a suspended warehouse as it is";
    ResizedRunning "resized-running" ["S-31"] ALWAYS,
        "a running interactive warehouse is resized";
    ResizeIgnored "resize-ignored" ["S-31"] ALWAYS,
        "a suspended interactive warehouse keeps its size";
    ReplaceKeepsAttached "replace-keeps-attached" ["S-33"] ALWAYS,
        "the table that replaces an attached one is attached";
    OverwriteDetaches "overwrite-detaches" ["S-34"] SINCE_ATTACHED,
        "INSERT OVERWRITE detaches a table";
    RenameKeepsName "rename-keeps-name" ["S-35"] ALWAYS,
        "a renamed table is there under its old name, too";

    // Limits: time.
    TimeoutNotEnforced "timeout-not-enforced" ["L-01"] ALWAYS,
        "queries on an interactive warehouse take as long as they like";
    TimeoutTenSeconds "timeout-ten-seconds" ["L-01"] ALWAYS,
        "queries on an interactive warehouse have ten seconds";
    TimeoutSqlstate "timeout-sqlstate" ["L-01", "L-02", "L-03", "M-13"] ALWAYS,
        "the SQLSTATE of a timeout is another";
    TimeoutText "timeout-text" ["L-01"] ALWAYS,
        "the text of a timeout says nothing of the statement or the warehouse";
    TimeoutLosesWarehouse "timeout-loses-warehouse" ["L-01"] ALWAYS,
        "a session has no warehouse after a timeout";
    SessionTimeoutRaises "session-timeout-raises" ["L-02"] ALWAYS,
        "a session's higher timeout replaces the five seconds";
    WarehouseTimeoutRaises "warehouse-timeout-raises" ["L-02"] ALWAYS,
        "a warehouse's higher timeout replaces the five seconds";
    WarehouseTimeoutCapped "warehouse-timeout-capped" ["L-02"] ALWAYS,
        "a warehouse's timeout over five seconds is refused";
    SessionTimeoutIgnored "session-timeout-ignored" ["L-03"] ALWAYS,
        "a session's lower timeout is ignored on an interactive warehouse";
    WarehouseTimeoutIgnored "warehouse-timeout-ignored" ["L-03"] ALWAYS,
        "a warehouse's lower timeout is ignored";
    StandardTimeoutIgnored "standard-timeout-ignored" ["L-03"] ALWAYS,
        "a session's timeout is ignored on a standard warehouse";
    FiveSecondsEverywhere "five-seconds-everywhere" ["L-04"] ALWAYS,
        "standard warehouses have the five seconds as well";
    FallbackUnused "fallback-unused" ["L-05"] SINCE_FALLBACK,
        "a fallback warehouse is never used";
    FallbackSharesBudget "fallback-shares-budget" ["L-05"] SINCE_FALLBACK,
        "a statement has no fresh time budget on the fallback";
    FallbackStays "fallback-stays" ["L-05", "M-11"] SINCE_FALLBACK,
        "UNSET FALLBACK_WAREHOUSE does nothing";
    FallbackLookedUp "fallback-looked-up" ["L-06"] SINCE_FALLBACK,
        "FALLBACK_WAREHOUSE must exist";
    FallbackRescuesStatements "fallback-rescues-statements" ["L-07"] SINCE_FALLBACK,
        "a statement of the wrong kind runs on the fallback";

    // Limits: changing rows.
    UpdateLetThrough "update-let-through" ["L-08", "L-09"] ALWAYS,
        "UPDATE of interactive tables works, on either warehouse";
    DeleteLetThrough "delete-let-through" ["L-08", "L-09"] ALWAYS,
        "DELETE from interactive tables works, on either warehouse";
    InsertLetThrough "insert-let-through" ["L-08", "L-09"] ALWAYS,
        "INSERT into interactive tables works, on either warehouse";
    MergeLetThrough "merge-let-through" ["L-09"] ALWAYS,
        "MERGE into interactive tables works on a standard warehouse";
    TruncateLetThrough "truncate-let-through" ["L-09"] ALWAYS,
        "TRUNCATE of interactive tables works on a standard warehouse";
    IdleUpdateLetThrough "idle-update-let-through" ["L-09"] ALWAYS,
        "UPDATE of an interactive table is refused only if it changes a row";
    RefusedButDone "refused-but-done" ["L-09"] ALWAYS,
        "DELETE from an interactive table is refused after it was done";
    OverwriteAppends "overwrite-appends" ["L-10"] ALWAYS,
        "INSERT OVERWRITE keeps the old rows";
    OverwriteOfNothing "overwrite-of-nothing" ["L-10"] ALWAYS,
        "INSERT OVERWRITE with no rows leaves the old ones";
    FailedOverwriteEmpties "failed-overwrite-empties" ["L-10"] ALWAYS,
        "INSERT OVERWRITE that fails leaves an empty table";
    OverwriteTorn "overwrite-torn" ["L-11"] ALWAYS,
        "INSERT OVERWRITE on an interactive warehouse writes half of the rows";

    // Limits: statements.
    CtasOnInteractive "ctas-on-interactive" ["L-12"] ALWAYS,
        "an interactive warehouse runs CREATE TABLE AS SELECT";
    MergeOnInteractive "merge-on-interactive" ["L-12"] ALWAYS,
        "an interactive warehouse runs MERGE";
    StatementTypeText "statement-type-text" ["L-07", "L-12"] ALWAYS,
        "the refusal of a kind of statement does not name it";
    CallOnInteractive "call-on-interactive" ["L-13"] ALWAYS,
        "an interactive warehouse runs CALL";
    FlowOperatorIgnored "flow-operator-ignored" ["L-14"] ALWAYS,
        "what follows a flow operator is left out without a word";
    StreamCreated "stream-created" ["L-15"] ALWAYS,
        "a stream on an interactive table is accepted";
    DynamicTableCreated "dynamic-table-created" ["L-16"] ALWAYS,
        "a dynamic table over an interactive one is accepted";
    MaterializedViewCreated "materialized-view-created" ["L-17"] ALWAYS,
        "a materialized view over an interactive table is accepted";
    LaggingOverInteractive "lagging-over-interactive" ["L-18"] ALWAYS,
        "an interactive table feeds one with a lag";

    // Limits: ALTER and others.
    ColumnAdded "column-added" ["L-19"] ALWAYS, "a column is added to an interactive table";
    ColumnDropped "column-dropped" ["L-19"] ALWAYS, "a column of an interactive table is dropped";
    RetentionSet "retention-set" ["L-20"] ALWAYS,
        "the retention time of an interactive table is accepted";
    ColumnCommentLost "column-comment-lost" ["L-21"] SINCE_FALLBACK,
        "a column's comment is accepted and not kept";
    SearchOptimizationEmpties "search-optimization-empties" ["L-24"] ALWAYS,
        "a table with search optimization finds no rows";
    TimeTravelStaysHere "time-travel-stays-here" ["L-25"] ALWAYS,
        "AT gives the current rows";
    TimeTravelTooFar "time-travel-too-far" ["L-25"] ALWAYS,
        "AT before a table's creation gives its first rows";
    ResampleIgnored "resample-ignored" ["L-26"] ALWAYS, "RESAMPLE is left out without a word";
    StaticTableTakesLag "static-table-takes-lag" ["L-27"] SINCE_FALLBACK,
        "a static table takes a lag without having one";
    LagUnset "lag-unset" ["L-28"] SINCE_FALLBACK, "a lag can be unset";
    ClusteringChanged "clustering-changed" ["L-29"] SINCE_FALLBACK,
        "the clustering key of an interactive table is changed";
    StaticTableRefreshed "static-table-refreshed" ["L-30"] ALWAYS,
        "REFRESH of a static table is accepted";
    InsertGranted "insert-granted" ["L-31"] ALWAYS, "INSERT on an interactive table is granted";
    UnattachedReadable "unattached-readable" ["L-32", "S-33"] BEFORE_ZERO_COPY,
        "tables that are not attached can be read";
    UnattachedCode "unattached-code" ["L-32", "S-33"] BEFORE_ZERO_COPY,
        "the refusal of a table that is not attached has another code";
    UnattachedRefused "unattached-refused" ["L-33"] ZERO_COPY,
        "interactive tables that are not attached cannot be read";
    PrunedScanLosesARow "pruned-scan-loses-a-row" ["L-34", "L-35"] ALWAYS,
        "a scan that leaves out rows leaves out one too many";
    PrunedScanShifted "pruned-scan-shifted" ["L-34", "L-35"] ALWAYS,
        "a scan for one key returns the row after it";
    SuspendedAnswers "suspended-answers" ["L-36"] ALWAYS,
        "AUTO_RESUME = FALSE does not keep a warehouse from resuming";
    SuspendedSqlstate "suspended-sqlstate" ["L-36"] ALWAYS,
        "the refusal of a suspended warehouse has another SQLSTATE";
    MissingTableSqlstate "missing-table-sqlstate" ["L-37", "L-12"] ALWAYS,
        "the refusal of a missing table has another SQLSTATE";

    // Refresh: what changed, through operators.
    DeletesLost "deletes-lost" ["R-03", "R-27"] ALWAYS,
        "an incremental refresh does not hear of deleted rows";
    WeightIgnored "weight-ignored" ["R-27"] ALWAYS,
        "of equal rows that change together, an incremental refresh writes one";
    FilteredRowStays "filtered-row-stays" ["R-27"] ALWAYS,
        "a row that an update takes out of a filter stays";
    UnionAllCollapses "union-all-collapses" ["R-27"] ALWAYS,
        "UNION ALL gives equal rows that change together once";
    DistinctLosesDuplicate "distinct-loses-duplicate" ["R-27"] ALWAYS,
        "DISTINCT loses a row with the first of its duplicates";
    DistinctKeepsLast "distinct-keeps-last" ["R-27"] ALWAYS,
        "DISTINCT keeps a row whose last duplicate is gone";
    JoinMissesLeft "join-misses-left" ["R-28"] ALWAYS,
        "a join is not refreshed by what changed on its left side";
    JoinMissesRight "join-misses-right" ["R-28"] ALWAYS,
        "a join is not refreshed by what changed on its right side";
    JoinMissesBothSides "join-misses-both-sides" ["R-28"] ALWAYS,
        "a join misses pairs of which both rows changed";
    NullKeysMatch "null-keys-match" ["R-28"] ALWAYS,
        "NULL equals NULL to a join that is refreshed incrementally";
    OuterRowStays "outer-row-stays" ["R-28"] ALWAYS,
        "an outer join keeps a row of NULLs that has found its match";
    OuterRowForgotten "outer-row-forgotten" ["R-28"] ALWAYS,
        "an outer join gives no row of NULLs when the last match goes";
    OuterRowMissing "outer-row-missing" ["R-28"] ALWAYS,
        "an outer join loses changed rows that match nothing";
    EmptyGroupStays "empty-group-stays" ["R-10"] ALWAYS,
        "a group without rows stays";
    GroupKeepsMovedRow "group-keeps-moved-row" ["R-10"] ALWAYS,
        "a row that moves to another group is counted in its old one, too";
    ExtremeAfterDelete "extreme-after-delete" ["R-10"] ALWAYS,
        "MIN and MAX are not computed again where rows were only deleted";
    ScalarRowLost "scalar-row-lost" ["R-10"] ALWAYS,
        "an aggregate over no rows gives no row";
    WindowOfChangedRows "window-of-changed-rows" ["R-29"] ALWAYS,
        "a window function is computed anew for changed rows only";
    FlattenFirstOnly "flatten-first-only" ["R-30"] ALWAYS,
        "FLATTEN gives the first element only";

    // Refresh: one table at one instant.
    ContentsOlderThanTold "contents-older-than-told" ["R-01", "R-02", "R-05"] ALWAYS,
        "a refreshed table's data timestamp is a period later than its contents";
    ChangesIgnored "changes-ignored" ["R-02", "R-03"] ALWAYS,
        "a refresh finds no data whatever has changed";
    TornSnapshot "torn-snapshot" ["R-04"] ALWAYS,
        "of two base tables a refresh reads the second as it was a period before";
    HalfOfAChange "half-of-a-change" ["R-04", "R-23"] ALWAYS,
        "an incremental refresh takes up half of what changed";
    OverwriteSeenEarly "overwrite-seen-early" ["R-25"] ALWAYS,
        "INSERT OVERWRITE is seen before its transaction is committed";
    StaticTableFollows "static-table-follows" ["R-06"] ALWAYS,
        "an interactive table without a lag is refreshed every minute";
    NoDataStays "no-data-stays" ["R-07"] ALWAYS,
        "without a change the data timestamp stays";
    InteractiveRefreshIgnored "interactive-refresh-ignored" ["R-08"] ALWAYS,
        "ALTER INTERACTIVE TABLE REFRESH does nothing";
    ManualToldScheduled "manual-told-scheduled" ["R-08"] ALWAYS,
        "the history calls a refresh by hand scheduled";
    SuspendedRefreshed "suspended-refreshed" ["R-09"] ALWAYS,
        "a suspended table is refreshed on schedule";
    ResumeIgnored "resume-ignored" ["R-09"] ALWAYS,
        "RESUME of a refreshed table does nothing";
    IncrementalToldFull "incremental-told-full" ["R-10"] ALWAYS,
        "the history calls an incremental refresh full";
    FullToldIncremental "full-told-incremental" ["R-10"] ALWAYS,
        "an incremental table is computed anew, and the history calls it incremental";
    InsertedCountedTwice "inserted-counted-twice" ["R-10"] ALWAYS,
        "the statistics of a refresh count inserted rows twice";
    ExceptIncremental "except-incremental" ["R-11"] ALWAYS,
        "REFRESH_MODE = INCREMENTAL takes any query";
    ModeReasonMissing "mode-reason-missing" ["R-12"] ALWAYS,
        "nothing says why a table is refreshed in full";
    UninitializedReadable "uninitialized-readable" ["R-13"] ALWAYS,
        "a table that was never refreshed reads as empty";
    ModeChanged "mode-changed" ["R-14"] ALWAYS,
        "the refresh mode of a table is changed";
    ReplacementNotTold "replacement-not-told" ["R-24"] ALWAYS,
        "the history does not say that a table was made anew since its base was replaced";

    // Refresh: schedules, and tables that read each other.
    PeriodDoubled "period-doubled" ["R-15", "R-16"] ALWAYS,
        "tables are refreshed half as often as their lag asks for";
    PhaseByLag "phase-by-lag" ["R-17"] ALWAYS,
        "tables with longer lags have a phase of their own";
    UpstreamAsCommitted "upstream-as-committed" ["R-18", "R-31"] ALWAYS,
        "a refresh reads what was committed of a refreshed table, not what shows its instant";
    LagBelowUpstream "lag-below-upstream" ["R-19"] ALWAYS,
        "a lag may be shorter than that of a table that is read";
    SixFailures "six-failures" ["R-20"] ALWAYS,
        "a table is suspended after six failures";
    SuspendAlone "suspend-alone" ["R-20"] ALWAYS,
        "tables that read a suspended one are not suspended";
    FailedRefreshEmpties "failed-refresh-empties" ["R-20"] ALWAYS,
        "a refresh that fails leaves an empty table";
    UpstreamFailureIgnored "upstream-failure-ignored" ["R-21"] ALWAYS,
        "a table is refreshed though one that it reads has failed";
    RefreshesOverlap "refreshes-overlap" ["R-22"] ALWAYS,
        "the history has refreshes end a minute late, when the next one has begun";
    OverrunKeepsPace "overrun-keeps-pace" ["R-22"] ALWAYS,
        "after a refresh that took too long the table stays on its fine grid";
    ManualWithoutUpstreams "manual-without-upstreams" ["R-31"] ALWAYS,
        "a refresh by hand does not refresh what is read";
    DownstreamNeverFresh "downstream-never-fresh" ["R-31"] ALWAYS,
        "a table with a lag of DOWNSTREAM is never refreshed for those that read it";
    DownstreamAlwaysFresh "downstream-always-fresh" ["R-31"] ALWAYS,
        "a table with a lag of DOWNSTREAM that nothing reads is refreshed every minute";

    // Latency and concurrency. Most show only with a capacity model.
    LatencyPlus30Percent "latency-plus-30-percent" ["C-01", "C-02"] ALWAYS,
        "queries on interactive warehouses take 30 % longer";
    EmptyAnswersOnWrongWarehouse "empty-answers-on-wrong-warehouse" ["L-24", "L-32", "L-33"] ALWAYS,
        "lookups in an interactive table find nothing on a warehouse it is not attached to";
    TwoSlots "two-slots" ["C-03"] ALWAYS,
        "a cluster runs two statements at a time";
    OverloadCode "overload-code" ["C-04"] ALWAYS,
        "a statement whose time runs out in the queue is refused as if a user had cancelled it";
    FallbackNotCounted "fallback-not-counted" ["C-05"] SINCE_FALLBACK,
        "the query history does not tell what was lost before a fallback";
    SecondClusterNeverStarts "second-cluster-never-starts" ["C-06"] ALWAYS,
        "MAX_CLUSTER_COUNT starts no second cluster";
    ConcurrencyLevelIgnored "concurrency-level-ignored" ["C-07"] ALWAYS,
        "MAX_CONCURRENCY_LEVEL changes nothing";
    ResultCacheAlways "result-cache-always" ["C-08"] ALWAYS,
        "results are used again though USE_CACHED_RESULT is FALSE";
    ResultCacheNever "result-cache-never" ["C-08"] ALWAYS,
        "results are never used again";
    WarmUpNeverEnds "warm-up-never-ends" ["C-09"] ALWAYS,
        "an interactive warehouse never has anything in its cache";
    ResumeKeepsCache "resume-keeps-cache" ["C-09"] ALWAYS,
        "a warehouse has its cache after a resume";
    CompiledAlwaysAnew "compiled-always-anew" ["C-11"] ALWAYS,
        "a statement with bind variables is compiled anew each time";
    KeysDoNotMatter "keys-do-not-matter" ["C-12"] ALWAYS,
        "looking at all rows takes no longer than a lookup by the clustering key";
    InteractiveAsStandard "interactive-as-standard" ["C-13"] ALWAYS,
        "queries on interactive warehouses take as long as on standard ones";
    QueuedTimeoutIgnored "queued-timeout-ignored" ["C-14"] ALWAYS,
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS does nothing";
    QueueNotCounted "queue-not-counted" ["C-06", "C-15"] ALWAYS,
        "the query history does not tell how long statements queued";
    HistoryDoesNotAddUp "history-does-not-add-up" ["C-15"] ALWAYS,
        "the query history has half of each execution time";
    HistoryBeyondClient "history-beyond-client" ["C-16"] ALWAYS,
        "the query history has statements take twice as long as clients wait for them";

    // Monitoring.
    ShowLacksAColumn "show-lacks-a-column" ["M-01"] SINCE_FALLBACK,
        "SHOW INTERACTIVE TABLES lacks its last column";
    LikeMindsCase "like-minds-case" ["M-01"] SINCE_FALLBACK,
        "LIKE of SHOW INTERACTIVE TABLES minds upper and lower case";
    LimitIgnored "limit-ignored" ["M-01"] SINCE_FALLBACK,
        "LIMIT of SHOW INTERACTIVE TABLES is ignored";
    StaticLagEmpty "static-lag-empty" ["M-01"] SINCE_FALLBACK,
        "a static table's lag is empty text rather than NULL";
    ClusterByLinear "cluster-by-linear" ["M-02"] SINCE_FALLBACK,
        "the clustering key of an interactive table is shown as LINEAR";
    InteractiveNotMarked "interactive-not-marked" ["M-04"] SINCE_ATTACHED,
        "SHOW TABLES marks no table as interactive";
    LaggingNotDynamic "lagging-not-dynamic" ["M-04"] SINCE_ATTACHED,
        "SHOW TABLES marks no table with a lag as dynamic";
    AttachedUnqualified "attached-unqualified" ["M-05"] SINCE_ATTACHED,
        "SHOW WAREHOUSES lists attached tables without their schema";
    TableTypeBase "table-type-base" ["M-06"] ALWAYS,
        "INFORMATION_SCHEMA calls interactive tables base tables";
    LagSecInMinutes "lag-sec-in-minutes" ["M-09"] ALWAYS,
        "DYNAMIC_TABLES tells lags in minutes";
    DdlNotInteractive "ddl-not-interactive" ["M-10"] ALWAYS,
        "GET_DDL of an interactive table is that of a standard one";
    FallbackNotShown "fallback-not-shown" ["M-11", "L-06"] SINCE_FALLBACK,
        "FALLBACK_WAREHOUSE always reads back empty";
    FiveSecondsShown "five-seconds-shown" ["M-12"] ALWAYS,
        "an interactive warehouse shows a timeout of five seconds";
    HistoryWarehouse "history-warehouse" ["M-13"] ALWAYS,
        "the query history names another warehouse";
    HistoryErrorCode "history-error-code" ["M-13"] ALWAYS,
        "the query history has another error code";
    HistoryStatus "history-status" ["M-13"] ALWAYS,
        "the query history calls a cancelled query a success";
    HistoryElapsed "history-elapsed" ["M-13"] ALWAYS,
        "the query history has times in seconds";
    HistoryDropsRepeats "history-drops-repeats" ["M-14"] ALWAYS,
        "the query history lists a repeated statement once";
    HistoryPending "history-pending" ["M-14"] ALWAYS,
        "the query history lists a statement as running for ever";
    InteractiveHistoryEmpty "interactive-history-empty" ["M-07"] ALWAYS,
        "INTERACTIVE_TABLE_REFRESH_HISTORY has no rows";
    HistoryDynamicOnly "history-dynamic-only" ["M-08"] ALWAYS,
        "DYNAMIC_TABLE_REFRESH_HISTORY lacks interactive tables";
    CompletionTargetLate "completion-target-late" ["M-16"] ALWAYS,
        "COMPLETION_TARGET is a lag later";
    RatioInPercent "ratio-in-percent" ["M-17"] ALWAYS,
        "TIME_WITHIN_TARGET_LAG_RATIO is in percent";

    // Regions.
    RegionWithDashes "region-with-dashes" ["A-01"] ALWAYS,
        "the region's name is that of the cloud's own console";
    RegionNotListed "region-not-listed" ["A-02", "A-04"] ALWAYS,
        "an account in a region that is on no list has interactive tables";
    RegexpMatchesParts "regexp-matches-parts" ["A-04"] ALWAYS,
        "REGEXP_LIKE is content with a part of the text";
    InteractiveNotAvailable "interactive-not-available" ["A-03", "A-05"] ALWAYS,
        "interactive tables are an unsupported feature in a listed region";
    WarehouseNotDropped "warehouse-not-dropped" ["A-03"] ALWAYS,
        "DROP WAREHOUSE of an interactive warehouse does nothing";
}
