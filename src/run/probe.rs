//! Which release of the product this is, told from what it does (catalogue S-01).
//!
//! Nothing is assumed from dates or version numbers: releases reach accounts at different times.

use super::objects::{Admin, AdminError, Objects};
use crate::{
    suite::Release,
    target::{Refusal, Rows},
};

/// The answers that tell releases apart. Each is what the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Reading a plain table on an interactive warehouse.
    pub plain_on_interactive: Result<(), Refusal>,
    /// Whether warehouses have a parameter `FALLBACK_WAREHOUSE`.
    pub fallback_parameter: Result<bool, Refusal>,
    pub show_interactive_tables: Result<(), Refusal>,
    /// Whether SHOW WAREHOUSES has the column `tables`, which came with behaviour change 2165.
    pub shows_attached: bool,
}

/// The release, and how it was told; or why it cannot be told.
pub fn release(signs: &Signs) -> Result<(Release, String), String> {
    match &signs.plain_on_interactive {
        Ok(()) => {
            return Ok((
                Release::ZeroCopy,
                "an interactive warehouse read a standard table".to_owned(),
            ));
        }
        Err(refusal) if refusal.message.contains("Querying non-interactive table") => {}
        Err(refusal) => {
            return Err(format!(
                "an interactive warehouse refused a standard table in a way that tells nothing: \
                 {refusal}"
            ));
        }
    }
    let shows = match &signs.show_interactive_tables {
        Ok(()) => "SHOW INTERACTIVE TABLES exists",
        Err(_) => "SHOW INTERACTIVE TABLES does not exist",
    };
    match (&signs.fallback_parameter, &signs.show_interactive_tables) {
        (Ok(true), _) => {
            return Ok((
                Release::Fallback,
                format!(
                    "an interactive warehouse refused a standard table, warehouses have \
                     FALLBACK_WAREHOUSE, {shows}"
                ),
            ));
        }
        // Where the parameter cannot be asked for, what came with it has to do.
        (Err(refusal), Ok(())) => {
            return Ok((
                Release::Fallback,
                format!(
                    "an interactive warehouse refused a standard table, {shows}; \
                     FALLBACK_WAREHOUSE could not be asked for: {refusal}"
                ),
            ));
        }
        (Ok(false), _) | (Err(_), Err(_)) => {}
    }
    let (release, column) = match signs.shows_attached {
        true => (Release::Attached, "has"),
        false => (Release::Preview, "does not have"),
    };
    let how = format!(
        "an interactive warehouse refused a standard table, there is no FALLBACK_WAREHOUSE, \
         {shows}, SHOW WAREHOUSES {column} the column `tables`"
    );
    Ok((release, how))
}

/// Asks the target. Leaves the session on the standard warehouse.
pub async fn signs(admin: &mut Admin, objects: &Objects) -> Result<Signs, AdminError> {
    let plain = objects.qualified(&format!("{}.SNOWGAUGE_PLAIN", objects.data_schema()));
    let interactive = objects.qualified(&format!("{}.SNOWGAUGE_SERVED", objects.data_schema()));
    admin.query(&format!("CREATE OR REPLACE TABLE {plain} AS SELECT 1 AS K")).await?;
    admin
        .query(&format!(
            "CREATE OR REPLACE INTERACTIVE TABLE {interactive} CLUSTER BY (K) AS SELECT K FROM \
             {plain}"
        ))
        .await?;

    admin.query(&format!("USE WAREHOUSE {}", objects.interactive)).await?;
    let plain_on_interactive = asked(admin.query(&format!("SELECT K FROM {plain}")).await)?;
    admin.query(&format!("USE WAREHOUSE {}", objects.standard)).await?;

    let parameter =
        format!("SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE' IN WAREHOUSE {}", objects.interactive);
    let fallback_parameter = asked(admin.query(&parameter).await)?.map(|it| !it.rows.is_empty());
    let show =
        format!("SHOW INTERACTIVE TABLES IN SCHEMA {}", objects.qualified(&objects.data_schema()));
    let show_interactive_tables = asked(admin.query(&show).await)?.map(|_| ());
    let warehouses = format!("SHOW WAREHOUSES LIKE '{}'", objects.interactive);
    let shows_attached =
        admin.query(&warehouses).await?.columns.iter().any(|it| it.name == "tables");

    for table in [&interactive, &plain] {
        admin.query(&format!("DROP TABLE IF EXISTS {table}")).await?;
    }
    Ok(Signs {
        plain_on_interactive: plain_on_interactive.map(|_| ()),
        fallback_parameter,
        show_interactive_tables,
        shows_attached,
    })
}

/// A refusal is an answer; anything else ends the probe.
fn asked(answer: Result<Rows, AdminError>) -> Result<Result<Rows, Refusal>, AdminError> {
    match answer {
        Ok(rows) => Ok(Ok(rows)),
        Err(AdminError::Refused { refusal, .. }) => Ok(Err(refusal)),
        Err(err @ (AdminError::Gone(_) | AdminError::NotRecorded(_) | AdminError::TooDear(_))) => {
            Err(err)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Refusal {
        Refusal {
            code: "001003".to_owned(),
            sqlstate: "42000".to_owned(),
            message: message.to_owned(),
        }
    }

    #[track_caller]
    fn check(signs: Signs, expected: &str) {
        let found = match release(&signs) {
            Ok((release, _)) => release.name().to_owned(),
            Err(why) => why,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn each_release_is_told_by_its_signs() {
        let preview = Signs {
            plain_on_interactive: Err(refused("Querying non-interactive table T is not …")),
            fallback_parameter: Ok(false),
            show_interactive_tables: Err(refused("unexpected 'INTERACTIVE'")),
            shows_attached: false,
        };
        let attached = Signs { shows_attached: true, ..preview.clone() };
        let fallback = Signs {
            fallback_parameter: Ok(true),
            show_interactive_tables: Ok(()),
            ..attached.clone()
        };
        let no_rights = Signs { fallback_parameter: Err(refused("?")), ..fallback.clone() };
        let zero_copy = Signs { plain_on_interactive: Ok(()), ..fallback.clone() };
        let broken = Signs {
            plain_on_interactive: Err(refused("Warehouse is suspended")),
            ..fallback.clone()
        };
        check(preview, "preview");
        check(attached, "attached");
        check(fallback, "fallback");
        check(no_rights, "fallback");
        check(zero_copy, "zero-copy");
        check(
            broken,
            "an interactive warehouse refused a standard table in a way that tells nothing: \
             001003 (42000): Warehouse is suspended",
        );
    }
}
