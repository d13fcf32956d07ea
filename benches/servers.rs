//! The servers under test, each started fresh on a free port.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::machine::{affinity, set_affinity};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lobbyd,
    /// Lobbyd with its database in memory.
    Memory,
    Direct,
    Batch,
    Ngircd,
    Inspircd,
}

/// What it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Lobbyd,
    Irc,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Lobbyd, Self::Memory, Self::Direct, Self::Batch, Self::Ngircd, Self::Inspircd];

    /// Whether it is this project's server.
    pub(crate) fn is_lobbyd(self) -> bool {
        matches!(self, Self::Lobbyd | Self::Memory)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lobbyd => "lobbyd",
            Self::Memory => "memory",
            Self::Direct => "direct",
            Self::Batch => "batch",
            Self::Ngircd => "ngircd",
            Self::Inspircd => "inspircd",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Lobbyd | Self::Memory | Self::Direct | Self::Batch => Protocol::Lobbyd,
            Self::Ngircd | Self::Inspircd => Protocol::Irc,
        }
    }

    /// Where a server that is no part of this project is installed.
    fn program(self) -> Option<&'static str> {
        match self {
            Self::Ngircd => Some("/usr/sbin/ngircd"),
            Self::Inspircd => Some("/usr/sbin/inspircd"),
            _ => None,
        }
    }

    /// Whether it speaks TLS: the baselines do not.
    pub(crate) fn has_tls(self) -> bool {
        !matches!(self, Self::Direct | Self::Batch)
    }

    /// Whether it can be run on this machine.
    pub(crate) fn is_here(self) -> bool {
        self.program().is_none_or(|path| fs::exists(path).unwrap_or(false))
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub port: u16,
    /// The port that speaks TLS beside the plain one, where that was asked for.
    pub tls_port: Option<u16>,
    /// The port of the operator's listener, where that was asked for.
    pub admin_port: Option<u16>,
    folder: PathBuf,
}

/// How a server is started, beside what all have.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// The port that speaks TLS beside the plain one.
    pub tls_port: Option<u16>,
    /// The port of the operator's listener.
    pub admin_port: Option<u16>,
    /// Settings of lobbyd.
    pub env: &'a [(&'a str, &'a str)],
    /// What another has left; else a folder of its own.
    pub folder: Option<PathBuf>,
    /// The other inspircd that it is linked to.
    pub link: Option<Link>,
}

/// Which of two linked servers this is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    /// 0 or 1.
    pub own: usize,
    /// Where each listens for the other.
    pub ports: [u16; 2],
}

impl Server {
    /// Starts one with its limits off, on processor 0 or on all.
    pub(crate) fn start(kind: Kind, pinned: bool, tls: bool) -> Self {
        Self::start_with(kind, pinned, tls, |_| ())
    }

    /// Starts lobbyd with both listeners.
    pub(crate) fn start_both(pinned: bool) -> Self {
        let setup = Setup { tls_port: Some(free_port()), ..Setup::default() };
        Self::launch(Kind::Lobbyd, pinned, false, setup, |_| ())
    }

    /// Starts lobbyd with the operator's listener.
    pub(crate) fn start_with_admin(pinned: bool) -> Self {
        let setup = Setup { admin_port: Some(free_port()), ..Setup::default() };
        Self::launch(Kind::Lobbyd, pinned, false, setup, |_| ())
    }

    /// The same as `start`, in a folder that has been prepared.
    pub(crate) fn start_with(
        kind: Kind,
        pinned: bool,
        tls: bool,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        Self::launch(kind, pinned, tls, Setup::default(), prepare)
    }

    /// Starts one of several.
    pub(crate) fn start_as(kind: Kind, pinned: bool, setup: Setup<'_>) -> Self {
        Self::launch(kind, pinned, false, setup, |_| ())
    }

