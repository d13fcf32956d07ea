//! One connection to an engine.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use futures_util::FutureExt;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::{Address, Host};
use super::error::{StartError, TryError};
use super::{CONNECT_TIME, HELD, LEAST_PAYLOAD, MAX_GREETING};

/// The client looks so often by itself whether the engine is there, and ends a third of such times later: that
/// ends a connection that was given up here and has more to write than the kernel takes.
const PING_TIME: Duration = Duration::from_secs(2);

/// Nothing listens on it, on any machine: where the client is told to find the engine after the first time.
const NOWHERE: &str = "nats://127.0.0.1:0";

/// Connects to one address.
pub(super) async fn connect(address: &Address, node: &str) -> Result<Client, TryError> {
    let passing = |why: &str| TryError::Passing(why.to_owned());
    let tried = timeout(CONNECT_TIME, async {
        greet(address).await?;
        open(address, node).await
    });
    tried.await.unwrap_or_else(|_| Err(passing("no answer")))
}

/// Reads how the engine greets. One that demands TLS would have the client panic.
async fn greet(address: &Address) -> Result<(), TryError> {
    let failed = |error: std::io::Error| TryError::Passing(error.to_string());
    let socket = match &address.host {
        Host::Ip(ip) => TcpStream::connect((*ip, address.port)).await,
        Host::Name(name) => TcpStream::connect((name.as_str(), address.port)).await,
    };
    let mut line = Vec::new();
    let mut socket = BufReader::new(socket.map_err(failed)?.take(MAX_GREETING));
    socket.read_until(b'\n', &mut line).await.map_err(failed)?;
    let other = || TryError::Passing("what answers there is no nats-server".to_owned());
    let greeting = line.strip_prefix(b"INFO ").ok_or_else(other)?;
    let greeting: Value = serde_json::from_slice(greeting).map_err(|_| other())?;
    if greeting.get("tls_required").and_then(Value::as_bool) == Some(true) {
        return Err(TryError::Lasting(StartError::Tls(address.clone())));
    }
    match greeting.get("max_payload").and_then(Value::as_u64) {
        Some(most) if most < LEAST_PAYLOAD => {
            Err(TryError::Lasting(StartError::Payload { address: address.clone(), most }))
        }
        _ => Ok(()),
    }
}

async fn open(address: &Address, node: &str) -> Result<Client, TryError> {
    let failed = |error: &dyn std::fmt::Display| TryError::Passing(error.to_string());
    let mut options = ConnectOptions::new()
        .name(format!("lobbyd {node}"))
        .ignore_discovered_servers()
        .max_reconnects(1)
        .reconnect_delay_callback(|_| Duration::ZERO)
        .connection_timeout(CONNECT_TIME)
        .ping_interval(PING_TIME)
        .subscription_capacity(HELD);
    if let Some(login) = &address.login {
        let (user, password) = (login.user.expose().to_owned(), login.password.expose().to_owned());
        options = options.user_and_password(user, password);
    }
    let place: ServerAddr = address.to_string().parse().map_err(|error| failed(&error))?;
    // It may have come to demand TLS since it has greeted.
    let connecting = AssertUnwindSafe(options.connect(place)).catch_unwind();
    let client = match connecting.await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => {
            return Err(match error.kind() {
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    let address = address.clone();
                    TryError::Lasting(match address.login {
                        Some(_) => StartError::Password(address),
                        None => StartError::NoLogin(address),
                    })
                }
                _ => failed(&error),
            });
        }
        Err(_) => return Err(TryError::Lasting(StartError::Tls(address.clone()))),
    };
    // From here on a loss is the end of this client.
    client.set_server_pool(NOWHERE).await.map_err(|error| failed(&error))?;
    Ok(client)
}
