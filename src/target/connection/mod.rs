//! Connections, as the Snowflake CLI and the connectors keep them.
//!
//! A connection that works for `snow` or the Python connector works here unchanged. Each setting
//! comes from the first of these that has it:
//!
//! 1. `SNOWFLAKE_CONNECTIONS_<NAME>_<KEY>`;
//! 2. the connection's table in `connections.toml`, or `[connections.<name>]` in `config.toml`;
//! 3. `SNOWFLAKE_<KEY>`.
//!
//! The reading is our own rather than the client crate's, which prints TOML errors with the line
//! they are in, knows no places, and takes its environment from the process. Deliberately not
//! here: signing in through a browser, which a test run cannot do.

mod file;

use crate::secret::{Redactor, Secret};
use file::Files;
use reqwest::Url;
use snowflake_api::{ConnectionConfig, SecretString};
use std::{
    collections::BTreeMap,
    fmt, fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

/// All that is needed to log in.
#[derive(Clone, Debug)]
pub struct Connection {
    /// As the file calls it; `environment` where only variables describe it.
    pub name: String,
    pub account: String,
    pub user: String,
    pub auth: Auth,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub protocol: Protocol,
    /// Allows plain HTTP to somewhere else than this machine.
    pub insecure_http: bool,
    pub region: Option<String>,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub warehouse: Option<String>,
    pub role: Option<String>,
    /// What is odd about it, for people to see.
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Https,
    Http,
}

/// How a connection proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    Password {
        password: Secret,
        passcode: Option<Secret>,
    },
    /// With a second factor; Snowflake may ask for it on another device.
    PasswordMfa {
        password: Secret,
        passcode: Option<Secret>,
    },
    /// A private key as PKCS#8 in PEM, and what opens it if it is encrypted.
    KeyPair {
        private_key: Secret,
        passphrase: Option<Secret>,
    },
    OAuth {
        token: Secret,
    },
    AccessToken {
        token: Secret,
    },
}

/// A connection that cannot be used, and where it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionError {
    /// A file with line and column, a variable, or nothing.
    pub place: Option<String>,
    pub what: String,
    pub hint: Option<String>,
}

impl ConnectionError {
    fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: Some(place.into()), what: what.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for ConnectionError {}

/// The settings this harness knows. Each has the names that some connector gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Account,
    User,
    Password,
    Host,
    Port,
    Protocol,
    InsecureHttp,
    Region,
    Database,
    Schema,
    Warehouse,
    Role,
    Authenticator,
    Token,
    TokenFile,
    PrivateKey,
    PrivateKeyFile,
    PrivateKeyPassphrase,
    Passcode,
}

const FIELDS: &[(Field, &[&str])] = &[
    (Field::Account, &["account", "accountname"]),
    (Field::User, &["user", "username", "login_name"]),
    (Field::Password, &["password"]),
    (Field::Host, &["host"]),
    (Field::Port, &["port"]),
    (Field::Protocol, &["protocol"]),
    (Field::InsecureHttp, &["insecure_http"]),
    (Field::Region, &["region"]),
    (Field::Database, &["database", "dbname"]),
    (Field::Schema, &["schema", "schemaname"]),
    (Field::Warehouse, &["warehouse", "warehousename"]),
    (Field::Role, &["role", "rolename"]),
    (Field::Authenticator, &["authenticator"]),
    (Field::Token, &["token"]),
    (Field::TokenFile, &["token_file_path", "token_file"]),
    (Field::PrivateKey, &["private_key_raw", "private_key"]),
    (Field::PrivateKeyFile, &["private_key_file", "private_key_path"]),
    (
        Field::PrivateKeyPassphrase,
        &["private_key_passphrase", "private_key_file_pwd", "private_key_pwd"],
    ),
    (Field::Passcode, &["passcode"]),
];

/// What a proof of identity can be made of.
const CREDENTIALS: &[Field] =
    &[Field::Password, Field::Token, Field::TokenFile, Field::PrivateKey, Field::PrivateKeyFile];

impl Field {
    fn name(self) -> &'static str {
        let names = FIELDS.iter().find(|(key, _)| *key == self).map(|(_, names)| *names);
        names.and_then(|it| it.first().copied()).unwrap_or_default()
    }

    fn of(name: &str) -> Option<Self> {
        let plain = |it: &str| it.replace(['_', '-'], "").to_ascii_lowercase();
        let name = plain(name);
        FIELDS
            .iter()
            .find(|(_, names)| names.iter().any(|it| plain(it) == name))
            .map(|(key, _)| *key)
    }
}

