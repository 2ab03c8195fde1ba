use super::*;
use std::path::PathBuf;

/// A user's folder, gone when the test is.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("snowgauge-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            make_private(&file);
        }
        Self { path }
    }
}

#[cfg(unix)]
fn make_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn make_private(_file: &Path) {}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Loads a connection and shows it with its warnings, or all errors with their hints. The folder
/// is written `~`.
fn load(files: &[(&str, &str)], variables: &[(&str, &str)], name: Option<&str>) -> String {
    let home = Home::new(files);
    let env = |asked: &str| {
        variables.iter().find(|(it, _)| *it == asked).map(|(_, value)| (*value).to_owned())
    };
    let lines: Vec<String> = match Connection::load(name, &env, &home.path) {
        Ok(it) => {
            let auth = match &it.auth {
                Auth::Password { password, passcode } => {
                    let passcode = passcode.as_ref().map(|it| format!(" + {}", it.reveal()));
                    format!("password {}{}", password.reveal(), passcode.unwrap_or_default())
                }
                Auth::PasswordMfa { password, .. } => format!("mfa {}", password.reveal()),
                Auth::KeyPair { .. } => "key pair".to_owned(),
                Auth::OAuth { token } => format!("oauth {}", token.reveal()),
                Auth::AccessToken { token } => format!("access token {}", token.reveal()),
            };
            let url = it.base_url().unwrap();
            let objects = [&it.database, &it.schema, &it.warehouse, &it.role];
            let objects: Vec<_> = objects.iter().map(|it| it.as_deref().unwrap_or("-")).collect();
            let first = format!(
                "{}: {} {} {url} {} {auth}",
                it.name,
                it.account,
                it.user,
                objects.join(".")
            );
            std::iter::once(first).chain(it.warnings).collect()
        }
        Err(errors) => errors
            .iter()
            .flat_map(|it| {
                std::iter::once(it.to_string()).chain(it.hint.as_ref().map(|it| format!("  {it}")))
            })
            .collect(),
    };
    lines.join("\n").replace(&home.path.display().to_string(), "~")
}

#[track_caller]
fn check(files: &[(&str, &str)], variables: &[(&str, &str)], name: Option<&str>, expected: &str) {
    assert_eq!(load(files, variables, name), expected);
}

const TWO: &str = "\
[default]
account = 'acme-dev'
user = 'ada'
password = 'secret-1'

[prod]
account = 'acme-prod'
user = 'grace'
password = 'secret-2'
database = 'd'
schema = 's'
warehouse = 'w'
role = 'r'
";

#[test]
fn connections_are_read_by_name() {
    let files = [(".snowflake/connections.toml", TWO)];
    check(
        &files,
        &[],
        None,
        "default: acme-dev ada https://acme-dev.snowflakecomputing.com/ -.-.-.- password secret-1",
    );
    let prod =
        "prod: acme-prod grace https://acme-prod.snowflakecomputing.com/ d.s.w.r password secret-2";
    check(&files, &[], Some("prod"), prod);
    check(&files, &[("SNOWFLAKE_DEFAULT_CONNECTION_NAME", "prod")], None, prod);
}

#[test]
fn connections_toml_replaces_the_table_in_config_toml() {
    let config = "\
default_connection_name = 'b'
[cli.logs]
path = '/tmp'
[connections.b]
account = 'from-config'
user = 'u'
password = 'p'
";
    let from_config =
        "b: from-config u https://from-config.snowflakecomputing.com/ -.-.-.- password p";
    check(&[(".config/snowflake/config.toml", config)], &[], None, from_config);
    let connections = "[b]\naccount = 'other'\nuser = 'u'\npassword = 'p'\n";
    check(
        &[
            (".config/snowflake/config.toml", config),
            (".config/snowflake/connections.toml", connections),
        ],
        &[],
        None,
        "b: other u https://other.snowflakecomputing.com/ -.-.-.- password p",
    );
}

#[test]
fn own_variables_go_over_the_file_and_general_ones_under_it() {
    check(
        &[(".snowflake/connections.toml", TWO)],
        &[
            ("SNOWFLAKE_CONNECTIONS_PROD_PASSWORD", "secret-3"),
            ("SNOWFLAKE_CONNECTIONS_PROD_ROLE", "other"),
            ("SNOWFLAKE_USER", "nobody"),
            ("SNOWFLAKE_PRIVATE_KEY_PATH", "/nowhere"),
            ("SNOWFLAKE_HOST", "host.example"),
        ],
        Some("prod"),
        "prod: acme-prod grace https://host.example/ d.s.w.other password secret-3",
    );
}

