//! The emulator as a program: bound to an address, until it is stopped.

use super::{
    service::{Service, answer},
    statement::{Finished, Limits},
    token::Tokens,
};
use crate::{
    engine::{self, Engine},
    refresh::timekeeping::keep_fresh,
};
use axum::{Router, serve::ListenerExt as _};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How long [`Emulator::stop`] lets requests come to their end.
const STOP_WAIT_MAX: Duration = Duration::from_secs(5);

/// What is left for replies of requests that did not.
const STOP_WAIT_REST: Duration = Duration::from_millis(500);

/// How an emulator is run.
#[derive(Clone)]
pub struct EmulatorSettings {
    pub engine: engine::Settings,
    /// Loopback only. Port 0 takes a free one.
    pub address: SocketAddr,
    /// How long a request waits for its statement before it is told that it is in progress.
    pub hold: Duration,
    /// About how large a result may be inline, and each chunk of a larger one, before packing.
    pub chunk_bytes: usize,
    /// Names and passwords; anyone is let in where there are none.
    pub users: Option<BTreeMap<String, String>>,
}

impl Default for EmulatorSettings {
    fn default() -> Self {
        Self {
            engine: engine::Settings::default(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            // As the service holds requests.
            hold: Duration::from_secs(45),
            chunk_bytes: 10_000_000,
            users: None,
        }
    }
}

/// Without passwords.
impl fmt::Debug for EmulatorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorSettings")
            .field("engine", &self.engine)
            .field("address", &self.address)
            .field("hold", &self.hold)
            .field("chunk_bytes", &self.chunk_bytes)
            .field("users", &self.users.as_ref().map(|it| it.keys().collect::<Vec<_>>()))
            .finish()
    }
}

/// A running emulator. Dropped, it ends at once; [`Emulator::stop`] lets requests end well.
pub struct Emulator {
    service: Arc<Service>,
    /// No new connections.
    stopping: watch::Sender<bool>,
    /// No more waiting either.
    closing: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
    /// Refreshes what is due.
    refreshing: JoinHandle<()>,
}

impl Emulator {
    /// Starts to listen. Needs a Tokio runtime.
    ///
    /// Fails if the address cannot be bound, and refuses all but loopback addresses.
    pub async fn start(settings: EmulatorSettings) -> io::Result<Self> {
        let EmulatorSettings { engine, address, hold, chunk_bytes, users } = settings;
        if !address.ip().to_canonical().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "`{}` is not a loopback address: the emulator lets in whoever reaches it, \
                     with no proof of who it is; listen on 127.0.0.1 and use a tunnel",
                    address.ip()
                ),
            ));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stopping, mut stopped) = watch::channel(false);
        let (closing, closed) = watch::channel(false);
        let service = Arc::new(Service {
            engine: Engine::new(engine),
            address,
            hold,
            chunk_bytes,
            users,
            clients: Tokens::default(),
            finished_of_closed: Mutex::new(Finished::new(Limits::default())),
            chunks: Mutex::new(HashMap::new()),
            closing: closed,
        });
        let router = Router::new().fallback(answer).with_state(service.clone());
        let listener = listener.tap_io(|stream| {
            // A reply is one write, and must not wait for an acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            // An error is the emulator being dropped, which means the same.
            let _ = stopped.wait_for(|it| *it).await;
        });
        let server = tokio::spawn(serving.into_future());
        let refreshing = tokio::spawn(keep_fresh(Arc::downgrade(&service.engine)));
        Ok(Self { service, stopping, closing, server, refreshing })
    }

    /// Where it listens, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.service.address
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.service.engine
    }

    /// Makes all clients renew their sessions: their next requests answer `390112`.
    pub fn expire_session_tokens(&self) {
        self.service.clients.expire_session_tokens(Instant::now());
    }

    /// Stops listening, cancels what runs, and ends after all replies are sent, or after about
    /// five seconds.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        self.refreshing.abort();
        let clients = self.service.clients.all();
        for client in &clients {
            self.service.close(client);
        }
        if tokio::time::timeout(STOP_WAIT_MAX, &mut self.server).await.is_err() {
            self.closing.send_replace(true);
            let _ = tokio::time::timeout(STOP_WAIT_REST, &mut self.server).await;
            self.server.abort();
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.refreshing.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_that_others_can_reach_are_refused() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let address = address.parse().expect("an address");
            let settings = EmulatorSettings { address, ..EmulatorSettings::default() };
            let error = Emulator::start(settings).await.err().expect("a refusal");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("no proof of who it is"), "{error}");
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let users = BTreeMap::from([("ann".to_owned(), "secret".to_owned())]);
        let settings = EmulatorSettings { users: Some(users), ..EmulatorSettings::default() };
        let printed = format!("{settings:?}");
        assert!(printed.contains("ann") && !printed.contains("secret"), "{printed}");
    }
}
