use super::*;
use crate::clock;

/// A sink that takes nothing while it is shut, and fails while it is broken.
#[derive(Clone, Default)]
struct Sink(Arc<(Mutex<Inner>, Condvar)>);

#[derive(Default)]
struct Inner {
    shut: bool,
    /// Somebody has something to write to it.
    asked: bool,
    broken: bool,
    text: String,
}

impl Sink {
    fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Waits until somebody has something to write.
    fn wait_until_asked(&self) {
        let inner = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(inner, |inner| !inner.asked).unwrap());
    }

    fn text(&self) -> String {
        self.0.0.lock().unwrap().text.clone()
    }
}

impl Write for Sink {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.set(|inner| inner.asked = true);
        let inner = self.0.0.lock().unwrap();
        let mut inner = self.0.1.wait_while(inner, |inner| inner.shut).unwrap();
        if inner.broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        inner.text.push_str(std::str::from_utf8(text).unwrap());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn outlet(sink: &Sink, lines: usize, bytes: usize) -> Outlet {
    let loss = |count| format!("lost {count}\n").into_bytes();
    Outlet::with_limits("test", sink.clone(), Some(loss), lines, bytes).unwrap()
}

const LONG: Duration = Duration::from_secs(20);

fn soon() -> Instant {
    clock::now() + LONG
}

#[test]
fn lines_come_out_whole_and_in_their_order() {
    let sink = Sink::default();
    let outlet = outlet(&sink, 1_000, 1_000_000);
    let lines: Vec<_> = (0..900).map(|n| format!("line {n} {}\n", "x".repeat(90))).collect();
    for line in &lines {
        outlet.push(line.as_bytes());
    }
    assert!(outlet.flush(LONG, soon()));
    assert_eq!(sink.text(), lines.concat());
}

#[test]
fn what_nobody_reads_is_lost_and_told_in_its_place() {
    for (lines, bytes) in [(10, 1_000_000), (1_000, 70)] {
        let sink = Sink::default();
        sink.set(|inner| inner.shut = true);
        let outlet = outlet(&sink, lines, bytes);
        outlet.push(b"line000\n");
        // From here on the thread waits for the sink, so what comes stays in the queue.
        sink.wait_until_asked();
        for n in 1..1_000 {
            outlet.push(format!("line{n:03}\n").as_bytes());
        }
        assert!(!outlet.flush(Duration::from_millis(1), soon()), "nobody waits for it");
        assert!(!outlet.flush(LONG, clock::now()), "nor beyond the end");
        sink.set(|inner| inner.shut = false);
        assert!(outlet.flush(LONG, soon()));
        outlet.push(b"after\n");
        assert!(outlet.flush(LONG, soon()));
        let text = sink.text();
        let (kept, rest) = text.split_once("lost ").unwrap();
        let shown = kept.lines().count();
        assert_eq!(shown, 1 + lines.min(bytes / "line000\n".len()), "{text}");
        let in_order: String = (0..shown).map(|n| format!("line{n:03}\n")).collect();
        assert_eq!(kept, in_order);
        assert_eq!(rest, format!("{}\nafter\n", 1_000 - shown));
    }
}

#[test]
fn a_line_that_is_too_long_for_anything_is_lost_at_once() {
    let sink = Sink::default();
    let outlet = outlet(&sink, 10, 70);
    outlet.push(&[b'x'; 100]);
    assert!(outlet.flush(LONG, soon()));
    assert_eq!(sink.text(), "lost 1\n");
}

#[test]
fn what_cannot_be_written_is_counted_and_told_with_the_next_line_that_can() {
    let sink = Sink::default();
    sink.set(|inner| inner.broken = true);
    let outlet = outlet(&sink, 10, 1_000);
    for _ in 0..3 {
        outlet.push(b"into the void\n");
        assert!(outlet.flush(LONG, soon()));
    }
    sink.set(|inner| inner.broken = false);
    outlet.push(b"back\n");
    assert!(outlet.flush(LONG, soon()));
    assert_eq!(sink.text(), "lost 3\nback\n");
}
