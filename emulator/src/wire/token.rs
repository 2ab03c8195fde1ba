//! Who a request comes from: session tokens, master tokens, and what each refusal says.
//!
//! Holds anything as a session, and is told the time, so that expiry is tested without waiting.

use parking_lot::RwLock;
use rand::{TryRngCore as _, rngs::OsRng};
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// As long as the service's own.
pub const SESSION_VALIDITY: Duration = Duration::from_secs(3600);
pub const MASTER_VALIDITY: Duration = Duration::from_secs(14_400);

/// Session tokens that one session has at a time. An older one may still be in a request on its
/// way when it is renewed; those beyond this number are forgotten.
const SESSION_TOKENS_MAX: usize = 8;

/// Closed sessions whose tokens are still known, so that they can be told they are gone.
const CLOSED_MAX: usize = 1024;

/// Why a token does not open the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Never issued here, or of the other kind.
    Invalid,
    /// The session was closed.
    Gone,
    /// To be renewed with the master token.
    Expired,
    MasterInvalid,
    /// To log in again.
    MasterExpired,
}

impl Refusal {
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "390104",
            Self::Gone => "390111",
            Self::Expired => "390112",
            Self::MasterInvalid => "390113",
            Self::MasterExpired => "390114",
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::Invalid => "Authentication token is invalid. Please login again.",
            Self::Gone => "Session no longer exists.  New login required to access the service.",
            Self::Expired => "Your session has expired. Please login again.",
            Self::MasterInvalid => "Master token is invalid. Please login again.",
            Self::MasterExpired => {
                "Authentication token has expired.  The user must authenticate again."
            }
        }
    }
}

/// The tokens of a login or a renewal.
#[derive(Clone)]
pub struct Issued {
    pub session_id: i64,
    pub session: String,
    pub master: String,
}

/// Every open session and its tokens.
pub struct Tokens<T> {
    inner: RwLock<Inner<T>>,
}

struct Inner<T> {
    sessions: HashMap<i64, Entry<T>>,
    /// Session tokens and master tokens.
    tokens: HashMap<String, Token>,
    closed: VecDeque<Vec<String>>,
}

struct Entry<T> {
    value: Arc<T>,
    /// Oldest first.
    session_tokens: VecDeque<String>,
    master: String,
    master_expires_at: Instant,
}

#[derive(Clone, Copy)]
enum Token {
    Session { session_id: i64, expires_at: Instant },
    Master { session_id: i64 },
    Closed,
}

impl<T> Default for Tokens<T> {
    fn default() -> Self {
        Self {
            inner: RwLock::new(Inner {
                sessions: HashMap::new(),
                tokens: HashMap::new(),
                closed: VecDeque::new(),
            }),
        }
    }
}

impl<T> Tokens<T> {
    /// Opens a session. Fails if the machine has no randomness to give.
    pub fn open(&self, session_id: i64, value: Arc<T>, now: Instant) -> io::Result<Issued> {
        let issued = Issued { session_id, session: random()?, master: random()? };
        let mut inner = self.inner.write();
        inner.tokens.insert(issued.session.clone(), session_token(session_id, now));
        inner.tokens.insert(issued.master.clone(), Token::Master { session_id });
        let entry = Entry {
            value,
            session_tokens: VecDeque::from([issued.session.clone()]),
            master: issued.master.clone(),
            master_expires_at: now + MASTER_VALIDITY,
        };
        inner.sessions.insert(session_id, entry);
        Ok(issued)
    }

    /// The session that a session token belongs to.
    pub fn session(&self, token: &str, now: Instant) -> Result<Arc<T>, Refusal> {
        let inner = self.inner.read();
        match inner.tokens.get(token) {
            Some(Token::Session { expires_at, .. }) if *expires_at <= now => Err(Refusal::Expired),
            Some(Token::Session { session_id, .. }) => {
                inner.sessions.get(session_id).map(|it| it.value.clone()).ok_or(Refusal::Gone)
            }
            Some(Token::Closed) => Err(Refusal::Gone),
            Some(Token::Master { .. }) | None => Err(Refusal::Invalid),
        }
    }