#[test]
fn variables_alone_are_enough() {
    check(
        &[],
        &[
            ("SNOWFLAKE_ACCOUNT", "acme.eu-west-1"),
            ("SNOWFLAKE_USER", "ci"),
            ("SNOWFLAKE_AUTHENTICATOR", "programmatic_access_token"),
            ("SNOWFLAKE_TOKEN", "token-1\n"),
        ],
        None,
        "environment: acme.eu-west-1 ci https://acme.eu-west-1.snowflakecomputing.com/ -.-.-.- \
         access token token-1",
    );
}

#[test]
fn the_folder_is_the_connectors_own() {
    let variables = [("SNOWFLAKE_HOME", "~/elsewhere")];
    let expected = "default: acme-dev ada https://acme-dev.snowflakecomputing.com/ -.-.-.- \
                    password secret-1";
    check(&[("elsewhere/connections.toml", TWO)], &variables, None, expected);
    check(
        &[(".config/snowflake/connections.toml", TWO)],
        &variables,
        None,
        &format!("{expected}\nSNOWFLAKE_HOME: there is no folder `~/elsewhere`"),
    );
}

#[test]
fn an_unknown_name_gives_those_that_exist() {
    let files = [(".snowflake/connections.toml", TWO)];
    check(
        &files,
        &[],
        Some("prd"),
        "~/.snowflake/connections.toml: no connection `prd`; there are `default`, `prod`\n  \
         did you mean `prod`?",
    );
    let expected = "~/.config/snowflake/connections.toml: no connections\n  \
                    `snow connection add` makes one; SNOWFLAKE_ACCOUNT and SNOWFLAKE_USER do \
                    without a file";
    check(&[], &[], None, expected);
}

#[test]
fn unknown_keys_are_tolerated_and_said() {
    check(
        &[(
            ".snowflake/connections.toml",
            "[default]\naccount = 'a'\nuser = 'u'\npassword = 'p'\nwarehous = 'w'\n\
             session_parameters = { A = 1 }\n",
        )],
        &[],
        None,
        "default: a u https://a.snowflakecomputing.com/ -.-.-.- password p\n\
         ~/.snowflake/connections.toml:6:1: `session_parameters` is not used\n\
         ~/.snowflake/connections.toml:5:1: `warehous` is not used; did you mean `warehouse`?",
    );
}

#[test]
fn a_missing_key_is_looked_for_among_the_misspelt_ones() {
    let text = "[default]\naccount = 'a'\nuser = 'u'\npasword = 'p'\nsession_parameters = 1\n";
    let shown = load(&[(".snowflake/connections.toml", text)], &[], None);
    assert_eq!(
        shown,
        "connection `default` has no `password`, `private_key_file` or `token`\n\
         ~/.snowflake/connections.toml:4:1: `pasword` is not used\n  did you mean `password`?"
    );
}