/// A setting's text and where it was found. Any of them may turn out to be secret.
#[derive(Clone, Debug)]
struct Setting {
    value: Secret,
    place: String,
}

impl Setting {
    fn text(&self) -> &str {
        self.value.reveal().trim()
    }
}

/// The settings that one place has.
#[derive(Clone, Debug, Default)]
struct Layer {
    known: BTreeMap<Field, Setting>,
    /// Keys that mean nothing here, and where they are.
    unknown: Vec<(String, String)>,
}

impl Layer {
    fn put(&mut self, key: &str, setting: Setting) {
        match Field::of(key) {
            // Some tools write empty text for "not set".
            Some(_) if setting.text().is_empty() => {}
            Some(key) => {
                self.known.entry(key).or_insert(setting);
            }
            None => self.unknown.push((key.to_owned(), setting.place)),
        }
    }

    /// Asks the environment for every known key behind `prefix`.
    fn from_env(env: &dyn Fn(&str) -> Option<String>, prefix: &str) -> Self {
        let mut layer = Self::default();
        for name in FIELDS.iter().flat_map(|(_, names)| *names) {
            let variable = format!("{prefix}{}", name.to_ascii_uppercase());
            if let Some(value) = env(&variable) {
                layer.put(name, Setting { value: Secret::new(value), place: variable });
            }
        }
        layer
    }

    fn has_any(&self, keys: &[Field]) -> bool {
        keys.iter().any(|it| self.known.contains_key(it))
    }

    /// Takes what is missing from a layer of lower rank.
    fn fill(&mut self, lower: Self) {
        // Credentials come from one place: a stray `SNOWFLAKE_PRIVATE_KEY_PATH` must not make
        // another login out of a connection that has a password.
        let settled = self.has_any(CREDENTIALS) && !self.known.contains_key(&Field::Authenticator);
        for (key, setting) in lower.known {
            if !(settled && CREDENTIALS.contains(&key)) {
                self.known.entry(key).or_insert(setting);
            }
        }
        self.unknown.extend(lower.unknown);
    }

    fn get(&self, key: Field) -> Option<&Setting> {
        self.known.get(&key)
    }

    fn text(&self, key: Field) -> Option<String> {
        self.get(key).map(|it| it.text().to_owned())
    }

    fn secret(&self, key: Field) -> Option<Secret> {
        self.get(key).map(|it| it.value.clone())
    }
}

impl Connection {
    /// Reads a connection by name, or the default one.
    ///
    /// Looks at nothing but its arguments and the files: `env` answers for variables, `home` is
    /// the user's folder. Returns every error there is, not the first.
    pub fn load(
        name: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
        home: &Path,
    ) -> Result<Self, Vec<ConnectionError>> {
        let (directory, warning) = file::directory(env, home);
        let files = Files::read(&directory)?;
        let mut warnings: Vec<String> = warning.into_iter().collect();
        warnings.extend(files.warnings.iter().cloned());

        let general = Layer::from_env(env, "SNOWFLAKE_");
        let (name, mut layer) = match select(name, &files, env) {
            Ok(found) => found,
            // Build servers often have variables and no file.
            Err(_) if name.is_none() && general.has_any(&[Field::Account, Field::Host]) => {
                ("environment".to_owned(), Layer::default())
            }
            Err(error) => return Err(vec![error]),
        };
        layer.fill(general);

        let mut typos = Vec::new();
        for (key, place) in &layer.unknown {
            let names = FIELDS.iter().flat_map(|(_, names)| *names).copied();
            let mut warning = format!("{place}: `{key}` is not used");
            if let Some(name) = nearest(key, names) {
                let hint = format!("did you mean `{name}`?");
                warning += &format!("; {hint}");
                let what = format!("`{key}` is not used");
                typos.push(ConnectionError::at(place.clone(), what).hint(hint));
            }
            warnings.push(warning);
        }
        let resolved = Resolve { layer, name, home, warnings, errors: Vec::new() }.connection();
        // A key that is missing is most often there under a wrong name.
        resolved.map_err(|mut errors| {
            errors.append(&mut typos);
            errors
        })
    }

    /// A connection to a server on this machine that asks for no proof, such as an emulator.
    pub fn loopback(address: SocketAddr) -> Self {
        Self {
            name: address.to_string(),
            account: "local".to_owned(),
            user: "snowgauge".to_owned(),
            // Nothing to blank: a made-up password would be blanked wherever a message has it.
            auth: Auth::Password { password: Secret::new(""), passcode: None },
            host: Some(address.ip().to_string()),
            port: Some(address.port()),
            protocol: Protocol::Http,
            insecure_http: false,
            region: None,
            database: None,
            schema: None,
            warehouse: None,
            role: None,
            warnings: Vec::new(),
        }
    }

