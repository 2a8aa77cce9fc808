//! What a job may take of the host, and what it took: memory, processor time, descriptors and processes.

pub(super) mod budget;
pub(super) mod counters;
pub(super) mod cpu;
pub(super) mod handle_memory;
pub(super) mod job_budgets;
pub(super) mod memory;
