//! Memory that begins with a cache line.

/// Bytes in a cache line.
const LINE: usize = 64;

/// Numbers from the start of a cache line on. A copy may begin elsewhere, and is read a little slower.
#[derive(Debug, Clone)]
pub(super) struct Aligned<T> {
    data: Vec<T>,
    start: usize,
}

impl<T: Copy + Default> Aligned<T> {
    pub(super) fn new(length: usize) -> Self {
        let line = LINE / size_of::<T>();
        let data = vec![T::default(); length + line];
        let start = (line - (data.as_ptr() as usize / size_of::<T>()) % line) % line;
        Self { data, start }
    }

    pub(super) fn numbers(&self) -> &[T] {
        &self.data[self.start..]
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [T] {
        &mut self.data[self.start..]
    }

    pub(super) fn bytes(&self) -> usize {
        self.data.len() * size_of::<T>()
    }
}