    /// Where requests go. Plain HTTP only to this machine, unless the connection insists.
    pub fn base_url(&self) -> Result<Url, ConnectionError> {
        let host = match (&self.host, &self.region) {
            (Some(host), _) => host.clone(),
            (None, Some(region)) if !self.account.contains('.') => {
                let top = if region.starts_with("cn-") { "cn" } else { "com" };
                format!("{}.{region}.snowflakecomputing.{top}", self.account)
            }
            (None, _) => format!("{}.snowflakecomputing.com", self.account),
        };
        let (scheme, port) = match self.protocol {
            Protocol::Https => ("https", 443),
            Protocol::Http => ("http", 80),
        };
        // An IPv6 address needs brackets in a URL.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().ok();
        let host_in_url = match address {
            Some(IpAddr::V6(_)) => format!("[{bare}]"),
            _ => host.clone(),
        };
        let local = address.map_or(bare.eq_ignore_ascii_case("localhost"), |it| it.is_loopback());
        if self.protocol == Protocol::Http && !local && !self.insecure_http {
            let what = format!("`protocol = \"http\"` would send secrets to `{host}` in the clear");
            let hint = "remove `protocol`, or set `insecure_http = true` if the way there is safe";
            return Err(ConnectionError::at(self.name.clone(), what).hint(hint));
        }
        let port = self.port.unwrap_or(port);
        Url::parse(&format!("{scheme}://{host_in_url}:{port}/")).map_err(|error| {
            ConnectionError::at(self.name.clone(), format!("`{host}` is no host: {error}"))
        })
    }

    /// What tells this account or its user, by kind: what a recording must not have. Whoever
    /// hides them takes them apart where parts tell as much.
    pub fn identifiers(&self) -> Vec<(&'static str, String)> {
        let always = [("account", Some(&self.account)), ("user", Some(&self.user))];
        let others = [
            ("host", self.host.as_ref()),
            ("role", self.role.as_ref()),
            ("database", self.database.as_ref()),
            ("schema", self.schema.as_ref()),
            ("warehouse", self.warehouse.as_ref()),
        ];
        let all = always.into_iter().chain(others);
        // A quoted name has its quotes in the file, and none where the server tells it.
        all.filter_map(|(kind, value)| Some((kind, value?.trim().trim_matches('"').to_owned())))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// Blanks this connection's secrets in text that others wrote.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.auth.secrets())
    }
}

impl Auth {
    fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Password { password, passcode } | Self::PasswordMfa { password, passcode } => {
                std::iter::once(password).chain(passcode).cloned().collect()
            }
            Self::KeyPair { private_key, passphrase } => {
                std::iter::once(private_key).chain(passphrase).cloned().collect()
            }
            Self::OAuth { token } | Self::AccessToken { token } => vec![token.clone()],
        }
    }
}

/// The connection that is meant, with what its own variables say over what the file does.
fn select(
    name: Option<&str>,
    files: &Files,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Layer), ConnectionError> {
    let default = env("SNOWFLAKE_DEFAULT_CONNECTION_NAME").filter(|it| !it.is_empty());
    let default = default.or_else(|| files.default_name.clone());
    let asked = name.map(str::to_owned).or_else(|| default.clone());
    let name = asked.clone().unwrap_or_else(|| "default".to_owned());

    let prefix = format!("SNOWFLAKE_CONNECTIONS_{}_", name.to_ascii_uppercase());
    let mut layer = Layer::from_env(env, &prefix);
    let described = layer.has_any(&[Field::Account, Field::Host]);
    let found = files.connections.iter().find(|(it, _)| *it == name);
    if let Some((_, lower)) = found {
        layer.fill(lower.clone());
    } else if !described {
        let known: Vec<&str> = files.connections.iter().map(|(name, _)| name.as_str()).collect();
        let listed = known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let path = files.path.display();
        let what = match (&asked, known.is_empty()) {
            (Some(_), false) => format!("no connection `{name}`; there are {listed}"),
            (Some(_), true) => format!("no connection `{name}`, nor any other"),
            (None, false) => {
                format!("no connection named, and none is `default`; there are {listed}")
            }
            (None, true) => "no connections".to_owned(),
        };
        let error = ConnectionError::at(path.to_string(), what);
        return Err(match (nearest(&name, known.iter().copied()), &asked) {
            (Some(near), Some(_)) => error.hint(format!("did you mean `{near}`?")),
            (_, None) if !known.is_empty() => error
                .hint("choose one, or set `default_connection_name` in `config.toml`"),
            _ => error.hint("`snow connection add` makes one; SNOWFLAKE_ACCOUNT and SNOWFLAKE_USER do without a file"),
        });
    }
    Ok((name, layer))
}

