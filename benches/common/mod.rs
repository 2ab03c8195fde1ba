//! What several benchmarks do alike.

use snowgauge::target::{Ending, Session, Statement};

/// The first row, as text.
///
/// # Errors
///
/// Any other ending than rows, with the statement.
pub async fn execute(session: &mut dyn Session, sql: &str) -> Result<Vec<String>, String> {
    let statement = Statement { sql: sql.to_owned(), ..Statement::default() };
    match session.execute(&statement).await.ending {
        Ending::Rows(rows) => {
            let row = rows.rows.into_iter().next().unwrap_or_default();
            Ok(row
                .iter()
                .zip(&rows.columns)
                .map(|(it, column)| it.text(&column.data_type))
                .collect())
        }
        Ending::Refused(refusal) => Err(format!("{refusal}\n{sql}")),
        other => Err(format!("{other:?}\n{sql}")),
    }
}