    /// A new session token for the session of a master token. Earlier ones stay valid until
    /// their own end, for requests on their way.
    pub fn renew(&self, master: &str, now: Instant) -> io::Result<Result<Issued, Refusal>> {
        let session = random()?;
        let mut inner = self.inner.write();
        let inner = &mut *inner;
        let session_id = match inner.tokens.get(master) {
            Some(Token::Master { session_id }) => *session_id,
            Some(Token::Closed) => return Ok(Err(Refusal::Gone)),
            Some(Token::Session { .. }) | None => return Ok(Err(Refusal::MasterInvalid)),
        };
        let Some(entry) = inner.sessions.get_mut(&session_id) else {
            return Ok(Err(Refusal::Gone));
        };
        if entry.master_expires_at <= now {
            return Ok(Err(Refusal::MasterExpired));
        }
        entry.master_expires_at = now + MASTER_VALIDITY;
        entry.session_tokens.push_back(session.clone());
        if entry.session_tokens.len() > SESSION_TOKENS_MAX
            && let Some(oldest) = entry.session_tokens.pop_front()
        {
            inner.tokens.remove(&oldest);
        }
        let issued = Issued { session_id, session, master: entry.master.clone() };
        inner.tokens.insert(issued.session.clone(), session_token(session_id, now));
        Ok(Ok(issued))
    }

    /// A sign of life: the session and its master token live on.
    pub fn extend(&self, token: &str, now: Instant) -> Result<(), Refusal> {
        self.session(token, now)?;
        let mut inner = self.inner.write();
        let inner = &mut *inner;
        if let Some(Token::Session { session_id, expires_at }) = inner.tokens.get_mut(token) {
            *expires_at = now + SESSION_VALIDITY;
            if let Some(entry) = inner.sessions.get_mut(session_id) {
                entry.master_expires_at = now + MASTER_VALIDITY;
            }
        }
        Ok(())
    }

    /// Closes the session of a session token. An expired token may still close it.
    pub fn close(&self, token: &str) -> Result<Arc<T>, Refusal> {
        let mut inner = self.inner.write();
        let session_id = match inner.tokens.get(token) {
            Some(Token::Session { session_id, .. }) => *session_id,
            Some(Token::Closed) => return Err(Refusal::Gone),
            Some(Token::Master { .. }) | None => return Err(Refusal::Invalid),
        };
        inner.close(session_id).ok_or(Refusal::Gone)
    }

    /// Closes what nobody has renewed in time.
    pub fn sweep(&self, now: Instant) -> Vec<Arc<T>> {
        let over = |inner: &Inner<T>| -> Vec<i64> {
            let expired = inner.sessions.iter().filter(|(_, it)| it.master_expires_at <= now);
            expired.map(|(id, _)| *id).collect()
        };
        if over(&self.inner.read()).is_empty() {
            return Vec::new();
        }
        let mut inner = self.inner.write();
        over(&inner).into_iter().filter_map(|id| inner.close(id)).collect()
    }

    /// Makes every session token of now answer `390112`. Master tokens stay valid.
    pub fn expire_session_tokens(&self, now: Instant) {
        for token in self.inner.write().tokens.values_mut() {
            if let Token::Session { expires_at, .. } = token {
                *expires_at = now;
            }
        }
    }

    /// Every open session.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.inner.read().sessions.values().map(|it| it.value.clone()).collect()
    }
}

impl<T> Inner<T> {
    fn close(&mut self, session_id: i64) -> Option<Arc<T>> {
        let entry = self.sessions.remove(&session_id)?;
        let mut tokens: Vec<String> = entry.session_tokens.into();
        tokens.push(entry.master);
        for token in &tokens {
            self.tokens.insert(token.clone(), Token::Closed);
        }
        self.closed.push_back(tokens);
        if self.closed.len() > CLOSED_MAX {
            for token in self.closed.pop_front().into_iter().flatten() {
                self.tokens.remove(&token);
            }
        }
        Some(entry.value)
    }
}

