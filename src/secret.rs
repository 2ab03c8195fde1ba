//! Values that must not reach a log, a report, a fixture or an error message.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A value that must not be shown.
///
/// It has no `Display`, `Serialize` or `Deref`, on purpose: each of them lets the value out
/// without a word in the code that a reviewer could stop at. `reveal` is that word.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The second net: blanks known secrets in text that others wrote, such as server messages, as
/// it leaves the process. It knows them as they are, not encoded or cut.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
}

impl Redactor {
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        // An unset variable gives an empty secret, which would match between any two letters.
        let mut secrets: Vec<Secret> =
            secrets.into_iter().filter(|it| !it.reveal().is_empty()).collect();
        // Longest first, so that a secret containing another one is blanked whole.
        secrets.sort_by_key(|it| std::cmp::Reverse((it.reveal().len(), it.reveal().to_owned())));
        secrets.dedup();
        Self { secrets }
    }

    /// Knows these too.
    pub fn and(&self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self::new(self.secrets.iter().cloned().chain(secrets))
    }

    /// The secrets themselves, for a search that goes further than [`Self::redact`].
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrets.iter().fold(Cow::Borrowed(text), |text, secret| {
            match text.contains(secret.reveal()) {
                true => Cow::Owned(text.replace(secret.reveal(), "<redacted>")),
                false => text,
            }
        })
    }
}

/// Secrets that become known while a program runs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    secrets: Arc<Mutex<Vec<Secret>>>,
}

impl Vault {
    pub fn put(&self, secrets: impl IntoIterator<Item = Secret>) {
        let mut known = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            if !known.contains(&secret) {
                known.push(secret);
            }
        }
    }

    /// In the order they came: a later answer begins with an earlier one.
    pub fn secrets(&self) -> Vec<Secret> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_every_secret_and_nothing_else() {
        let redactor = Redactor::new(["hunter2", "hunter2-prod", ""].map(Secret::new));
        let text = "login failed for ada:hunter2-prod (was hunter2)";

        assert_eq!(redactor.redact(text), "login failed for ada:<redacted> (was <redacted>)");
        assert_eq!(redactor.redact("select 1"), "select 1");
        let both = redactor.and(["ada", "hunter2"].map(Secret::new));
        assert_eq!(both.redact(text).matches("<redacted>").count(), 3);
        assert_eq!(both.secrets().len(), 3);
        assert_eq!(format!("{redactor:?}"), "Redactor { secrets: [<redacted>, <redacted>] }");
    }
}