#[test]
fn syntax_errors_have_a_place_and_never_the_line() {
    let shown = load(
        &[(".snowflake/connections.toml", "[default]\npassword = 'hunter2\nuser = = 'u'\n")],
        &[],
        None,
    );
    assert!(shown.starts_with("~/.snowflake/connections.toml:2:"), "{shown}");
    assert!(shown.contains("\n~/.snowflake/connections.toml:3:"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    check(
        &[(
            ".snowflake/connections.toml",
            "[default]\nport = 'x'\nprotocol = 'ftp'\nauthenticator = 'externalbrowser'\n",
        )],
        &[],
        None,
        "connection `default` has no `account`\n\
         connection `default` has no `user`\n\
         ~/.snowflake/connections.toml:2:1: `x` is no port: a number from 1 to 65535\n\
         ~/.snowflake/connections.toml:3:1: `ftp` is no protocol: `https` or `http`\n\
         ~/.snowflake/connections.toml:4:1: authenticator `externalbrowser` is not supported\n  \
         a run has nobody to click: use SNOWFLAKE_JWT, PROGRAMMATIC_ACCESS_TOKEN, OAUTH, \
         SNOWFLAKE or USERNAME_PASSWORD_MFA",
    );
}

#[test]
fn plain_http_stays_on_this_machine() {
    let connection = |rest: &str| {
        format!("[default]\naccount = 'a'\nuser = 'u'\npassword = 'p'\nprotocol = 'http'\n{rest}\n")
    };
    let check_url = |rest: &str, expected: &str| {
        check(&[(".snowflake/connections.toml", &connection(rest))], &[], None, expected);
    };
    for (host, url) in [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]")] {
        check_url(
            &format!("host = '{host}'\nport = 8080"),
            &format!("default: a u http://{url}:8080/ -.-.-.- password p"),
        );
    }
    check_url(
        "host = '10.0.0.5'",
        "default: `protocol = \"http\"` would send secrets to `10.0.0.5` in the clear\n  \
         remove `protocol`, or set `insecure_http = true` if the way there is safe",
    );
    check_url(
        "host = '10.0.0.5'\ninsecure_http = true",
        "default: a u http://10.0.0.5/ -.-.-.- password p",
    );
}

#[test]
fn each_way_to_log_in_is_read() {
    let check_auth = |rest: &str, expected: &str| {
        let text = format!("[default]\naccount = 'a'\nuser = 'u'\n{rest}\n");
        let files = [
            (".snowflake/connections.toml", text.as_str()),
            ("key.p8", "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n"),
            ("locked.p8", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nxx\n"),
            ("old.pem", "-----BEGIN RSA PRIVATE KEY-----\nxx\n"),
            ("token", "token-2\n"),
        ];
        let shown = load(&files, &[], None);
        let shown = shown.replace("default: a u https://a.snowflakecomputing.com/ -.-.-.- ", "");
        assert_eq!(shown.replace("~/.snowflake/connections.toml", "FILE"), expected, "{rest}");
    };
    check_auth("password = 'p'\npasscode = '123456'", "password p + 123456");
    check_auth("authenticator = 'username_password_mfa'\npassword = 'p'", "mfa p");
    check_auth("private_key_file = '~/key.p8'\npassword = 'p'", "key pair");
    check_auth("private_key_path = '~/key.p8'\nauthenticator = 'SNOWFLAKE_JWT'", "key pair");
    check_auth("token = 'token-1'\nauthenticator = 'oauth'", "oauth token-1");
    check_auth("token_file_path = '~/token'\nauthenticator = 'PAT'", "access token token-2");
    check_auth(
        "token = 'token-1'",
        "connection `default` has a token of unknown kind\n  \
         set `authenticator` to `PROGRAMMATIC_ACCESS_TOKEN` or `OAUTH`",
    );
    check_auth("", "connection `default` has no `password`, `private_key_file` or `token`");
    check_auth(
        "private_key_file = '~/locked.p8'",
        "FILE:4:1: the private key is encrypted and no passphrase is given\n  \
         set `private_key_passphrase`, or SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
    );
    check_auth(
        "private_key_file = '~/locked.p8'\nprivate_key_file_pwd = 'x'",
        "FILE:4:1: the passphrase does not open the private key\n  \
         check `private_key_passphrase`",
    );
    check_auth(
        "private_key_file = '~/old.pem'",
        "FILE:4:1: the private key is not in PKCS#8 format\n  \
         `openssl pkcs8 -topk8 -nocrypt -in key.pem -out key.p8` makes one that is",
    );
    check_auth(
        "private_key_file = '~/none.p8'",
        "FILE:4:1: cannot read `~/none.p8`: No such file or directory (os error 2)",
    );
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_said() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new(&[(".snowflake/connections.toml", TWO)]);
    let file = home.path.join(".snowflake/connections.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let connection = Connection::load(None, &|_| None, &home.path).unwrap();
    let expected =
        format!("{0}: others can read it (mode 644); try `chmod 600 {0}`", file.display());
    assert_eq!(connection.warnings, [expected]);
}

#[test]
fn secrets_are_not_shown_and_can_be_blanked() {
    let home = Home::new(&[(".snowflake/connections.toml", TWO)]);
    let connection = Connection::load(None, &|_| None, &home.path).unwrap();
    assert!(!format!("{connection:?}").contains("secret-1"));
    assert_eq!(connection.redactor().redact("ada:secret-1"), "ada:<redacted>");
}

#[test]
fn a_connection_says_what_tells_it() {
    let mut connection = Connection::loopback("127.0.0.1:9".parse().unwrap());
    connection.database = Some("\"My Data\"".to_owned());
    connection.role = Some(String::new());
    let expected = [
        ("account", "local"),
        ("user", "snowgauge"),
        ("host", "127.0.0.1"),
        ("database", "My Data"),
    ];
    assert_eq!(connection.identifiers(), expected.map(|(kind, it)| (kind, it.to_owned())));
}