fn session_token(session_id: i64, now: Instant) -> Token {
    Token::Session { session_id, expires_at: now + SESSION_VALIDITY }
}

/// 256 random bits in hexadecimal.
fn random() -> io::Result<String> {
    let mut bytes = [0u8; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|it| format!("{it:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(tokens: &Tokens<&'static str>, id: i64, now: Instant) -> Issued {
        tokens.open(id, Arc::new("session"), now).expect("randomness")
    }

    fn renew(tokens: &Tokens<&'static str>, master: &str, now: Instant) -> Result<Issued, Refusal> {
        tokens.renew(master, now).expect("randomness")
    }

    #[test]
    fn a_token_opens_its_session_until_it_expires() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let issued = open(&tokens, 1, now);
        assert!(tokens.session(&issued.session, now).is_ok());
        let later = now + SESSION_VALIDITY;
        assert_eq!(tokens.session(&issued.session, later).err(), Some(Refusal::Expired));
    }

    #[test]
    fn unknown_tokens_and_master_tokens_are_invalid_as_session_tokens() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let issued = open(&tokens, 1, now);
        for token in ["", "None", &issued.master] {
            assert_eq!(tokens.session(token, now).err(), Some(Refusal::Invalid), "{token}");
        }
        assert_eq!(renew(&tokens, &issued.session, now).err(), Some(Refusal::MasterInvalid));
    }

    #[test]
    fn renewal_gives_the_same_session_another_token() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let first = open(&tokens, 7, now);
        tokens.expire_session_tokens(now);
        assert_eq!(tokens.session(&first.session, now).err(), Some(Refusal::Expired));
        let second = renew(&tokens, &first.master, now).expect("a renewal");
        assert_ne!(first.session, second.session);
        assert_eq!(second.session_id, 7);
        assert!(tokens.session(&second.session, now).is_ok());
    }

    #[test]
    fn a_master_token_expires_unless_the_session_gives_signs_of_life() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let (idle, alive) = (open(&tokens, 1, now), open(&tokens, 2, now));
        tokens.extend(&alive.session, now + Duration::from_secs(60)).expect("an open session");
        let later = now + MASTER_VALIDITY;
        assert_eq!(renew(&tokens, &idle.master, later).err(), Some(Refusal::MasterExpired));
        assert_eq!(tokens.sweep(later).len(), 1);
        assert_eq!(renew(&tokens, &idle.master, later).err(), Some(Refusal::Gone));
        assert!(renew(&tokens, &alive.master, later).is_ok());
    }

    #[test]
    fn a_closed_session_is_gone_for_all_its_tokens() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let issued = open(&tokens, 1, now);
        assert!(tokens.close(&issued.session).is_ok());
        assert_eq!(tokens.session(&issued.session, now).err(), Some(Refusal::Gone));
        assert_eq!(renew(&tokens, &issued.master, now).err(), Some(Refusal::Gone));
        assert_eq!(tokens.close(&issued.session).err(), Some(Refusal::Gone));
        assert!(tokens.all().is_empty());
    }

    #[test]
    fn tokens_of_one_session_and_of_closed_ones_do_not_grow_without_bound() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let issued = open(&tokens, 1, now);
        for _ in 0..100 {
            renew(&tokens, &issued.master, now).expect("a renewal");
        }
        assert_eq!(tokens.inner.read().tokens.len(), SESSION_TOKENS_MAX + 1);
        for id in 2..(CLOSED_MAX as i64 + 100) {
            let issued = open(&tokens, id, now);
            assert!(tokens.close(&issued.session).is_ok());
        }
        assert!(tokens.inner.read().tokens.len() <= CLOSED_MAX * 2 + SESSION_TOKENS_MAX + 1);
    }
}
