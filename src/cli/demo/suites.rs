//! What the demo runs, written as suites and read by their parser.

use super::{Choices, CliError, Warehouse};
use crate::suite::{self, DataSet, Suite, source::Source};

/// The shop that all suites use, so that the demo needs no folder of suites.
const DATA: &str = include_str!("../../../suites/data/orders.yaml");

/// Requests of which one may end in an error.
const ERRORS_ONE_IN: u32 = 100;

/// Names of cases, by which their reports are found.
pub const LOAD: &str = "many clients at once";
pub const PIPELINE: &str = "new orders reach a customer";

pub fn data() -> Result<DataSet, CliError> {
    Ok(suite::parse_data_set(Source::new("orders.yaml", DATA.to_owned()))?)
}

/// The mix that the capacity model was calibrated on, half by key, of many clients in a closed loop. One warehouse after the other: a share of few
/// queries for each turn would be too few to keep all clients busy.
pub fn load(choices: Choices, queries: u32) -> Result<Suite, CliError> {
    let threads = choices.threads;
    // An interactive warehouse that is too busy cancels what takes longer than five seconds.
    let errors = queries / ERRORS_ONE_IN;
    let (session, compare) = match choices.warehouse {
        Warehouse::Both => ("interactive", "\n      compare: { with: standard, order: apart }"),
        Warehouse::Interactive => ("interactive", ""),
        Warehouse::Standard => ("standard", ""),
    };
    let text = format!(
        "doc: The seed's demonstration; half are of one order, 30 % of a customer, the rest sums.
tags: [demo]
needs: [interactive]
use: orders
cases:
  - name: {LOAD}
    load:
      session: {session}
      clients: {threads}
      count: {queries}
      warm-up: {threads} requests
      mix:
        - name: order_lookup
          weight: 50
          sql: SELECT * FROM {{order_lookup}} WHERE ORDER_ID = {{order_id}}
          params: {{ order_id: {{ uniform: [1, \"{{scale}}\"] }} }}
          rows: 1
          first-cell: order_id
        - name: customer_lookup
          weight: 30
          sql: >-
            SELECT CUSTOMER_ID, ORDER_ID, ORDER_DATE, ORDER_STATUS, FINAL_REVENUE FROM {{order_lookup}}
            WHERE CUSTOMER_ID = {{customer_id}}
          params: {{ customer_id: {{ uniform: [1, \"{{customers_count}}\"] }} }}
          rows: 1..
          first-cell: customer_id
        - name: sums
          weight: 20
          sql: >-
            SELECT ORDER_STATUS, COUNT(*), SUM(FINAL_REVENUE) FROM {{order_lookup}}
            WHERE CUSTOMER_ID >= {{customer_id}} GROUP BY ORDER_STATUS
          params: {{ customer_id: {{ uniform: [1, \"{{customers_count}}\"] }} }}
          rows: 1..5
      budgets: [errors <= {errors}]{compare}
"
    );
    parsed("demo", text)
}

/// New orders on their way to a customer, each stage on its own.
pub fn pipeline(orders: u32) -> Result<Suite, CliError> {
    let text = format!(
        "doc: The seed's real-time pipeline, with customers who had no orders before.
tags: [demo]
needs: [interactive]
setup:
  - |
    CREATE OR REPLACE TABLE T_RAW AS
    SELECT N::INT AS ORDER_ID, (N % 50)::INT AS CUSTOMER_ID, ((N * 37) % 1000)::NUMBER(10, 2) AS AMOUNT,
    (N % 4)::INT AS STATUS_ID
    FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) AS N FROM TABLE(GENERATOR(ROWCOUNT => 2000)))
  - |
    CREATE OR REPLACE TABLE T_STATUS AS
    SELECT COLUMN1::INT AS ID, COLUMN2 AS NAME FROM VALUES (0, 'Pending'), (1, 'Shipped'), (2, 'Done'),
    (3, 'Returned')
refreshed:
  enriched:
    create: CREATE OR REPLACE DYNAMIC TABLE {{enriched}} TARGET_LAG = DOWNSTREAM WAREHOUSE = {{standard}}
    as: >-
      SELECT R.ORDER_ID, R.CUSTOMER_ID, R.AMOUNT, S.NAME AS STATUS FROM T_RAW{{at}} R
      JOIN T_STATUS{{at}} S ON S.ID = R.STATUS_ID
  by_customer:
    create: CREATE OR REPLACE DYNAMIC TABLE {{by_customer}} TARGET_LAG = '1 minute' WAREHOUSE = {{standard}}
    as: >-
      SELECT E.CUSTOMER_ID, COUNT(*) AS ORDERS, SUM(E.AMOUNT) AS AMOUNT FROM {{enriched}} E
      GROUP BY E.CUSTOMER_ID
  serving:
    create: |-
      CREATE OR REPLACE INTERACTIVE TABLE {{serving}} CLUSTER BY (CUSTOMER_ID) TARGET_LAG = '5 minutes'
      WAREHOUSE = {{standard}}
    as: SELECT C.CUSTOMER_ID, C.ORDERS, C.AMOUNT FROM {{by_customer}} C
cases:
  - name: {PIPELINE}
    steps:
      - ALTER WAREHOUSE {{interactive}} ADD TABLES ({{serving}})
      - |
        INSERT INTO T_RAW
        SELECT 2000 + N, 999 + N, N, N % 4
        FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) AS N FROM TABLE(GENERATOR(ROWCOUNT => {orders})))
      - fresh: by_customer
        within: 3 lags
      - fresh: serving
        within: 2 lags
      - session: interactive
        sql: SELECT COUNT(*), SUM(ORDERS) FROM {{serving}} WHERE CUSTOMER_ID >= 1000
        expect: {{ rows: [[{orders}, {orders}]] }}
"
    );
    parsed("demo_pipeline", text)
}

fn parsed(name: &str, text: String) -> Result<Suite, CliError> {
    Ok(suite::parse_suite(name, Source::new(format!("{name}.yaml"), text))?)
}
