//! The faults: what breaks by chance, and how it is over.

use super::super::engine::Subject;
use super::world::{Event, Process, World};

/// A fault that lasts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// A process was killed, or has ended.
    Dead(usize),
    /// A process stands still.
    Frozen(usize),
    /// Nothing goes over the line of a node.
    Cut(usize),
    /// The engine is stopped.
    Engine,
    /// The engine's disk is full.
    Full,
    /// The engine stands still.
    Stalled,
}

/// How long a library may take to notice that its connection is gone.
const NOTICES_WITHIN: u64 = 2_500;

impl World {
    /// The next fault, by chance.
    pub(super) fn fault(&mut self) {
        if self.now >= self.script.faults_until {
            return;
        }
        self.faults += 1;
        let node = usize::try_from(self.chance.of(0, self.machines.len() as u64)).unwrap();
        let rest = self.script.faults_until - self.now;
        let lasts = |chance: &mut super::chance::Chance, low, high| chance.of(low, high).min(rest);
        let running = self.machines[node].process.is_some();
        match self.chance.of(0, 100) {
            0..20 if running => {
                self.kill(node);
                let lasts = lasts(&mut self.chance, 50, 8_000);
                self.after(lasts, Event::Over(Fault::Dead(node)));
            }
            20..30 if running => {
                self.with(node, |process, now, _| {
                    process.app.ending = true;
                    process.node.end(now);
                });
                // It takes some seconds to end.
                let lasts = self.chance.of(6_500, 9_000);
                self.after(lasts, Event::Over(Fault::Dead(node)));
            }
            30..50 if running && !self.machines[node].frozen => {
                let lasts = lasts(&mut self.chance, 300, 9_000);
                self.freeze(node);
                self.after(lasts, Event::Over(Fault::Frozen(node)));
            }
            50..70 if self.machines[node].line_works => {
                let lasts = lasts(&mut self.chance, 50, 8_000);
                self.machines[node].line_works = false;
                self.cut(node, NOTICES_WITHIN);
                self.after(lasts, Event::Over(Fault::Cut(node)));
            }
            70..80 if self.engine.up => {
                let lasts = lasts(&mut self.chance, 100, 6_000);
                self.stop_engine();
                self.after(lasts, Event::Over(Fault::Engine));
            }
            80..83 if !self.engine.full => {
                let lasts = lasts(&mut self.chance, 100, 9_000);
                self.engine.full = true;
                self.engine_in_trouble(lasts);
                self.after(lasts, Event::Over(Fault::Full));
            }
            83..86 if self.engine.still_until <= self.now => {
                let lasts = lasts(&mut self.chance, 100, 9_000);
                self.engine.still_until = self.now + lasts;
                self.engine_in_trouble(lasts);
                self.after(lasts, Event::Over(Fault::Stalled));
            }
            86..90 => {
                let bytes = self.chance.next().to_be_bytes().to_vec();
                let subject = self.chance.mille(500).then_some(Subject::Server);
                let delivered = self.engine.append(subject, bytes.into(), self.now);
                self.publish(&delivered);
            }
            90..95 => self.engine.clock = self.chance.of(0, 4_000).cast_signed() - 2_000,
            // A reader that gets nothing any more, on a connection that works.
            95..98 => self.deafen(node),
            _ => {
                let connection = self.machines[node].linked;
                if connection {
                    self.cut(node, 100);
                }
            }
        }
        let next = self.chance.of(200, 2_500);
        self.after(next, Event::Fault);
    }

    /// The engine takes nothing for so long. Troubles with little between them are one.
    fn engine_in_trouble(&mut self, lasts: u64) {
        let (from, until) = self.engine.trouble;
        let from = if self.now < until + 3_000 { from } else { self.now };
        self.engine.trouble = (from, until.max(self.now + lasts));
    }

    /// A process stands still from now on.
    pub(super) fn freeze(&mut self, node: usize) {
        let now = self.now;
        let machine = &mut self.machines[node];
        machine.frozen = true;
        machine.trouble_begins(now);
    }

    /// The engine stops: nobody has a connection. Its log may break where the script says so.
    pub(super) fn stop_engine(&mut self) {
        self.engine.up = false;
        for node in 0..self.machines.len() {
            self.cut(node, 100);
        }
        if self.script.log_breaks && self.chance.mille(500) {
            if self.chance.mille(500) {
                let records = self.chance.of(1, 40);
                self.engine.lose_tail(usize::try_from(records).unwrap());
            } else {
                self.engine.lose_all(self.now);
            }
            let last = self.engine.log.len();
            self.checks.lost_behind(last);
            for machine in &mut self.machines {
                machine.disk.astray |= machine.disk.mark().position.0 > last as u64;
                if let Some(Process { node, app }) = &mut machine.process {
                    app.astray |= node.mark().position.0 > last as u64;
                }
            }
        }
    }

    /// A fault is over.
    pub(super) fn fault_over(&mut self, fault: Fault) {
        match fault {
            Fault::Dead(node) => {
                if self.machines[node].process.is_none() {
                    self.begin(node);
                }
            }
            Fault::Frozen(node) => self.thaw(node),
            Fault::Cut(node) => self.machines[node].line_works = true,
            Fault::Engine => self.engine.up = true,
            Fault::Full => self.engine.full = false,
            Fault::Stalled => {}
        }
    }
}
