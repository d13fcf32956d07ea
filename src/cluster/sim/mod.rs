//! A cluster in one thread: the machines of the nodes under a simulated engine and a simulated clock, with
//! faults by seed, and checks that find whether each node has the same log.

mod app;
mod chance;
mod checks;
mod crowd;
mod engine;
mod faults;
mod tests;
mod world;
