//! What the kernel says of processes and processors.

use std::fs;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Keeps the calling thread (and what it starts) on one processor.
pub(crate) fn pin_to(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).unwrap();
}

/// Lets the process that is about to run use one processor alone, or all of them.
pub(crate) fn affinity(cpu: Option<usize>) -> CpuSet {
    let mut set = CpuSet::new();
    match cpu {
        Some(cpu) => set.set(cpu),
        None => (0..std::thread::available_parallelism().unwrap().get().max(2))
            .for_each(|cpu| set.set(cpu)),
    }
    set
}

/// Applies a set to a process.
pub(crate) fn set_affinity(pid: u32, set: &CpuSet) {
    sched_setaffinity(Pid::from_raw(pid as i32), set).unwrap();
}

/// Nanoseconds that all threads of a process have run, by the scheduler's count.
pub(crate) fn cpu_ns(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Resident bytes of a process.
pub(crate) fn rss_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Ticks that the whole machine was busy and idle, to say how busy the rest of it was.
pub(crate) fn machine_ticks() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let numbers: Vec<u64> = stat
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|n| n.parse().unwrap())
        .collect();
    let idle = numbers[3] + numbers[4];
    (numbers.iter().take(8).sum::<u64>() - idle, idle)
}