/// The name that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|it| (strsim::jaro_winkler(&name.to_lowercase(), &it.to_lowercase()), it))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, it)| it)
}

/// Settings to a connection, gathering errors.
struct Resolve<'a> {
    layer: Layer,
    name: String,
    home: &'a Path,
    warnings: Vec<String>,
    errors: Vec<ConnectionError>,
}

impl Resolve<'_> {
    fn connection(mut self) -> Result<Connection, Vec<ConnectionError>> {
        let host = self.layer.text(Field::Host);
        // The first label of the host is the account, unless the host is an address.
        let from_host = host.as_deref().filter(|it| it.parse::<IpAddr>().is_err());
        let from_host = from_host.and_then(|it| it.split('.').next()).map(str::to_owned);
        let account = self.layer.text(Field::Account).or(from_host);
        let account = self.required(account, Field::Account);
        let user = self.layer.text(Field::User);
        let user = self.required(user, Field::User);
        let port = self.port();
        let protocol = self.protocol();
        let insecure_http = self.insecure_http();
        let auth = self.auth();

        let (Some(auth), true) = (auth, self.errors.is_empty()) else {
            return Err(self.errors);
        };
        let connection = Connection {
            account,
            user,
            auth,
            host,
            port,
            protocol,
            insecure_http,
            region: self.layer.text(Field::Region),
            database: self.layer.text(Field::Database),
            schema: self.layer.text(Field::Schema),
            warehouse: self.layer.text(Field::Warehouse),
            role: self.layer.text(Field::Role),
            name: self.name,
            warnings: self.warnings,
        };
        match connection.base_url() {
            Ok(_) => Ok(connection),
            Err(error) => Err(vec![error]),
        }
    }

    fn required(&mut self, value: Option<String>, key: Field) -> String {
        value.unwrap_or_else(|| {
            self.missing(key.name());
            String::new()
        })
    }

    fn missing(&mut self, what: &str) {
        let what = format!("connection `{}` has no `{what}`", self.name);
        self.errors.push(ConnectionError { place: None, what, hint: None });
    }

    fn wrong(&mut self, key: Field, expected: &str) {
        if let Some(setting) = self.layer.get(key) {
            let what = format!("`{}` is no {expected}", setting.text());
            self.errors.push(ConnectionError::at(setting.place.clone(), what));
        }
    }

    fn port(&mut self) -> Option<u16> {
        let text = self.layer.text(Field::Port)?;
        let port = text.parse().ok().filter(|it| *it != 0);
        if port.is_none() {
            self.wrong(Field::Port, "port: a number from 1 to 65535");
        }
        port
    }

    fn protocol(&mut self) -> Protocol {
        match self.layer.text(Field::Protocol).map(|it| it.to_ascii_lowercase()).as_deref() {
            None | Some("https") => Protocol::Https,
            Some("http") => Protocol::Http,
            Some(_) => {
                self.wrong(Field::Protocol, "protocol: `https` or `http`");
                Protocol::Https
            }
        }
    }

    fn insecure_http(&mut self) -> bool {
        match self.layer.text(Field::InsecureHttp).map(|it| it.to_ascii_lowercase()).as_deref() {
            Some("true" | "1" | "yes") => true,
            None | Some("false" | "0" | "no") => false,
            Some(_) => {
                self.wrong(Field::InsecureHttp, "choice: `true` or `false`");
                false
            }
        }
    }

    fn auth(&mut self) -> Option<Auth> {
        let authenticator = self.layer.text(Field::Authenticator).map(|it| it.to_ascii_uppercase());
        let passcode = self.layer.secret(Field::Passcode);
        match authenticator.as_deref() {
            None | Some("SNOWFLAKE") => {
                if self.layer.has_any(&[Field::PrivateKey, Field::PrivateKeyFile]) {
                    self.key_pair()
                } else if let Some(password) = self.layer.secret(Field::Password) {
                    Some(Auth::Password { password, passcode })
                } else if self.layer.has_any(&[Field::Token, Field::TokenFile]) {
                    let what = format!("connection `{}` has a token of unknown kind", self.name);
                    let hint = "set `authenticator` to `PROGRAMMATIC_ACCESS_TOKEN` or `OAUTH`";
                    self.errors.push(ConnectionError {
                        place: None,
                        what,
                        hint: Some(hint.into()),
                    });
                    None
                } else {
                    self.missing("password`, `private_key_file` or `token");
                    None
                }
            }
            Some("SNOWFLAKE_JWT") => self.key_pair(),
            Some("USERNAME_PASSWORD_MFA") => {
                let Some(password) = self.layer.secret(Field::Password) else {
                    self.missing(Field::Password.name());
                    return None;
                };
                Some(Auth::PasswordMfa { password, passcode })
            }
            Some("OAUTH") => self.token().map(|token| Auth::OAuth { token }),
            Some("PROGRAMMATIC_ACCESS_TOKEN" | "PAT") => {
                self.token().map(|token| Auth::AccessToken { token })
            }
            Some(other) => {
                let place = self.layer.get(Field::Authenticator).map(|it| it.place.clone());
                let what = format!("authenticator `{}` is not supported", other.to_lowercase());
                let hint = "a run has nobody to click: use SNOWFLAKE_JWT, \
                            PROGRAMMATIC_ACCESS_TOKEN, OAUTH, SNOWFLAKE or USERNAME_PASSWORD_MFA";
                self.errors.push(ConnectionError { place, what, hint: Some(hint.to_owned()) });
                None
            }
        }
    }

    fn token(&mut self) -> Option<Secret> {
        let token = match self.layer.has_any(&[Field::TokenFile]) {
            true => self.read(Field::TokenFile)?,
            false => match self.layer.secret(Field::Token) {
                Some(token) => token,
                None => {
                    self.missing("token` or `token_file_path");
                    return None;
                }
            },
        };
        Some(Secret::new(token.reveal().trim()))
    }

    fn key_pair(&mut self) -> Option<Auth> {
        let pem = match self.layer.secret(Field::PrivateKey) {
            Some(pem) => pem,
            None if self.layer.has_any(&[Field::PrivateKeyFile]) => {
                self.read(Field::PrivateKeyFile)?
            }
            None => {
                self.missing("private_key_file");
                return None;
            }
        };
        let passphrase = self.layer.secret(Field::PrivateKeyPassphrase);
        match check_key(&pem, passphrase.as_ref()) {
            Ok(()) => Some(Auth::KeyPair { private_key: pem, passphrase }),
            Err((what, hint)) => {
                let key = [Field::PrivateKey, Field::PrivateKeyFile];
                let place =
                    key.iter().find_map(|it| self.layer.get(*it)).map(|it| it.place.clone());
                let (what, hint) = (what.to_owned(), Some(hint.to_owned()));
                self.errors.push(ConnectionError { place, what, hint });
                None
            }
        }
    }

    /// Reads the file that a setting names.
    fn read(&mut self, key: Field) -> Option<Secret> {
        let setting = self.layer.get(key)?.clone();
        let path = file::expand(setting.text(), self.home);
        match fs::read_to_string(&path) {
            Ok(text) => {
                self.warnings.extend(file::permission_warning(&path));
                Some(Secret::new(text))
            }
            Err(error) => {
                let what = format!("cannot read `{}`: {error}", path.display());
                self.errors.push(ConnectionError::at(setting.place, what));
                None
            }
        }
    }
}

