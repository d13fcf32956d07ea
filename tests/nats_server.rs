//! A real nats-server, as the engine of a cluster.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Folder, PATIENCE, free_port};
use crate::installed::have;

/// A nats-server of a test's own. Killed when dropped.
pub(crate) struct NatsServer {
    child: Option<Child>,
    pub(crate) folder: Folder,
    pub(crate) port: u16,
    configuration: String,
}

impl NatsServer {
    /// Starts one that keeps what it is given; none, and it is said so, where none is installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("jetstream { store_dir: STORE }")
    }

    /// Starts one with these lines in its configuration, in which STORE stands for its folder.
    pub(crate) fn start_with(configuration: &str) -> Option<Self> {
        Self::start_at(free_port(), configuration)
    }

    /// The same, at a port that is free.
    pub(crate) fn start_at(port: u16, configuration: &str) -> Option<Self> {
        if !have(&["nats-server"]) {
            return None;
        }
        let folder = Folder::new();
        let mut server = Self { child: None, folder, port, configuration: String::new() };
        server.configure(configuration);
        server.run();
        Some(server)
    }

    /// One that ends with this process, whoever has it then.
    pub(crate) fn of_all_tests() -> Option<Self> {
        let mut server = Self::start()?;
        server.kill();
        // The shell's input ends with this process.
        let script = r#"nats-server -c "$1" & read -r _; kill -9 $!; rm -rf "$2""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(server.file()).arg(server.folder.path());
        server.run_by(shell.stdin(Stdio::piped()));
        Some(server)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("nats.conf")
    }

    /// Starts it again, with what it has kept.
    pub(crate) fn run(&mut self) {
        let file = self.file();
        self.run_by(Command::new("nats-server").arg("-c").arg(file));
    }

    fn run_by(&mut self, command: &mut Command) {
        let listen = format!("listen: \"127.0.0.1:{}\"\n{}\n", self.port, self.configuration);
        std::fs::write(self.file(), listen).unwrap();
        let log = std::fs::File::create(self.folder.join("nats.log")).unwrap();
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.folder.join("nats.log")).unwrap();
            assert!(start.elapsed() < PATIENCE, "nats-server does not listen: {}", log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Has these lines in its configuration from its next start on, as [`Self::start_with`] has them.
    pub(crate) fn configure(&mut self, configuration: &str) {
        let store = format!("{:?}", self.folder.join("store"));
        self.configuration = configuration.replace("STORE", &store);
    }

    /// Kills it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Has it stand still (`-STOP`) or go on (`-CONT`).
    pub(crate) fn stop_or_go_on(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
