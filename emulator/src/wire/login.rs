//! Sessions begin, go on and end.

use super::{
    envelope,
    format::{Driver, is_format_parameter},
    parameters,
    service::{Call, Client, Fault, Service},
    token::{Issued, MASTER_VALIDITY, SESSION_VALIDITY},
};
use crate::engine::LoginOptions;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

/// JDBC reads the first word as a version.
const SERVER_VERSION: &str = concat!("10.12.1 snowgauge-emulator-", env!("CARGO_PKG_VERSION"));

#[derive(Deserialize)]
struct Body {
    data: Login,
}

/// What is read of a login. Everything may be absent.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "SCREAMING_SNAKE_CASE")]
struct Login {
    client_app_id: Option<String>,
    login_name: Option<String>,
    password: Option<String>,
    authenticator: Option<String>,
    token: Option<String>,
    session_parameters: Option<BTreeMap<String, Value>>,
}

pub fn login(service: &Service, call: &Call) -> Result<Response, Fault> {
    let Body { data: login } = call.json()?;
    if let Err(refusal) = verify(&login, service.users.as_ref()) {
        return Ok(refusal.into_response());
    }
    for client in service.clients.sweep(Instant::now()) {
        service.close(&client);
    }

    let parameters = call.parameters();
    let name = |key: &str| parameters.get(key).filter(|it| !it.is_empty()).cloned();
    let app = login.client_app_id.unwrap_or_default();
    let driver = Driver::named(&app);
    let session_parameters = login.session_parameters.unwrap_or_default();
    let format_parameters = session_parameters
        .iter()
        .filter(|(name, _)| is_format_parameter(name))
        .map(|(name, value)| (name.to_ascii_uppercase(), value.clone()))
        .collect();
    let user = login.login_name.unwrap_or_default();
    let session = service.engine.open_session(LoginOptions {
        user: user.clone(),
        database: name("databaseName"),
        schema: name("schemaName"),
        warehouse: name("warehouse"),
        role: name("roleName"),
        parameters: session_parameters,
        client_app_id: app,
    });
    let names = session.names();
    let parameters = parameters::merged(&session.login_parameters());
    let client = Arc::new(Client::new(session.clone(), driver, format_parameters));
    let Ok(Issued { session_id, session: token, master }) =
        service.clients.open(session.id, client, Instant::now())
    else {
        session.close();
        return Ok(no_randomness());
    };
    Ok(envelope::success(json!({
        "token": token,
        "validityInSeconds": SESSION_VALIDITY.as_secs(),
        "masterToken": master,
        "masterValidityInSeconds": MASTER_VALIDITY.as_secs(),
        "displayUserName": user.to_uppercase(),
        "serverVersion": SERVER_VERSION,
        "firstLogin": false,
        "remMeToken": null,
        "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45,
        "newClientForUpgrade": null,
        "sessionId": session_id,
        "parameters": parameters,
        "sessionInfo": {
            "databaseName": names.database,
            "schemaName": names.schema,
            "warehouseName": names.warehouse,
            "roleName": names.role,
        },
        "idToken": null,
        "idTokenValidityInSeconds": 0,
        "responseData": null,
        "mfaToken": null,
        "mfaTokenValidityInSeconds": 0,
    })))
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoginRefusal {
    Incorrect,
    NoKeys,
}

impl LoginRefusal {
    fn into_response(self) -> Response {
        let (code, method, message) = match self {
            Self::Incorrect => {
                ("390100", "USERNAME_PASSWORD", "Incorrect username or password was specified.")
            }
            Self::NoKeys => (
                "390144",
                "JWT",
                "JWT token is invalid. (The emulator has a list of users with passwords, and no \
                 keys to check it with.)",
            ),
        };
        let data = json!({
            "authnMethod": method,
            "errorCode": code,
            "nextAction": "RETRY_LOGIN",
            "inFlightCtx": null,
            "signInOptions": {},
        });
        envelope::failure(code, message, data)
    }
}

/// Without a list of users anyone with a name is let in. With one, the password or token must be
/// the user's.
fn verify(login: &Login, users: Option<&BTreeMap<String, String>>) -> Result<(), LoginRefusal> {
    let user = login.login_name.as_deref().unwrap_or_default();
    let authenticator = login.authenticator.as_deref().unwrap_or("SNOWFLAKE").to_ascii_uppercase();
    let Some(users) = users else {
        // Tokens of these name their user themselves.
        let needs_name = !matches!(authenticator.as_str(), "OAUTH" | "WORKLOAD_IDENTITY");
        let nameless = needs_name && user.is_empty();
        return if nameless { Err(LoginRefusal::Incorrect) } else { Ok(()) };
    };
    let given = match authenticator.as_str() {
        "SNOWFLAKE_JWT" => return Err(LoginRefusal::NoKeys),
        "PROGRAMMATIC_ACCESS_TOKEN" | "OAUTH" => login.token.as_deref(),
        _ => login.password.as_deref(),
    };
    let expected = users.iter().find(|(name, _)| name.eq_ignore_ascii_case(user));
    match (expected, given) {
        (Some((_, expected)), Some(given)) if expected == given => Ok(()),
        _ => Err(LoginRefusal::Incorrect),
    }
}

fn no_randomness() -> Response {
    envelope::failure("000603", "The machine gives no random numbers for tokens.", Value::Null)
}

/// `POST /session/authenticator-request`: there is no browser, and no identity provider.
pub fn no_authenticator() -> Response {
    envelope::failure(
        "390190",
        "The emulator has no single sign-on. Use a password, a token or a key pair.",
        Value::Null,
    )
}

/// `POST /session/token-request`, with the master token.
pub fn renew(service: &Service, call: &Call) -> Result<Response, Fault> {
    let master = call.token().unwrap_or_default();
    let Ok(renewed) = service.clients.renew(master, Instant::now()) else {
        return Ok(no_randomness());
    };
    let Issued { session_id, session, master } = renewed?;
    Ok(envelope::success(json!({
        "sessionToken": session,
        "validityInSecondsST": SESSION_VALIDITY.as_secs(),
        "masterToken": master,
        "validityInSecondsMT": MASTER_VALIDITY.as_secs(),
        "sessionId": session_id,
    })))
}

pub fn heartbeat(service: &Service, call: &Call) -> Result<Response, Fault> {
    service.clients.extend(call.token().unwrap_or_default(), Instant::now())?;
    Ok(envelope::success(Value::Null))
}

/// `POST /session?delete=true`. Running statements are cancelled, an open transaction is rolled
/// back.
pub fn logout(service: &Service, call: &Call) -> Result<Response, Fault> {
    let parameters: HashMap<String, String> = call.parameters();
    if parameters.get("delete").is_none_or(|it| it != "true") {
        return Err(Fault::NotFound);
    }
    let client = service.clients.close(call.token().unwrap_or_default())?;
    service.close(&client);
    Ok(envelope::success(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(login: Value, users: Option<&[(&str, &str)]>, expected: Result<(), LoginRefusal>) {
        let login: Login = serde_json::from_value(login).expect("a login");
        let users = users.map(|list| {
            list.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect()
        });
        assert_eq!(verify(&login, users.as_ref()), expected);
    }

    #[test]
    fn anyone_with_a_name_is_let_in_unless_users_are_listed() {
        check(json!({"LOGIN_NAME": "u", "PASSWORD": "p"}), None, Ok(()));
        check(
            json!({"LOGIN_NAME": "u", "TOKEN": "t", "AUTHENTICATOR": "SNOWFLAKE_JWT"}),
            None,
            Ok(()),
        );
        check(json!({"LOGIN_NAME": ""}), None, Err(LoginRefusal::Incorrect));
        check(json!({}), None, Err(LoginRefusal::Incorrect));
    }

    #[test]
    fn listed_users_need_their_password() {
        let users: &[(&str, &str)] = &[("ann", "secret")];
        check(json!({"LOGIN_NAME": "ANN", "PASSWORD": "secret"}), Some(users), Ok(()));
        check(
            json!({"LOGIN_NAME": "ann", "PASSWORD": "Secret"}),
            Some(users),
            Err(LoginRefusal::Incorrect),
        );
        check(json!({"LOGIN_NAME": "ann"}), Some(users), Err(LoginRefusal::Incorrect));
        check(
            json!({"LOGIN_NAME": "bob", "PASSWORD": "secret"}),
            Some(users),
            Err(LoginRefusal::Incorrect),
        );
        let token = json!({
            "LOGIN_NAME": "ann", "TOKEN": "secret", "AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN",
        });
        check(token, Some(users), Ok(()));
        let key = json!({
            "LOGIN_NAME": "ann", "TOKEN": "secret", "AUTHENTICATOR": "SNOWFLAKE_JWT",
        });
        check(key, Some(users), Err(LoginRefusal::NoKeys));
    }
}