/// Tells early that a private key will not do, and what to do about it.
fn check_key(
    pem: &Secret,
    passphrase: Option<&Secret>,
) -> Result<(), (&'static str, &'static str)> {
    let encrypted = pem.reveal().contains("BEGIN ENCRYPTED PRIVATE KEY");
    match (encrypted, passphrase) {
        (true, None) => Err((
            "the private key is encrypted and no passphrase is given",
            "set `private_key_passphrase`, or SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
        )),
        (true, Some(_)) => match open_key(pem, passphrase) {
            Some(_) => Ok(()),
            None => Err((
                "the passphrase does not open the private key",
                "check `private_key_passphrase`",
            )),
        },
        (false, _) if pem.reveal().contains("BEGIN PRIVATE KEY") => Ok(()),
        (false, _) => Err((
            "the private key is not in PKCS#8 format",
            "`openssl pkcs8 -topk8 -nocrypt -in key.pem -out key.p8` makes one that is",
        )),
    }
}

/// The private key without encryption, as signing takes it. The cause of a failure would be about
/// bytes of the key, so there is none.
pub(super) fn open_key(pem: &Secret, passphrase: Option<&Secret>) -> Option<SecretString> {
    let encrypted = pem.reveal().contains("BEGIN ENCRYPTED PRIVATE KEY");
    let passphrase = passphrase.filter(|_| encrypted);
    let locked = ConnectionConfig {
        private_key: Some(pem.reveal().into()),
        private_key_file_pwd: passphrase.map(|it| it.reveal().into()),
        ..ConnectionConfig::default()
    };
    locked.resolve_private_key().ok().flatten()
}

#[cfg(test)]
mod tests;
