//! Programs that a test needs and the machine may not have.
//!
//! Where one is not there, its test says `skipped: no rlwrap` on the console; with LOBBYD_REQUIRE_CLIENTS set,
//! as in continuous integration, it fails instead.

use std::io::Write;
use std::process::{Command, Stdio};

/// Whether all of these programs are there; if not, says so where a person sees it.
pub(crate) fn have(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", program])
            .stdout(Stdio::null())
            .status();
        !found.is_ok_and(|status| status.success())
    });
    let Some(missing) = missing else { return true };
    skip(missing);
    false
}

/// Says that a test is skipped for want of something, where a person sees it; fails where that has to
/// be there.
pub(crate) fn skip(missing: &str) {
    let required = std::env::var_os("LOBBYD_REQUIRE_CLIENTS").is_some();
    assert!(!required, "no {missing} here, and LOBBYD_REQUIRE_CLIENTS is set");
    // The test runner keeps what a passing test prints to itself; the terminal does not.
    let line = format!("skipped: no {missing}\n");
    if let Ok(mut console) = std::fs::OpenOptions::new().write(true).open("/dev/tty") {
        let _ = console.write_all(line.as_bytes());
    }
    print!("{line}");
}