    /// Ends it as an operator does, and gives what it leaves.
    pub(crate) fn stop(mut self) -> PathBuf {
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.folder)
    }

    /// Kills it at whatever instant this is.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn launch(
        kind: Kind,
        pinned: bool,
        tls: bool,
        setup: Setup<'_>,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let Setup { tls_port, admin_port, env, folder, link } = setup;
        let folder = folder.unwrap_or_else(own_folder);
        let port = free_port();
        prepare(&folder);
        if tls || tls_port.is_some() {
            make_certificate(&folder);
        }
        let mut command = command(kind, port, &folder, tls, link);
        if let Some(port) = tls_port {
            command.env("CHAT_TLS_ADDR", format!("127.0.0.1:{port}"));
        }
        if let Some(port) = admin_port {
            command.env("CHAT_ADMIN_ADDR", format!("127.0.0.1:{port}"));
        }
        command.envs(env.iter().copied()).current_dir(&folder);
        let child = spawn(&mut command, pinned);
        let mut server = Self { child, port, tls_port, admin_port, folder };
        server.wait(kind);
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait(&mut self, kind: Kind) {
        if kind.is_lobbyd() {
            let out = BufReader::new(self.child.stdout.take().unwrap());
            assert!(out.lines().map_while(Result::ok).any(|l| l.contains("Server ready")));
            return;
        }
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "{kind:?} does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Nothing, where it was taken.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A new folder for what one server keeps.
pub(crate) fn own_folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name =
        format!("lobbyd-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Starts a process on processor 0 or on all.
pub(crate) fn spawn(command: &mut Command, pinned: bool) -> Child {
    command.stdin(Stdio::null()).stderr(Stdio::null());
    // The new process inherits our affinity: give it its own from its first instant.
    let wanted = affinity(pinned.then_some(0));
    let ours = rustix::thread::sched_getaffinity(None).unwrap();
    rustix::thread::sched_setaffinity(None, &wanted).unwrap();
    let child = command.spawn().unwrap();
    set_affinity(child.id(), &wanted);
    rustix::thread::sched_setaffinity(None, &ours).unwrap();
    child
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `certs/server.crt` and `certs/server.key` in the folder, P-256, the same for every server.
fn make_certificate(folder: &Path) {
    let mut make = Command::new(env!("CARGO_BIN_EXE_lobbyd"));
    make.arg("gen-cert").env_clear().current_dir(folder).stdout(Stdio::null());
    assert!(make.status().unwrap().success());
}

fn command(kind: Kind, port: u16, folder: &Path, tls: bool, link: Option<Link>) -> Command {
    let addr = format!("127.0.0.1:{port}");
    match kind {
        Kind::Lobbyd | Kind::Memory => {
            let data = if kind == Kind::Memory { "off" } else { "data" };
            let mut command = Command::new(env!("CARGO_BIN_EXE_lobbyd"));
            let (plain, secure) = if tls { ("off", addr.as_str()) } else { (addr.as_str(), "off") };
            command.env_clear().stdout(Stdio::piped()).envs([
                ("CHAT_ADDR", plain),
                ("CHAT_TLS_ADDR", secure),
                ("CHAT_MAX_CONNECTIONS", "0"),
                ("CHAT_MAX_CONNECTIONS_PER_IP", "0"),
                ("CHAT_CONNECTS_PER_MINUTE", "0"),
                ("CHAT_RATE_MESSAGES", "0"),
                ("CHAT_MAX_LOBBIES_PER_USER", "100000"),
                ("CHAT_DATA_DIR", data),
                ("RUST_LOG", "error"),
            ]);
            command
        }
        Kind::Direct | Kind::Batch => {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--serve", kind.name(), &addr]).stdout(Stdio::null());
            command
        }
        Kind::Ngircd => {
            let config = folder.join("ngircd.conf");
            fs::write(&config, ngircd_config(port, folder, tls)).unwrap();
            let mut command = Command::new(kind.program().unwrap());
            command.args(["-n", "-f"]).arg(config).stdout(Stdio::null());
            command
        }
        Kind::Inspircd => {
            let config = folder.join("inspircd.conf");
            fs::write(&config, inspircd_config(port, folder, tls, link)).unwrap();
            let mut command = Command::new(kind.program().unwrap());
            command.args(["--nofork", "--runasroot", "--config"]).arg(config);
            command.stdout(Stdio::null());
            command
        }
    }
}

fn ngircd_config(port: u16, folder: &Path, tls: bool) -> String {
    let certs = folder.join("certs");
    let (plain, secure) = if tls {
        let files = format!(
            "CertFile = {0}/server.crt\nKeyFile = {0}/server.key\nPorts = {port}\n",
            certs.display()
        );
        (free_port(), format!("[SSL]\n{files}"))
    } else {
        (port, String::new())
    };
    format!(
        "[Global]\nName = bench.local\nInfo = bench\nPorts = {plain}\nListen = 127.0.0.1\n\
         ServerUID = root\nServerGID = root\n\
         [Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0\n\
         PingTimeout = 600\nPongTimeout = 600\n\
         [Options]\nDNS = no\nIdent = no\nPAM = no\n{secure}"
    )
}

fn inspircd_config(port: u16, folder: &Path, tls: bool, link: Option<Link>) -> String {
    let folder = folder.display();
    let (module, profile) = if tls {
        let module = format!(
            "<module name=\"ssl_gnutls\">\n<sslprofile name=\"tls\" provider=\"gnutls\" \
             certfile=\"{folder}/certs/server.crt\" keyfile=\"{folder}/certs/server.key\">\n"
        );
        (module, " sslprofile=\"tls\"")
    } else {
        (String::new(), "")
    };
    let (own, link) = link.map_or((0, String::new()), |link| (link.own, inspircd_link(link)));
    format!(
        "{module}<server name=\"bench{own}.local\" description=\"bench\" network=\"bench\" id=\"{own}0A\">\n\
         {link}\
         <admin name=\"a\" nick=\"a\" email=\"a@b.local\">\n\
         <path configdir=\"{folder}\" logdir=\"{folder}\" datadir=\"{folder}\" runtimedir=\"{folder}\">\n\
         <bind address=\"127.0.0.1\" port=\"{port}\" type=\"clients\"{profile}>\n\
         <connect allow=\"*\" timeout=\"60\" pingfreq=\"10m\" localmax=\"100000\" globalmax=\"100000\" \
         fakelag=\"off\" commandrate=\"100000000\" threshold=\"1000000\" recvq=\"1M\" \
         softsendq=\"10M\" hardsendq=\"100M\" maxchans=\"1000\" useident=\"no\" resolvehostnames=\"no\">\n\
         <performance nouserdns=\"yes\" somaxconn=\"4096\" softlimit=\"100000\" netbuffersize=\"65534\" \
         clonesonconnect=\"no\" limitsomaxconn=\"no\">\n\
         <options prefixquit=\"\" suffixquit=\"\">\n\
         <dns server=\"127.0.0.1\" timeout=\"1\">\n\
         <pid file=\"{folder}/inspircd.pid\">\n\
         <log method=\"file\" type=\"*\" level=\"none\" target=\"{folder}/log\">\n\
         <class name=\"x\"><type name=\"x\">\n"
    )
}

/// The one that is started last connects to the other.
fn inspircd_link(Link { own, ports }: Link) -> String {
    let (other, from, to) = (1 - own, ports[own], ports[1 - own]);
    let connect = if own == 1 {
        format!("<autoconnect period=\"1\" server=\"bench{other}.local\">\n")
    } else {
        String::new()
    };
    format!(
        "<module name=\"spanningtree\">\n\
         <bind address=\"127.0.0.1\" port=\"{from}\" type=\"servers\">\n\
         <link name=\"bench{other}.local\" ipaddr=\"127.0.0.1\" port=\"{to}\" allowmask=\"127.0.0.0/8\" \
         sendpass=\"bench\" recvpass=\"bench\">\n{connect}"
    )
}
