//! A relay between a node and its engine, which does to their bytes what a bad network does.
//!
//! Each direction has its own fault, and the test says when it begins and ends. What is swallowed is not lost for
//! good: as with TCP over a network that comes back, it arrives late.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often a direction that does nothing looks whether it is to do something.
const LOOK: Duration = Duration::from_millis(2);

/// What is done to the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// They are held back for as long as this is so. Nobody is told.
    Swallow,
    /// They come so much later.
    Delay(Duration),
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToEngine = 0,
    ToNode = 1,
}

#[derive(Default)]
struct Shared {
    faults: Mutex<[Option<Fault>; 2]>,
    /// New connections are closed at once, and there are no old ones.
    is_cut: AtomicBool,
    is_over: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn fault(&self, way: Way) -> Fault {
        self.faults.lock().unwrap()[way as usize].unwrap_or(Fault::None)
    }

    fn close_all(&self) {
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A running relay. Over when dropped.
pub(crate) struct Relay {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// Begins to relay to a port of this machine.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), shared: Arc::default() };
        let shared = relay.shared.clone();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                if !shared.is_cut.load(Ordering::SeqCst) {
                    begin(&shared, socket, SocketAddr::from(([127, 0, 0, 1], port)));
                }
            }
        });
        relay
    }

    /// Ends all connections, and lets none be.
    pub(crate) fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        self.shared.close_all();
    }

    /// From here on this is done to the bytes of one direction.
    pub(crate) fn fault(&self, way: Way, fault: Fault) {
        self.shared.faults.lock().unwrap()[way as usize] = Some(fault);
    }

    /// All is well again.
    pub(crate) fn heal(&self) {
        self.fault(Way::ToEngine, Fault::None);
        self.fault(Way::ToNode, Fault::None);
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.close_all();
        // The listener learns it by one more connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn begin(shared: &Arc<Shared>, node: TcpStream, engine: SocketAddr) {
    let Ok(engine) = TcpStream::connect(engine) else { return };
    for (from, to, way) in [(&node, &engine, Way::ToEngine), (&engine, &node, Way::ToNode)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        to.set_nodelay(true).unwrap();
        from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let shared = shared.clone();
        thread::spawn(move || pass(&shared, from, to, way));
    }
    let mut sockets = shared.sockets.lock().unwrap();
    sockets.extend([node, engine]);
}

/// Passes bytes on until either end is over.
fn pass(shared: &Shared, mut from: TcpStream, mut to: TcpStream, way: Way) {
    let mut bytes = vec![0; 65_536];
    while !shared.is_over.load(Ordering::SeqCst) {
        let count = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => break,
        };
        if let Fault::Delay(time) = shared.fault(way) {
            thread::sleep(time);
        }
        while shared.fault(way) == Fault::Swallow && !shared.is_over.load(Ordering::SeqCst) {
            thread::sleep(LOOK);
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
