//! The memory of one job: all its linear memories under one limit, and all its tables under another.

use wasmtime::ResourceLimiter;

use crate::policy::Limits;

/// The most core instances that one component may have. Python components have close to forty.
pub(in crate::sandbox) const MAX_INSTANCES: usize = 64;
/// The most linear memories that one component may have.
pub(in crate::sandbox) const MAX_MEMORIES: usize = 8;
/// The most tables that one component may have.
pub(in crate::sandbox) const MAX_TABLES: usize = 32;

/// Refuses growth beyond the limits, and remembers that it did.
///
/// A guest that is refused growth sees a failed `memory.grow` and decides itself what to make of it. Mostly it
/// gives up, and then the refusal is the reason to tell.
#[derive(Debug)]
pub(in crate::sandbox) struct MemoryLimiter {
    memory: Account,
    table: Account,
}

/// One kind of memory: how much of it there may be, is, and was at most.
#[derive(Debug, Default)]
struct Account {
    limit: u64,
    used: u64,
    peak: u64,
    refused: Option<u64>,
    /// How much the last growth added, in case it fails after all.
    last: u64,
}

impl MemoryLimiter {
    /// A limiter for a job that has no memory yet.
    pub(in crate::sandbox) fn new(limits: &Limits) -> Self {
        Self {
            memory: Account { limit: limits.memory, ..Account::default() },
            table: Account { limit: limits.table, ..Account::default() },
        }
    }

    /// The most bytes of memory that the job had at once.
    pub(in crate::sandbox) fn peak(&self) -> u64 {
        self.memory.peak
    }

    /// How many bytes of memory the job would have had when growth was refused; `None` where it never was.
    pub(in crate::sandbox) fn refused_memory(&self) -> Option<u64> {
        self.memory.refused
    }

    /// How many table elements the job would have had when growth was refused; `None` where it never was.
    pub(in crate::sandbox) fn refused_table(&self) -> Option<u64> {
        self.table.refused
    }
}

impl Account {
    /// Whether there may be so much more. Counts it where there may, and remembers the refusal where not.
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        // Whatever fails next is this growth or none.
        self.last = 0;
        let more = desired.saturating_sub(current) as u64;
        let total = self.used.saturating_add(more);
        if total > self.limit {
            self.refused = Some(total);
            return false;
        }
        self.used = total;
        self.peak = self.peak.max(total);
        self.last = more;
        true
    }

    /// Undoes the growth that was counted last.
    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.last);
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.table.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(memory: u64) -> MemoryLimiter {
        MemoryLimiter::new(&Limits { memory, ..Limits::default() })
    }

    #[test]
    fn memories_share_one_limit() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 60, None).expect("answers"));
        assert!(!limiter.memory_growing(0, 60, None).expect("answers"));
        assert!(limiter.memory_growing(0, 40, None).expect("answers"));
        assert_eq!((limiter.peak(), limiter.refused_memory()), (100, Some(120)));
    }

    #[test]
    fn growth_that_fails_after_it_was_allowed_is_taken_back() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 80, None).expect("answers"));
        limiter.memory_grow_failed(wasmtime::format_err!("no room")).expect("answers");
        assert!(limiter.memory_growing(0, 100, None).expect("answers"));
        // A failure that no growth preceded gives nothing back.
        assert!(!limiter.memory_growing(100, 200, None).expect("answers"));
        limiter.memory_grow_failed(wasmtime::format_err!("no room")).expect("answers");
        assert!(!limiter.memory_growing(100, 101, None).expect("answers"));
    }
}
